"""`local`: attributes of which every greenlet has its own.

`_local.pyx` is the same in C and is imported instead of this file where it was built.
"""

from __future__ import annotations

from hublet.core import getcurrent

from ._ending import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["local"]


class _Spaces:
    """The attributes of one `local`, by the address of the greenlet that they belong to."""

    # By address, for a reference would keep the greenlet.  An address is used again only after the greenlet was freed, and
    # what it had was forgotten before that.

    __slots__ = ("__weakref__", "all", "args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs
        self.all: dict[int, list[Any]] = {}  # -> values, and what waits for the end of the greenlet

    def forget(self, key: int) -> None:
        """Drop what the greenlet at that address had."""
        self.all.pop(key, None)

    def open(self, key: int) -> tuple[dict[str, Any], bool]:
        """Return the attributes of the greenlet at that address, which runs, and whether they are new."""
        space: list[Any] = [{}, None]
        found = self.all.setdefault(key, space)
        if found is not space:
            return found[0], False
        space[1] = Ending(self, getcurrent(), key)
        return space[0], True


class local:  # as in `threading`
    """An object whose attributes are different ones in every greenlet, and in every native thread.

    A subclass may have an `__init__`: it is called in each greenlet that comes to the object, when it first does, with the
    arguments that the object was made with.  Slots of a subclass, like attributes of the class, are the same for all.  What
    a greenlet has assigned is dropped when it ends.  Never switches, unless `__init__` does.  Any thread may use it.  Raises
    `TypeError` if there are arguments and no `__init__` to take them; an attribute that only others have is an
    `AttributeError`.
    """

    __slots__ = ("__spaces", "__weakref__")

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Any:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments: it has no __init__")
        self = object.__new__(cls)
        spaces = _Spaces(args, kwargs)
        object.__setattr__(self, "_local__spaces", spaces)
        spaces.open(id(getcurrent()))
        return self

    def __getattribute__(self, name: str) -> Any:
        values = _values(self)
        if name == "__dict__":
            return values
        if name in values and not _is_managed(type(self), name):
            return values[name]
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        values = _values(self)
        if _is_managed(type(self), name):
            object.__setattr__(self, name, value)
        else:
            values[name] = value

    def __delattr__(self, name: str) -> None:
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        values = _values(self)
        if _is_managed(type(self), name):
            object.__delattr__(self, name)
        elif name in values:
            del values[name]
        else:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __reduce__(self) -> Any:
        # Not by copying what it is made of: that is the values of all greenlets, by addresses that mean nothing elsewhere.
        raise TypeError(f"cannot pickle or deeply copy {type(self).__name__!r} object: every greenlet has its own attributes")

    def __copy__(self) -> Any:
        """Make another with the same arguments, and let it have the attributes that this greenlet has here."""
        spaces = object.__getattribute__(self, "_local__spaces")
        copied = type(self)(*spaces.args, **spaces.kwargs)
        _values(copied).update(_values(self))
        return copied


def _values(self: local) -> dict[str, Any]:
    """Return the attributes of the current greenlet."""
    spaces = object.__getattribute__(self, "_local__spaces")
    key = id(getcurrent())
    space = spaces.all.get(key)
    if space is not None:
        return space[0]  # type: ignore[no-any-return]
    values, new = spaces.open(key)
    if new and type(self).__init__ is not object.__init__:
        try:
            type(self).__init__(self, *spaces.args, **spaces.kwargs)
        except BaseException:
            spaces.forget(key)
            raise
    return values  # type: ignore[no-any-return]


def _is_managed(kind: type, name: str) -> bool:
    """Say whether *kind* itself decides what it is to assign to *name*: a property, a slot."""
    for base in kind.__mro__:
        if name in base.__dict__:
            found = type(base.__dict__[name])
            return hasattr(found, "__set__") or hasattr(found, "__delete__")
    return False

"""How a distribution says what it replaces in the standard library, and how it finds what was there before.

A distribution lists `Patch` records under an entry point.  Whoever patches finds them, and replaces what each names as soon
as its target is imported: nothing is imported for a record whose target the program does not use.

So a replacement may be imported when other parts of the standard library are patched already.  What it needs of them as it
was, it takes by `original`.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Patch", "original", "saved"]

saved: dict[str, dict[str, Any]] = {}
"""What was replaced: the target, a module, or a class as ``"module:Class"`` -> name -> the original."""


def original(module: str, name: str, *default: Any) -> Any:
    """Return what *module*, imported if need be, had by the name *name* before it was patched.

    For what was never patched, that is what it has now.  Raises `AttributeError` for a name that it has not, unless there
    is a *default* to return then.  Never switches.
    """
    found = import_module(module)  # first: it may be patched by being imported
    replaced = saved.get(module, {})
    return replaced[name] if name in replaced else getattr(found, name, *default)


class Patch:
    """A promise that *names* in the module *replacement* can stand for the same names in the module *target*.

    Either may be a class instead, as ``"module:Class"``: methods of a class are replaced in place, for its subclasses and
    for instances that exist.  The replacement is imported, and the names are replaced, when the target is there: at once if
    it is loaded, otherwise right after the program has imported it.

    *feature* is the part of ``patch_all`` that switches it on ("socket", "dns", …).  *after* names features that are
    patched before it, where their targets are there too.  *distribution* is what to install to get it.  *hook*, if given,
    is called without arguments once the names are replaced, for what cannot be said by names.  *relies_on* lists what the
    replacement uses of the standard library without its being documented, as ``"module:object"`` or, for a function, with
    the names of its positional parameters, ``"module:Class.method(self, x)"``, or with global names and attributes that it
    uses, ``"module:function[name, _attribute]"``; where a Python has it otherwise, whoever patches says so.
    """

    # Not a `NamedTuple`: `typing` and what that makes of this take longer than all else here (`benchmarks/patch_time.py`).

    __slots__ = ("after", "distribution", "feature", "hook", "names", "relies_on", "replacement", "target")

    def __init__(
        self,
        feature: str,
        target: str,
        replacement: str,
        names: tuple[str, ...],
        after: tuple[str, ...] = (),
        distribution: str = "",
        hook: Callable[[], None] | None = None,
        relies_on: tuple[str, ...] = (),
    ) -> None:
        self.feature = feature
        self.target = target
        self.replacement = replacement
        self.names = names
        self.after = after
        self.distribution = distribution
        self.hook = hook
        self.relies_on = relies_on

    def __repr__(self) -> str:
        names = ", ".join(self.names)
        return f"<Patch {self.feature!r} of {self.target} ({names}) by {self.replacement} from {self.distribution or 'nobody'}>"

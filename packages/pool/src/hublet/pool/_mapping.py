"""What can be done with anything that spawns: apply a function to one set of arguments, or to many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hublet.core import Greenlet, spawn

from ._imap import IMap, IMapUnordered

__all__ = ["Mapping"]

T = TypeVar("T")
R = TypeVar("R")

_MANY = 128


class Mapping:
    """The base of groups and pools.  A subclass says how to `spawn`."""

    __slots__ = ()

    def spawn(self, *args: Any, **kwargs: Any) -> Any:
        """Start a call; return an object with `get`, `rawlink` and `link_value`.  May park until there is room."""
        raise NotImplementedError

    def _runs_current(self) -> bool:
        """Say whether the caller was spawned here: then waiting for room here could last for ever."""
        raise NotImplementedError

    def _would_park(self) -> bool:
        """Say whether `spawn` would park."""
        raise NotImplementedError

    def apply(self, func: Callable[..., R], args: Any = None, kwds: Any = None) -> R:
        """Call ``func(*args, **kwds)`` here and return what it returns, or raise what it raises.  Parks.

        If the caller was itself spawned here the function is called at once, since waiting for room could last for ever.
        """
        if self._runs_current():
            return func(*(args or ()), **(kwds or {}))
        return self.spawn(func, *(args or ()), **(kwds or {})).get()  # type: ignore[no-any-return]

    def apply_cb(
        self, func: Callable[..., R], args: Any = None, kwds: Any = None, callback: Callable[[R], object] | None = None
    ) -> R:
        """As `apply`; then let *callback*, if it is given, be called with the result, in a greenlet of its own."""
        result = self.apply(func, args, kwds)
        if callback is not None:
            spawn(callback, result)
        return result

    def apply_async(
        self, func: Callable[..., R], args: Any = None, kwds: Any = None, callback: Callable[[R], object] | None = None
    ) -> Any:
        """Let ``func(*args, **kwds)`` be called here as soon as there is room; return a greenlet that has its outcome.

        Never switches.  *callback*, if it is given, is called with the result, unless there is an error.
        """
        if self._would_park():
            return spawn(self.apply_cb, func, args, kwds, callback)
        greenlet = self.spawn(func, *(args or ()), **(kwds or {}))
        if callback is not None:
            greenlet.link_value(_PassValue(callback))
        return greenlet

    def map(self, func: Callable[[T], R], iterable: Iterable[T]) -> list[R]:
        """Call *func* with each item, as many at once as there is room for; return the results in the order of the items.

        Parks.  Raises the first error, in that order; the other calls go on.  Raises too what the iterable raises.
        """
        calls: list[Any] = []
        taken = 0  # so many at the front gave way to their results
        spawn = self.spawn
        for item in iterable:
            calls.append(spawn(func, item))
            if len(calls) >= taken + _MANY:
                # Let go of those that are finished, or the garbage collector looks at all of them again and again
                # (benchmarks/sync, pool.map).
                while taken < len(calls) and calls[taken].successful():
                    calls[taken] = calls[taken].get()
                    taken += 1
        for i in range(taken, len(calls)):
            calls[i] = calls[i].get()
        return calls

    def map_cb(
        self, func: Callable[[T], R], iterable: Iterable[T], callback: Callable[[list[R]], object] | None = None
    ) -> list[R]:
        """As `map`; then call *callback*, if it is given, with the results."""
        results = self.map(func, iterable)
        if callback is not None:
            callback(results)
        return results

    def map_async(
        self, func: Callable[[T], R], iterable: Iterable[T], callback: Callable[[list[R]], object] | None = None
    ) -> Greenlet[Any]:
        """Return a greenlet that runs `map_cb`.  Never switches."""
        return spawn(self.map_cb, func, iterable, callback)

    def imap(self, func: Callable[..., R], *iterables: Iterable[Any], maxsize: int | None = None) -> IMap[R]:
        """As `map` with several iterables, but return an iterator that gives each result as soon as its turn comes.

        At most *maxsize* calls are under way or have a result that was not taken yet; `None` and 0 are without limit.  Never
        switches; each step of the iterator parks until there is a result.  It raises the errors of the calls in their
        places, and can be asked to go on after that; an error of an iterable comes last.  Raises `ValueError` if *maxsize* is
        negative.
        """
        return IMap(self.spawn, func, iterables, maxsize)

    def imap_unordered(
        self, func: Callable[..., R], *iterables: Iterable[Any], maxsize: int | None = None
    ) -> IMapUnordered[R]:
        """As `imap`, but give each result as soon as it is there.  Lighter."""
        return IMapUnordered(self.spawn, func, iterables, maxsize)


class _PassValue:
    """A link that calls *callback* with the value of what it is linked to."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[Any], object]) -> None:
        self.callback = callback

    def __call__(self, source: Any) -> None:
        self.callback(source.value)

    def __eq__(self, other: object) -> bool:
        """Equal to its callback too, so that `unlink` finds it."""
        return self.callback == getattr(other, "callback", other)

    def __hash__(self) -> int:
        return hash(self.callback)

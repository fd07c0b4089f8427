"""Waiting for several things at once, and ending several greenlets at once.

What can be waited for is anything with `ready`, `rawlink` and `unlink`: greenlets, events, results of other packages.
"""

from __future__ import annotations

from greenlet import GreenletExit

from ._greenlet import Greenlet, _exception_from
from ._hub import get_hub
from ._iwait import IWait
from ._park import Waiter, deadline_in
from ._timeout import Timeout

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["IWait", "iwait", "joinall", "kill", "killall", "wait"]


def iwait(objects: Iterable[Any], timeout: float | None = None, count: int | None = None) -> IWait:
    """Return an iterator over *objects* in the order in which they become ready.

    It ends after *count* of them (`None` is all) or after *timeout* seconds from now (`None` is without limit).  Each step
    parks until one is ready.  Use it in a `with` statement if you may leave it early.
    """
    return IWait(objects, timeout, count)


def wait(objects: Iterable[Any] | None = None, timeout: float | None = None, count: int | None = None) -> Any:
    """Wait until *count* of *objects* are ready (`None` is all) and return the list of them, the earliest first.

    Parks, at most *timeout* seconds; `None` is without limit.  Without *objects*, wait until nothing is left that could
    happen, and return whether that came in time, as `Hub.join`.
    """
    if objects is None:
        return get_hub().join(timeout)
    with IWait(objects, timeout, count) as ready:
        return list(ready)


def joinall(
    greenlets: Iterable[Any], timeout: float | None = None, raise_error: bool = False, count: int | None = None
) -> list[Any]:
    """Wait until *count* of *greenlets* are finished (`None` is all) and return the list of them, the earliest first.

    Parks, at most *timeout* seconds; `None` is without limit.  With *raise_error*, raise the first error at once.
    """
    with IWait(greenlets, timeout, count) as ready:
        if not raise_error:
            return list(ready)
        done = []
        for each in ready:
            if getattr(each, "exception", None) is not None:
                each.get()
            done.append(each)
        return done


def kill(greenlet: Any, exception: Any = GreenletExit) -> None:
    """Make sure that *exception* will be raised in *greenlet*, which may be a raw one.  Never switches."""
    if isinstance(greenlet, Greenlet):
        greenlet.kill(exception, block=False)
    elif not greenlet.dead:
        error = _exception_from((exception,))
        if not greenlet:
            greenlet.run = _raising(error)  # instead of its body, should its start come first
        get_hub().call_soon(_throw_raw, greenlet, error)


def _raising(error: BaseException) -> Callable[..., None]:
    def run(*args: Any, **kwargs: Any) -> None:
        raise error

    return run


def _throw_raw(greenlet: Any, error: BaseException) -> None:
    if not greenlet.dead:
        get_hub().scheduler.interrupt(greenlet, error)


def killall(
    greenlets: Iterable[Any], exception: Any = GreenletExit, block: bool = True, timeout: float | None = None
) -> None:
    """Raise *exception* in all *greenlets*; those that have not begun to run never will.

    With *block*, park until they are finished, at most *timeout* seconds; `None` is without limit.  Raises `Timeout` if some
    that had begun are not finished by then.  Takes any iterable, raw greenlets and duplicates.
    """
    victims = list({id(each): each for each in greenlets}.values())
    deadline = deadline_in(timeout)
    for each in victims:
        kill(each, exception)
    if not block:
        return
    raw = [each for each in victims if not isinstance(each, Greenlet)]
    if raw and not _join_raw(raw, deadline):
        raise Timeout(timeout)
    for each in victims:
        if isinstance(each, Greenlet) and not each.ready():
            each.join(None if deadline is None else max(0.0, deadline - get_hub().scheduler.now()))
            if not each.ready():
                raise Timeout(timeout)


def _join_raw(raw: list[Any], deadline: float | None) -> bool:
    """Wait until all greenlets of *raw* are dead; false if *deadline* passed first.

    They tell nobody of their end, so look again and again: at first after one turn of the hub, then ever less often.
    """
    pause = 0.0
    while True:
        again = get_hub().scheduler.now() + pause
        Waiter(raw).park(again if deadline is None else min(again, deadline))
        if all(each.dead for each in raw):
            return True
        if deadline is not None and again >= deadline:
            return False
        pause = min(2 * pause + 0.001, 0.1)

"""The verbs: spawn, sleep, yield."""

from __future__ import annotations

from greenlet import greenlet

from . import _collecting, _greenlet, _park, _start, _switch
from ._greenlet import Greenlet
from ._hub import get_hub
from ._native import thread_sleep
from ._park import Waiter, deadline_in

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")

__all__ = ["idle", "sleep", "spawn", "spawn_later", "spawn_raw"]

_collecting.install()


def spawn(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Greenlet[T]:
    """Let ``function(*args, **kwargs)`` run beside the caller, in a greenlet, which is returned.

    Never switches: it begins when the caller next parks.  It runs in a copy of the present `contextvars` context.  Raises
    `TypeError` at once if *function* cannot be called.
    """
    if not callable(function):
        raise TypeError(f"the function to run must be callable, not {function!r}")
    return _greenlet.make_greenlet(function, args, kwargs, True)


def spawn_later(seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Greenlet[T]:
    """As `spawn`, but let it begin in *seconds*."""
    if not callable(function):
        raise TypeError(f"the function to run must be callable, not {function!r}")
    new = _greenlet.make_greenlet(function, args, kwargs, False)
    new.start_later(seconds)
    return new


def spawn_raw(function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> greenlet:
    """As `spawn`, but return a `greenlet.greenlet`, which is lighter: nobody can join it, link to it or get its result.

    Its errors go to the hub's `handle_error`.
    """
    if not callable(function):
        raise TypeError(f"the function to run must be callable, not {function!r}")
    return _make_raw(_Call(function, args, kwargs) if args or kwargs else function)


class _Call:
    # `functools.partial`, without importing what takes as long as all of core.
    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def __call__(self) -> Any:
        return self.function(*self.args, **self.kwargs)


def _make_raw(function: Any) -> greenlet:
    scheduler = _switch.thread_scheduler()
    if scheduler is None:
        scheduler = get_hub().scheduler
    new = _switch.make_raw(function, scheduler.greenlet)
    scheduler.schedule(_start.make_start(scheduler, new))
    return new


def sleep(seconds: float = 0, ref: bool = True) -> None:
    """Let others run for *seconds*; 0 or less lets those run that are ready now.  Parks.

    As `time.sleep`, and in a native thread that has no hub, just that.  With *ref* false, `wait()` and `Hub.join` do not
    stay for it.  Raises `TypeError` if *seconds* is no number and `ValueError` if it is not a number (NaN).
    """
    if seconds <= 0:
        _park.yield_now()
        return
    waiter = _park.make_waiter("its sleep to end")
    if waiter.scheduler is None:
        thread_sleep(seconds)
        return
    if not ref:
        waiter.uncounted = True
    # While it is parked, the deadlines hold it or the ring does: half of what the collector would have to walk
    # through where many sleep (`benchmarks/kernel`, 100,000 sleeps).
    _switch.hide_from_collector(waiter)
    waiter.park(deadline_in(seconds))
    _switch.show_to_collector(waiter)
    _park.recycle(waiter)


def idle(priority: int = 0) -> None:
    """Park until nothing else is ready, neither greenlets nor descriptors.  *priority* is accepted and has no meaning."""
    waiter = Waiter("the hub to be idle")
    if waiter.scheduler is None:
        return
    waiter.scheduler.schedule_idle(waiter)
    waiter.park()

"""The explanation of a deadlock: who is parked, for what, who holds it, and where each was spawned."""

from __future__ import annotations

from typing import Any

from ._greenlet import Greenlet
from ._park import Waiter
from ._parked import find_waiters
from .errors import Deadlock

__all__ = ["explain", "parked_waiters"]


def parked_waiters(hub: Any) -> list[Waiter]:
    """Return the waiters whose greenlets of *hub* are parked.  Slow: it looks through every object there is."""
    return [waiter for waiter in find_waiters(hub.scheduler) if waiter.greenlet is not None and not waiter.claimed]


def explain(hub: Any) -> Deadlock:
    """Return the error for a *hub* in which nothing is left that could wake a greenlet."""
    waiters = parked_waiters(hub)
    lines = ["nothing is left that could wake these greenlets:"]
    lines += [f"  {_name(waiter.greenlet, hub)} waits for {_reason(waiter.reason)}" for waiter in waiters]
    if len(lines) == 1:
        lines = ["nothing is left to wait for, and no greenlet is parked"]
    return Deadlock("\n".join(lines), tuple(waiter.greenlet for waiter in waiters))


def _name(greenlet: Any, hub: Any) -> str:
    if greenlet is hub.parent:
        return "the main greenlet"
    site = greenlet.spawn_site if isinstance(greenlet, Greenlet) else ""
    return _shown(greenlet) + (f", spawned at {site}," if site else "")


def _reason(reason: Any) -> str:
    if reason is None:
        return "a bare Waiter"
    if isinstance(reason, str):
        return reason
    try:
        holder = getattr(reason, "owner", None)
    except Exception:
        holder = None  # a property that fails: there is still the rest to tell
    return _shown(reason) + (f", held by {_shown(holder)}" if holder is not None else "")


def _shown(thing: Any) -> str:
    """Return its repr, or why it has none: a broken one must not hide the deadlock."""
    try:
        return repr(thing)
    except Exception as error:
        return f"<{type(thing).__name__} whose repr raises {type(error).__name__}>"

"""Greenlets that stay behind in the process that forked this one, as native threads do.

In a forked child every greenlet is there as it was in the parent.  Those that stand for threads must not go on: a thread
that writes to a connection would do so twice, once in each process.  They cannot be killed either, for that would run their
`finally` clauses.  So whatever could wake them forgets them, and they are kept as they are for as long as the process lives.
"""

from __future__ import annotations

from . import _switch
from ._greenlet import Greenlet
from ._onlookers import remove_onlooker
from ._parked import find_waiters
from .loops import READ, WRITE

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["leave_behind"]

_kept: list[Any] = []  # to drop them would throw `GreenletExit` into them


def leave_behind(greenlets: Iterable[Any]) -> None:
    """Never resume *greenlets*, which are parked in the hub of this thread, or ready, nor run anything in them.

    For a forked child, and the greenlets that stand for threads.  Never switches.  What was handed to one of them, a lock
    or an item, stays with it.  Slow: it looks through every object there is.
    """
    gone = set(greenlets)
    scheduler = _switch.thread_scheduler()
    if not gone or scheduler is None:
        return
    _kept.extend(gone)
    waiters = {waiter for waiter in find_waiters(scheduler) if waiter.greenlet in gone}
    for handle in list(scheduler.handles.values()):
        for event, slot in ((READ, handle.reader), (WRITE, handle.writer)):
            for waiter in [slot] if slot in waiters else [*getattr(slot, "looking", ()), getattr(slot, "taker", None)]:
                if waiter in waiters:
                    handle.clear_reader(waiter)
                    handle.clear_writer(waiter)
                    remove_onlooker(handle, event, waiter)
    for waiter in waiters:
        waiter.abandon()
    for greenlet in gone:
        if isinstance(greenlet, Greenlet):
            greenlet.forget_start()

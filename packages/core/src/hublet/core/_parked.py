"""Who is parked: for what explains a deadlock, ends a thread or forks, none of which happens often."""

from __future__ import annotations

import gc

from ._park import Waiter

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

    from ._scheduler import Scheduler

__all__ = ["find_waiters"]


def find_waiters(scheduler: Scheduler) -> list[Waiter]:
    """Return the waiters of *scheduler*, used and unused, each once.  Slow: it looks through every object there is."""
    # Those of `sleep` are hidden from the collector, but they are among the deadlines, or ready.  By type: `isinstance` asks
    # proxies for the class of what they stand for, which runs code of users and may fail.
    found: dict[Waiter, None] = {}  # in the order in which they are met, so that a deadlock reads the same each time
    candidates: Any
    for candidates in (gc.get_objects(), scheduler.deadlines, scheduler.ready):
        found |= dict.fromkeys(each for each in candidates if issubclass(type(each), Waiter) and each.scheduler is scheduler)
    return list(found)

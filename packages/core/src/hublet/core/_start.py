"""`Start`: the first switch to a greenlet, still to come."""

from __future__ import annotations

from . import _switch
from ._entry import Entry
from ._scheduler import Scheduler

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Start", "make_later_start", "make_start"]


class Start(Entry):
    """An entry that starts a greenlet, of any kind, when its turn comes or its deadline passes."""

    __slots__ = ()

    def begin_starting(self, new: Any) -> None:
        """Set every field."""
        self.begin()
        self.greenlet = new
        self.starts = True

    def expire(self) -> None:
        new, self.greenlet = self.greenlet, None
        if new is not None:
            error = _switch.switch(new)
            if error is not None:
                raise error


def make_start(scheduler: Scheduler, new: Any) -> Start:
    """Return the entry that starts *new*, a greenlet of any kind: one that has started another, if there is one.

    It is for the ready ring, where each is cleared: when its turn comes, or with its hub.
    """
    start = scheduler.spare_start
    if start is None:
        start = make_later_start(new)
        _switch.hide_from_collector(start)
    else:
        scheduler.spare_start = None
        start.greenlet = new
    return start  # type: ignore[no-any-return]


def make_later_start(new: Any) -> Start:
    """Return the entry that starts *new* when a deadline passes."""
    start = Start.__new__(Start)
    start.begin_starting(new)
    return start

"""A native thread that notices when greenlets keep the hub from polling, and says which code does.

The hub counts its turns; the watchdog looks at the count.  When it has not moved for too long while the hub was not asleep,
the stack of the hub's thread is what is to blame.  Each place is reported once, when it is first seen, and counted.
"""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

from ._native import allocate_lock, start_new_thread
from ._report import warn

__all__ = ["Watchdog"]


class Watchdog:
    """Watches one hub from a thread of its own until it is stopped.

    *seconds* is how long the hub may go without polling.  *report* is called in the watchdog's thread with a message for
    each new place; `None` writes it to the logger `hublet.core`.  `counts` maps a place, ``file:line in function``, to how
    often it was seen.
    """

    def __init__(self, hub: Any, seconds: float, report: Callable[[str], None] | None = None) -> None:
        if not seconds > 0:
            raise ValueError(f"the watchdog needs a number of seconds above 0, not {seconds!r}")
        self.hub = hub
        self.seconds = seconds
        self.counts: Counter[str] = Counter()
        self._report = report if report is not None else warn
        self.is_running = False
        self._stopping: Any = allocate_lock()

    def start(self) -> None:
        """Begin to watch.  Never switches."""
        self._stopping.acquire()
        self.hub.at_close(self.stop)
        self.is_running = True
        start_new_thread(self._watch, ())

    def stop(self) -> None:
        """Watch no more; may be called again.  Never switches; any thread may call it."""
        if self._stopping.locked():
            self._stopping.release()

    def _watch(self) -> None:
        scheduler = self.hub.scheduler
        seen = scheduler.turns
        blamed = -1
        while not self._stopping.acquire(True, self.seconds):
            if scheduler.turns == seen and not scheduler.loop.sleeping and seen != blamed:
                blamed = seen
                self._blame(scheduler.thread_ident)
            seen = scheduler.turns
        self._stopping.release()
        self.is_running = False

    def _blame(self, thread_ident: int) -> None:
        frame = sys._current_frames().get(thread_ident)
        if frame is None:
            return
        place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        self.counts[place] += 1
        if self.counts[place] == 1:
            stack = "".join(traceback.format_stack(frame))
            self._report(f"the hub has not polled for {self.seconds} seconds, because of {place}:\n{stack}")

"""`Pool`: a group with a limit."""

from __future__ import annotations

import sys
from queue import Full
from typing import Any

from hublet.core import Greenlet
from hublet.core.lowlevel import deadline_in

from ._group import Group
from ._slots import Slots

__all__ = ["Pool", "PoolFull"]


class PoolFull(Full):
    """There was no room in a pool, and no time to wait for any."""


class Pool(Group):
    """A group in which no more than *size* greenlets run at once: spawning one more waits until another is finished.

    *size* `None` is without limit, and in a pool of 0 nothing ever runs.  Room is given to those who wait for it in the order
    in which they came.  Raises `ValueError` if *size* is negative.
    """

    def __init__(self, size: int | None = None, greenlet_class: type[Greenlet[Any]] | None = None) -> None:
        if size is not None and size < 0:
            raise ValueError(f"the size of a pool must not be negative, as {size} is")
        Group.__init__(self)
        self._is_plain = type(self) is Pool
        self.size = size
        if greenlet_class is not None:
            self.greenlet_class = greenlet_class
        self._slots = Slots(sys.maxsize if size is None else size)

    def add(self, greenlet: Any, blocking: bool = True, timeout: float | None = None) -> None:
        """Add *greenlet*, waiting for room for at most *timeout* seconds; `None` is without limit.

        Parks, unless there is room.  Raises `PoolFull` if the time was up first, or if there is no room and *blocking* is
        false.
        """
        self._take_room(blocking, timeout)
        has_joined = False
        try:
            if greenlet not in self.greenlets:
                self._admit(greenlet)
                has_joined = True
        finally:
            if not has_joined:  # it was there before, or cannot be added
                self._slots.give()

    def start(self, greenlet: Any, blocking: bool = True, timeout: float | None = None) -> None:
        """Add a greenlet that was not started, as `add` does, and start it."""
        self.add(greenlet, blocking, timeout)
        greenlet.start()

    def _take_room(self, blocking: bool, timeout: float | None) -> None:
        if not self._slots.take():
            deadline = deadline_in(timeout)
            if not blocking or not self._slots.wait_and_take(deadline, self):
                raise PoolFull(f"{self.size} greenlets run in {type(self).__name__} at {id(self):#x}")

    def _freed(self) -> None:
        self._slots.give()

    def free_count(self) -> int:
        """Return for how many there is room; 1 if there is no limit."""
        # Not for how many there would be beside its members: room may have been given to somebody who has not come to take it.
        return 1 if self.size is None else max(0, self._slots.free)

    def full(self) -> bool:
        """Say whether there is no room."""
        return self.free_count() == 0

    def wait_available(self, timeout: float | None = None) -> int:
        """Wait until there is room; return for how many, 0 if *timeout* seconds passed first.  `None` is without limit.

        Parks, unless there is room.  Takes none, so it returns 0 too if others have taken it before the caller comes to run.
        """
        return 1 if self.size is None else self._slots.wait(deadline_in(timeout), self)

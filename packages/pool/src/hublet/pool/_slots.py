"""So many places, and the line of those who wait for one."""

from __future__ import annotations

from hublet.core.lowlevel import ParkingLot, make_waiter, recycle

__all__ = ["Slots"]


class Slots:
    """*free* places.  Who wants one when none is free waits in line, and is given one in the order of arrival."""

    # A place is made free first, and the line is looked at after that; who waits joins the line first, and looks for a free
    # place after that.  So nobody waits while one is free, whatever signal handler or finalizer comes in between.  Counting
    # is one line without a jump or a call, hence one step.

    __slots__ = ("_line", "_watchers", "free")

    def __init__(self, free: int) -> None:
        self.free = free
        self._line = ParkingLot()
        self._watchers = ParkingLot()

    def take(self) -> bool:
        """Take a place if one is free.  Never switches."""
        free, self.free = self.free, self.free - (self.free > 0)
        return free > 0

    def wait_and_take(self, deadline: float | None, reason: object) -> bool:
        """Take a place, waiting for one if none is free; false if *deadline* passed first."""
        if self.take():
            return True
        waiter = make_waiter(reason)
        self._line.add(waiter)
        if self.free > 0:
            self._settle()
        try:
            in_time = waiter.park(deadline)
        except BaseException:
            if waiter.value is None:  # Ctrl-C, which alone is raised after a place was handed over
                self.give()
            raise
        recycle(waiter)
        return in_time

    def wait(self, deadline: float | None, reason: object) -> int:
        """Wait until a place is free, without taking it; return how many are, 0 if *deadline* passed first."""
        if self.free <= 0:
            waiter = make_waiter(reason)
            self._watchers.add(waiter)
            if self.free > 0:
                self._watchers.unpark_all()
            waiter.park(deadline)
        return max(0, self.free)

    def give(self) -> None:
        """Give a place back.  Never switches."""
        self.free += 1
        self._settle()

    def resize(self, more: int) -> None:
        """Let there be *more* places, or fewer if it is negative: those that are taken stay so.  Never switches."""
        self.free += more
        self._settle()

    def _settle(self) -> None:
        while self._line.has_any() and self.take():
            if not self._line.unpark():
                self.free += 1
        if self._watchers.has_any() and self.free > 0:
            self._watchers.unpark_all()

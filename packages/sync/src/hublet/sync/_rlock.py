"""`RLock`: one at a time, and the one as often as it likes."""

from __future__ import annotations

import gc

from hublet.core import getcurrent
from hublet.core.lowlevel import ParkingLot, make_waiter, recycle

from ._binding import bind_quickly
from ._lock import lock_deadline
from ._native import address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["RLock"]

_FOREVER = -1
_NEXT = 1  # no address of any object: handed over to the first in line, who has not noticed yet


class RLock:
    """A lock that its owner, a greenlet, may take again and must give back as often.  As `threading.RLock`.

    Given to those who wait in the order in which they came.  Any thread may use it.  *hub* is accepted for compatibility
    and has no meaning.
    """

    # It is not made of tokens, because a signal handler or a finalizer may log, hence take the lock of a handler, in the
    # middle of a line below, in the very greenlet that runs that line.  So taking the lock and being its owner must be one
    # step: `_owner` is 0, and then it is somebody.  (Interpreted, one gap is left: who has waited becomes the owner a few
    # instructions after it was handed the lock.)
    #
    # The owner is remembered by its address, not by reference: other threads look at it, and greenlet crashes now and then
    # when the last reference to the root greenlet of a thread is dropped by another thread while the first one ends.
    #
    # `_again` counts how often the owner has it beside the first time, and only the owner changes it, so a handler that
    # takes it and gives it back leaves it as it was.

    __slots__ = ("__weakref__", "_again", "_line", "_owner")

    def __init__(self, hub: Any = None) -> None:
        self._owner = 0
        self._again = 0
        self._line = ParkingLot()

    @property
    def owner(self) -> Any:
        """The greenlet that has it, or `None`.  Slow: it looks through every object there is."""
        return next((each for each in gc.get_objects() if id(each) == self._owner), None)

    def acquire(self, blocking: bool = True, timeout: float | None = _FOREVER) -> bool:
        """Take the lock, or once more if the calling greenlet has it.  As `Lock.acquire` otherwise."""
        deadline = None if timeout is _FOREVER else lock_deadline(blocking, timeout)
        me = address(getcurrent())
        if self._owner == me:
            self._again += 1
            return True
        if self._take(me):
            return True
        return self._wait(me, deadline) if blocking else False

    def _take(self, who: int) -> bool:
        """Let *who* be the owner if there is none.  Never switches."""
        owner, self._owner = self._owner, self._owner + who * (self._owner == 0)
        return owner == 0

    def _wait(self, me: int, deadline: float | None) -> bool:
        waiter = make_waiter(self)
        self._line.add(waiter)
        if self._owner == 0:
            self._settle()
        in_time = waiter.park(deadline)
        if in_time:
            self._owner = me
        recycle(waiter)
        return in_time

    def _settle(self) -> None:
        """Hand the lock, if it is free, to the first in line.  Never switches."""
        # As in `Tokens`: free first, then look at the line; join the line first, then look whether it is free.
        while self._line.has_any() and self._take(_NEXT):
            if not self._line.unpark(self):
                self._owner = 0

    def _take_back(self, value: Any) -> None:
        """As in `Tokens`."""
        if value is self:
            self._owner = 0
            self._settle()

    def release(self) -> None:
        """Give the lock back; the last time, to the first who waits.  Never switches.

        Raises `RuntimeError` if the calling greenlet is not its owner.
        """
        if self._owner != address(getcurrent()):
            raise RuntimeError(f"cannot release un-acquired lock: {self!r}")
        if self._again:
            self._again -= 1
        else:
            self._owner = 0
            if self._line.has_any():
                self._settle()

    def locked(self) -> bool:
        """Say whether somebody has it."""
        return self._owner != 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, exc_type: Any, value: Any, traceback: Any, /) -> None:
        self.release()

    # For `Condition`, ours and that of `threading`.

    def _is_owned(self) -> bool:
        return self._owner == address(getcurrent())

    def _recursion_count(self) -> int:
        return self._again + 1 if self._owner == address(getcurrent()) else 0

    def _release_save(self) -> int:
        again = self._again
        if self._owner == address(getcurrent()):
            self._again = 0
        self.release()
        return again

    def _acquire_restore(self, again: int) -> None:
        self.acquire()
        self._again = again

    def _at_fork_reinit(self) -> None:
        """Become free, and forget who waits: in a forked child they do not exist."""
        self._line = ParkingLot()
        self._again = 0
        self._owner = 0

    def __repr__(self) -> str:
        state = "unlocked" if self._owner == 0 else "locked"
        kind = f"sync.{type(self).__name__}"
        count = 0 if self._owner == 0 else self._again + 1
        return f"<{state} {kind} object owner={self._owner:#x} count={count} at {id(self):#x}>"


bind_quickly(RLock)

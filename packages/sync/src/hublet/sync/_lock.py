"""`Lock`: one at a time."""

from __future__ import annotations

from _thread import TIMEOUT_MAX

from hublet.core.lowlevel import deadline_in

from ._binding import bind_quickly
from ._tokens import Tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Lock", "lock_deadline"]

_FOREVER = -1


def lock_deadline(blocking: bool, timeout: float | None) -> float | None:
    """Return the deadline for a *timeout* that `threading.Lock.acquire` would take, or raise what that would raise."""
    if timeout is None or timeout == _FOREVER:
        return None
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call")
    if timeout < 0:
        raise ValueError("timeout value must be a non-negative number")
    if timeout > TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")
    return deadline_in(timeout)


class Lock(Tokens):
    """A lock that anybody may release.  As `threading.Lock`, but given to those who wait in the order in which they came.

    Any thread may use it.
    """

    __slots__ = ()

    def __init__(self) -> None:
        Tokens.__init__(self, 1, 1)

    def acquire(self, blocking: bool = True, timeout: float | None = _FOREVER) -> bool:
        """Take the lock; false if *timeout* seconds passed before it was free, or at once if *blocking* is false.

        -1 and `None` are without limit.  Parks, unless it is free.  Raises `ValueError` for another negative timeout, or
        one without blocking, and `OverflowError` if it is more than `threading.TIMEOUT_MAX`.
        """
        deadline = None if timeout is _FOREVER else lock_deadline(blocking, timeout)
        if self._take():
            return True
        return self._wait(deadline) if blocking else False

    def release(self) -> None:
        """Give the lock to the first who waits, or back.  Never switches.  Raises `RuntimeError` if it is free."""
        if not self._give():
            raise RuntimeError("release unlocked lock")

    def locked(self) -> bool:
        """Say whether somebody has it."""
        return self._free == 0

    # Obsolete, but those of `threading` still have them, unlike its `RLock`.
    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, exc_type: Any, value: Any, traceback: Any, /) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        """Become free, and forget who waits: in a forked child they do not exist."""
        Tokens.__init__(self, 1, 1)

    def __repr__(self) -> str:
        state = "unlocked" if self._free else "locked"
        return f"<{state} sync.{type(self).__name__} object at {id(self):#x}>"


bind_quickly(Lock)

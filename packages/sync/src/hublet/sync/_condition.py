"""`Condition`: wait for somebody to say that something has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hublet.core import shield
from hublet.core.lowlevel import ParkingLot, Waiter, deadline_in

from ._rlock import RLock

__all__ = ["Condition"]

T = TypeVar("T")


class Condition:
    """A lock, and a line of those who gave it back until they are notified.  As `threading.Condition`.

    *lock* is a `Lock`, an `RLock`, or anything that acquires and releases as they do; `None` is a new `RLock`.  Those who
    wait are notified in the order in which they came.  Any thread may use it.
    """

    # Who waits joins the line while it still has the lock, so no notification by another owner can come before it.

    __slots__ = ("__weakref__", "_line", "_lock")

    def __init__(self, lock: Any = None) -> None:
        self._lock: Any = RLock() if lock is None else lock
        self._line = ParkingLot()

    def acquire(self, *args: Any, **kwargs: Any) -> Any:
        """Acquire the lock, with the arguments that its own `acquire` takes."""
        return self._lock.acquire(*args, **kwargs)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> Any:
        return self._lock.__enter__()

    def __exit__(self, exc_type: Any, value: Any, traceback: Any) -> Any:
        return self._lock.__exit__(exc_type, value, traceback)

    def wait(self, timeout: float | None = None) -> bool:
        """Give the lock back, wait to be notified, and take the lock again; false if *timeout* seconds passed first.

        `None` is without limit.  Parks.  A greenlet that is killed or times out has the lock again when that is raised.
        Raises `RuntimeError` if the caller does not have the lock.
        """
        return self._wait_until(deadline_in(timeout))

    def _wait_until(self, deadline: float | None) -> bool:
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = Waiter(self)
        self._line.add(waiter)
        state = self._release_save()
        try:
            return waiter.park(deadline)
        finally:
            if waiter.scheduler is None:
                self._acquire_restore(state)
            else:
                with shield():  # whoever kills us will find the lock with us, as `with` statements expect
                    self._acquire_restore(state)

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """Wait until *predicate*, called without arguments while the lock is held, returns something true; return that.

        If *timeout* seconds pass first, return what it returned last.  Parks, unless it is true at once.  Raises
        `RuntimeError` if the caller does not have the lock.
        """
        deadline = deadline_in(timeout)
        result = predicate()
        while not result:
            in_time = self._wait_until(deadline)
            result = predicate()
            if not in_time:
                break
        return result

    def notify(self, n: int = 1) -> None:
        """Let the first *n* who wait go on, once they get the lock.  Never switches.

        Raises `RuntimeError` if the caller does not have the lock.
        """
        if not self._is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")
        while n > 0 and self._line.unpark():
            n -= 1

    def notify_all(self) -> None:
        """Let all who wait go on, one after the other.  As `notify` otherwise."""
        if not self._is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")
        self._line.unpark_all()

    notifyAll = notify_all

    # What a lock may do better than with `acquire` and `release`.

    def _is_owned(self) -> bool:
        is_owned = getattr(self._lock, "_is_owned", None)
        if is_owned is not None:
            return is_owned()  # type: ignore[no-any-return]
        if self._lock.acquire(False):
            self._lock.release()
            return False
        return True

    def _release_save(self) -> Any:
        release_save = getattr(self._lock, "_release_save", None)
        if release_save is not None:
            return release_save()
        self._lock.release()
        return None

    def _acquire_restore(self, state: Any) -> None:
        acquire_restore = getattr(self._lock, "_acquire_restore", None)
        if acquire_restore is not None:
            acquire_restore(state)
        else:
            self._lock.acquire()

    def _at_fork_reinit(self) -> None:
        """Release the lock, and forget who waits: in a forked child they do not exist."""
        self._lock._at_fork_reinit()
        self._line = ParkingLot()

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} of {self._lock!r}, {len(self._line)} waiting>"

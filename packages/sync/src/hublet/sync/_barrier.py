"""`Barrier`: wait until so many have come."""

from __future__ import annotations

from collections.abc import Callable
from threading import BrokenBarrierError

from hublet.core.lowlevel import deadline_in

from ._condition import Condition
from ._lock import Lock

__all__ = ["Barrier", "BrokenBarrierError"]

_FILLING = "filling"
_LEAVING = "leaving"
_RESETTING = "resetting"
_BROKEN = "broken"


class Barrier:
    """A point at which *parties* meet: each waits until all are there.  As `threading.Barrier`.  Any thread may use it.

    *action* is called by the last to come, before anybody goes on.  *timeout*, in seconds, is for every `wait` that has
    none of its own; `None` is without limit.  Raises `ValueError` if *parties* is less than 1.
    """

    # A round fills, and then all leave, or are told that it was reset; only after the last has left does the next one fill.
    # All of it is looked at and changed with the lock of `_changed` held.

    __slots__ = ("__weakref__", "_action", "_changed", "_numbers", "_parties", "_state", "_timeout")

    def __init__(self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None) -> None:
        if parties < 1:
            raise ValueError("parties must be > 0")
        self._parties = parties
        self._action = action
        self._timeout = timeout
        self._numbers: set[int] = set()  # of those who have come, and not left
        self._state = _FILLING
        self._changed = Condition(Lock())

    @property
    def parties(self) -> int:
        """How many must come."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many have come and wait for the others."""
        return len(self._numbers) if self._state is _FILLING else 0

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return self._state is _BROKEN

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the others; return a different number from 0 to ``parties - 1`` to each.  Parks.

        Raises `BrokenBarrierError` if it is or becomes broken: by `abort`, by an action that fails, or because somebody
        waited for more than *timeout* seconds (`None` is that of the barrier); or if it is reset.
        """
        deadline = deadline_in(self._timeout if timeout is None else timeout)
        with self._changed:
            self._changed.wait_for(self._accepts)
            if self._state is _BROKEN:
                raise BrokenBarrierError
            number = len(self._numbers)
            if number in self._numbers:  # one who came earlier was killed, or had no time left, and that one's is free
                number = next(each for each in range(number) if each not in self._numbers)
            self._numbers.add(number)
            try:
                if len(self._numbers) == self._parties:
                    self._release()
                else:
                    self._wait_for_others(deadline)
            finally:
                self._numbers.remove(number)
                if not self._numbers and self._state is not _BROKEN:
                    self._change(_FILLING)
            return number

    def _accepts(self) -> bool:
        return self._state is _FILLING or self._state is _BROKEN

    def _release(self) -> None:
        try:
            if self._action is not None:
                self._action()
        except BaseException:
            self._change(_BROKEN)
            raise
        self._change(_LEAVING)

    def _wait_for_others(self, deadline: float | None) -> None:
        while self._state is _FILLING:
            if not self._changed._wait_until(deadline) and self._state is _FILLING:
                self._change(_BROKEN)
        if self._state is not _LEAVING:
            raise BrokenBarrierError

    def reset(self) -> None:
        """Make it as new.  Whoever waits gets `BrokenBarrierError`.  Parks while another greenlet comes or leaves."""
        with self._changed:
            self._change(_RESETTING if self._numbers else _FILLING)

    def abort(self) -> None:
        """Break it: who waits, and who comes, gets `BrokenBarrierError`, until it is reset.  Parks as `reset`."""
        with self._changed:
            self._change(_BROKEN)

    def _change(self, state: str) -> None:
        self._state = state
        self._changed.notify_all()

    def __repr__(self) -> str:
        detail = "broken" if self.broken else f"waiters={self.n_waiting}/{self._parties}"
        return f"<sync.{type(self).__name__} at {id(self):#x}: {detail}>"

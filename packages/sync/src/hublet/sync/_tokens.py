"""Tokens to take, and the line of those who wait for one: what semaphores and locks have in common.

A token is always in exactly one place: free, counted in `_free`; with its owner; or in the hands of whoever runs a line of
`_give` or `_settle` just now.  Any thread may be between any two lines here, and so may a signal handler or a finalizer
that uses the same object, so nothing is locked and each line is one step that nothing can come between:

- A token is taken, and made free, in one line without a jump or a call, which is where the interpreter lets others in.
  Compiled it is plain C (`test_tokens_are_counted_in_uninterruptible_steps` looks at the bytecode).
- Whoever makes a token free looks at the line *after* that; whoever joins the line looks for free tokens *after* that.
  Whichever of the two comes second sees the other.  So no token stays free while somebody waits.
- A token that nobody in the line could take, because they gave up meanwhile, is made free again by the same rule.

A token goes straight to the first in line and is never free in between, so nobody can snatch it.
"""

from __future__ import annotations

from hublet.core.lowlevel import ParkingLot, make_waiter, recycle

from . import _links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Tokens"]


class Tokens:
    """*free* tokens at first, and never more than *bound*.  Any thread may use it."""

    __slots__ = ("__weakref__", "_bound", "_free", "_line", "_links")

    def __init__(self, free: int, bound: int) -> None:
        self._free = free
        self._bound = bound
        self._line = ParkingLot()
        self._links: list[Any] = []

    def _take(self) -> bool:
        """Take a token if one is free.  Never switches."""
        free, self._free = self._free, self._free - (self._free > 0)
        return free > 0

    def _wait(self, deadline: float | None) -> bool:
        """Park at the end of the line until a token is handed over; false if *deadline* passed first."""
        waiter = make_waiter(self)
        self._line.add(waiter)
        if self._free > 0:
            self._settle()
        in_time = waiter.park(deadline)
        recycle(waiter)
        return in_time

    def _give(self) -> bool:
        """Hand a token to the first in line, or make it free; false if that would be one too many.  Never switches."""
        if self._line.has_any() and self._line.unpark(self):
            return True
        free, self._free = self._free, self._free + (self._free < self._bound)
        if self._line.has_any() or self._links:
            self._settle()
        return free < self._bound

    def _settle(self) -> None:
        """Hand free tokens to those in line until one of the two is used up.  Never switches."""
        while self._line.has_any() and self._take():
            if not self._line.unpark(self):
                self._free += 1
        if self._links and self._free > 0:
            _links.fire(self, self._links)

    def _take_back(self, value: Any) -> None:
        """Make a token free that was handed to somebody whom Ctrl-C has ended; *value* is what whoever waited was told."""
        if value is self:
            self._free += 1
            self._settle()

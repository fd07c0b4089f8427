"""`CapacityLimiter`: so many at once, and it is known who."""

from __future__ import annotations

import sys
from math import inf
from typing import Any, NamedTuple

from hublet.core import getcurrent
from hublet.core.lowlevel import deadline_in

from ._binding import bind_quickly
from ._tokens import Tokens

__all__ = ["CapacityLimiter", "CapacityLimiterStatistics"]

_ENDLESS = sys.maxsize // 2


class CapacityLimiterStatistics(NamedTuple):
    """How a `CapacityLimiter` is doing at a moment."""

    borrowed_tokens: int
    """How many tokens are lent; more than there are, if there were more when they were."""
    total_tokens: float
    """How many there are, `math.inf` without limit."""
    borrowers: tuple[Any, ...]
    """Who has one, in the order in which they got it."""
    waiting: int
    """How many wait for one."""


class _Loan:
    """What somebody wants, and has once it is granted."""

    __slots__ = ("granted",)

    def __init__(self) -> None:
        self.granted = False


class CapacityLimiter(Tokens):
    """Lends *total_tokens* tokens, one to each borrower, who must be the one that gives it back.

    The borrower is the greenlet that acquires, or whatever hashable object it names.  Who wants a token when none is free waits
    in line.  Raises `TypeError` or `ValueError` if *total_tokens* is neither an integer that is not negative nor `math.inf`.
    Any thread may use it.
    """

    __slots__ = ("_loans", "_total")

    def __init__(self, total_tokens: float) -> None:
        count = _count(total_tokens)
        Tokens.__init__(self, count, sys.maxsize)
        self._total = count
        self._loans: dict[Any, _Loan] = {}

    @property
    def total_tokens(self) -> float:
        """How many tokens there are; `math.inf` without limit.

        Assignable: with more of them those who wait go on, and with fewer nothing is lent until enough have come back.
        """
        return inf if self._total == _ENDLESS else self._total

    @total_tokens.setter
    def total_tokens(self, total_tokens: float) -> None:
        count = _count(total_tokens)
        before, self._total = self._total, count
        self._free += count - before
        self._settle()

    @property
    def borrowed_tokens(self) -> int:
        """How many tokens are lent."""
        return self._total - self._free

    @property
    def available_tokens(self) -> float:
        """How many more could be lent now; `math.inf` without limit."""
        return inf if self._total == _ENDLESS else max(0, self._free)

    def statistics(self) -> CapacityLimiterStatistics:
        """Return the numbers of this moment, and who has tokens."""
        borrowers = tuple(borrower for borrower, loan in list(self._loans.items()) if loan.granted)
        return CapacityLimiterStatistics(self.borrowed_tokens, self.total_tokens, borrowers, len(self._line))

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Borrow a token for the calling greenlet.  As `acquire_on_behalf_of`."""
        return self.acquire_on_behalf_of(getcurrent(), blocking, timeout)

    def acquire_on_behalf_of(self, borrower: Any, blocking: bool = True, timeout: float | None = None) -> bool:
        """Borrow a token; false if *timeout* seconds passed before there was one, or at once if *blocking* is false.

        `None` is without limit.  Parks, unless one is free.  Raises `RuntimeError` if *borrower* has one, or waits for one, and
        `ValueError` for a timeout without blocking.
        """
        if timeout is not None and not blocking:
            raise ValueError("can't specify timeout for non-blocking acquire")
        deadline = None if timeout is None else deadline_in(timeout)
        loan = _Loan()
        if self._loans.setdefault(borrower, loan) is not loan:
            raise RuntimeError(f"{borrower!r} has a token of {self!r} already, or waits for one; it must give that back first")
        try:
            if self._take() or (blocking and self._wait(deadline)):
                loan.granted = True
        finally:
            if not loan.granted:
                del self._loans[borrower]
        return loan.granted

    def release(self) -> None:
        """Give back the token of the calling greenlet.  As `release_on_behalf_of`."""
        self.release_on_behalf_of(getcurrent())

    def release_on_behalf_of(self, borrower: Any) -> None:
        """Give back the token of *borrower*: to the first who waits, if there are not too many lent.  Never switches.

        Raises `RuntimeError` if it has none.
        """
        loan = self._loans.get(borrower)
        if loan is None or not loan.granted:
            raise RuntimeError(f"{borrower!r} has no token of {self!r} that it could give back")
        del self._loans[borrower]
        self._free += 1  # not straight to the first in line: there may be fewer tokens now than are lent
        self._settle()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, exc_type: Any, value: Any, traceback: Any, /) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}: {self.borrowed_tokens}/{self.total_tokens}>"


def _count(total_tokens: float) -> int:
    """Return the number of tokens that *total_tokens* stands for, or raise."""
    if total_tokens == inf:
        return _ENDLESS
    if not isinstance(total_tokens, int):
        raise TypeError(f"the number of tokens must be an integer or math.inf, not {total_tokens!r}")
    if not 0 <= total_tokens < _ENDLESS:
        raise ValueError(f"the number of tokens must not be negative or larger than {_ENDLESS}, as {total_tokens} is")
    return total_tokens


bind_quickly(CapacityLimiter)

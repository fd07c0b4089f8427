"""Several addresses of one host, tried beside each other (RFC 8305, "Happy Eyeballs"): who answers first is taken.

A host with an IPv6 address that leads nowhere would otherwise keep everybody waiting until the attempt times out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from typing import Any

from hublet.core import Greenlet, spawn
from hublet.core.lowlevel import ParkingLot, deadline_in

__all__ = ["interleave", "race"]

Make = Callable[[], Any]
Connect = Callable[[Any], None]


def interleave(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return what `getaddrinfo` has found with the families in turn, that of the first one first (RFC 8305 section 4)."""
    families: dict[Any, list[tuple[Any, ...]]] = {}
    for each in found:
        families.setdefault(each[0], []).append(each)
    return [each for each in chain.from_iterable(zip_longest(*families.values())) if each is not None]


def race(attempts: Sequence[tuple[Make, Connect]], delay: float) -> tuple[Any, list[Exception]]:
    """Make and connect sockets until one is connected; return it, or `None`, and the errors in the order of *attempts*.

    Each attempt is a function that makes a socket and one that connects it.  The next begins *delay* seconds after the one
    before, or as soon as one has failed (RFC 8305 section 5).  Parks.  Whatever ends it, all other sockets are closed.
    """
    return _Race(attempts).run(delay)


class _Race:
    def __init__(self, attempts: Sequence[tuple[Make, Connect]]) -> None:
        self._attempts = attempts
        self._running: list[Greenlet[None]] = []
        self._sockets: list[Any] = []
        self._errors: dict[int, Exception] = {}
        self._winner: Any = None
        self._is_over = False
        self._broken: BaseException | None = None  # what is no failure of one address, and ends it all
        self._changed = ParkingLot()

    def run(self, delay: float) -> tuple[Any, list[Exception]]:
        won = False
        try:
            for number in range(len(self._attempts)):
                self._running.append(spawn(self._attempt, number))
                is_last = number + 1 == len(self._attempts)
                self._wait(None if is_last else deadline_in(delay), is_last)
                if self._broken is not None:
                    raise self._broken
                if self._winner is not None:
                    break
            won = self._winner is not None
            return self._winner, [error for _, error in sorted(self._errors.items())]
        finally:
            self._is_over = True
            for each in self._sockets:
                if not won or each is not self._winner:
                    each.close()
            for greenlet in self._running:
                greenlet.kill(block=False)
            self._errors, self._broken = {}, None  # their tracebacks hold the frames that hold us

    def _wait(self, deadline: float | None, is_last: bool) -> None:
        """Wait until one is connected, or it is time for the next, or none is left."""
        failed = len(self._errors)
        while self._winner is None and self._broken is None and len(self._errors) < len(self._running):
            if not self._changed.park(deadline, "one of several addresses to answer"):
                return
            if len(self._errors) > failed and not is_last:
                return

    def _attempt(self, number: int) -> None:
        make, connect = self._attempts[number]
        try:
            sock = make()
            self._sockets.append(sock)
            connect(sock)
        except OSError as error:
            if self._is_over:
                return  # closed by who has won; kept, its traceback and we would hold each other
            self._errors[number] = error
        except BaseException as error:
            if self._is_over:
                raise  # the kill that ends an attempt that has lost
            self._broken = error
        else:
            if self._winner is None:
                self._winner = sock
        self._changed.unpark()

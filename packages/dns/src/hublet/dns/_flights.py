"""One flight per question, however many greenlets ask.

A flight is an exchange with name servers that runs in a greenlet of its own, so that it belongs to none of those who wait
for it: one that is killed leaves, and the others never notice.  When the last one leaves, the flight ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hublet.core import HubDestroyed, InvalidThreadUseError, spawn_raw
from hublet.core.lowlevel import ParkingLot, get_hub

from ._answers import TRY_AGAIN, Answer
from ._questions import Exchange, Question

__all__ = ["Flights"]

_SILENCE = Answer(TRY_AGAIN, is_timeout=True)


class _Flight:
    """Questions about one name that are under way."""

    __slots__ = ("askers", "error", "exchange", "is_over", "key", "lot")

    def __init__(self, key: str, exchange: Exchange) -> None:
        self.key = key
        self.exchange = exchange
        self.lot = ParkingLot()
        self.askers = 0
        self.is_over = False
        self.error: BaseException | None = None

    def __repr__(self) -> str:
        kinds = "/".join(question.kind for question in self.exchange.questions)
        return f"<look-up of {self.key!r} {kinds}>"


class Flights:
    """The questions of one hub that are under way.

    *send* asks the questions of an exchange, in the greenlet that calls it; *keep* is told each answer that came.
    """

    def __init__(self, send: Callable[[Exchange], None], keep: Callable[[str, str, Answer], None]) -> None:
        self.shared = 0  # how many askers found their question under way
        self._send = send
        self._keep = keep
        self._under_way: dict[tuple[str, str], _Flight] = {}
        self._thread_ident = 0  # of the first who asked

    def ask(self, key: str, name: str, kinds: Sequence[str]) -> list[Answer]:
        """Return one answer for each of *kinds* of record of *name*, which is the same for all with *key*.  Parks.

        Raises `InvalidThreadUseError` if another thread has asked before, and whatever went wrong in the flight that no
        server or network can do.
        """
        self._check_thread()
        flights = self._board(key, name, kinds)
        try:
            for flight in flights:
                while not flight.is_over:
                    flight.lot.park(None, flight)
        finally:
            for flight in flights:
                self._leave(flight)
        found = {}
        for flight in flights:
            if flight.error is not None:
                raise flight.error
            for question in flight.exchange.questions:
                found[question.kind] = question.answer or _SILENCE
        return [found[kind] for kind in kinds]

    def _check_thread(self) -> None:
        ident = get_hub().thread_ident
        if self._thread_ident != ident:
            if self._thread_ident and self._under_way:
                raise InvalidThreadUseError(
                    f"the resolver is in use by the hub of thread {self._thread_ident:#x}: give the hub of each thread its own"
                )
            self._thread_ident = ident

    def _board(self, key: str, name: str, kinds: Sequence[str]) -> list[_Flight]:
        """Return the flights that bring what is asked for, the ones that are under way first."""
        flights: list[_Flight] = []
        missing = []
        for kind in kinds:
            flight = self._under_way.get((key, kind))
            if flight is None:
                missing.append(Question(name, kind))
            elif flight not in flights:
                flights.append(flight)
                self.shared += 1
        if missing:
            flights.append(self._start(key, missing))
        for flight in flights:
            flight.askers += 1
        return flights

    def _start(self, key: str, questions: list[Question]) -> _Flight:
        flight = _Flight(key, Exchange(questions))
        for question in questions:
            self._under_way[key, question.kind] = flight
        spawn_raw(self._fly, flight)
        return flight

    def _fly(self, flight: _Flight) -> None:
        try:
            if not flight.exchange.is_ended:
                self._send(flight.exchange)
        except BaseException as error:
            flight.error = error
            if not flight.askers or isinstance(error, HubDestroyed):
                raise  # nobody is there to hear of it
        finally:
            self._land(flight)

    def _land(self, flight: _Flight) -> None:
        if flight.is_over:
            return
        flight.is_over = True
        for question in flight.exchange.questions:
            if self._under_way.get((flight.key, question.kind)) is flight:
                del self._under_way[flight.key, question.kind]
            if question.answer is not None:
                self._keep(flight.key, question.kind, question.answer)
        flight.lot.unpark_all()

    def _leave(self, flight: _Flight) -> None:
        flight.askers -= 1
        if not flight.askers and not flight.is_over:
            flight.exchange.end()
            self._land(flight)

    def end_all(self) -> None:
        """End all that is under way; what has no answer yet is a temporary failure.  Never switches."""
        for flight in set(self._under_way.values()):
            flight.exchange.end()
            self._land(flight)

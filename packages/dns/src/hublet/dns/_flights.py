"""One flight per question, however many greenlets ask.

A flight belongs to none of those who wait for it: one that is killed leaves, and the others never notice.  When the last
one leaves, the flight ends.  It lands where its last answer comes in, mostly in the hub.  Only if one server was not enough,
the first to notice asks the next one: who, and for how long, is what resolv.conf(5) says, as glibc reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hublet.core import InvalidThreadUseError
from hublet.core.lowlevel import ParkingLot, deadline_in, get_hub

from ._answers import TRY_AGAIN, Answer
from ._questions import Attempt, Question, Sender
from ._resolv_conf import Settings

__all__ = ["Flights"]

_SILENCE = Answer(TRY_AGAIN, is_timeout=True)


class Flight:
    """Questions about one name that are under way."""

    __slots__ = ("askers", "attempt", "deadline", "error", "is_over", "key", "lot", "questions", "settings", "shift", "turns")

    def __init__(self, key: str, questions: list[Question], settings: Settings, shift: int, lot: ParkingLot) -> None:
        self.key = key
        self.questions = questions
        self.settings = settings
        self.shift = shift  # which of the servers is the first
        self.turns = 0  # how many have been asked
        self.attempt: Attempt | None = None
        self.deadline: float | None = None  # of the attempt
        self.lot = lot
        self.askers = 0
        self.is_over = False
        self.error: BaseException | None = None

    def is_answered(self) -> bool:
        """Say whether to leave it at that: if one question is answered well, a failure will do for the others."""
        settled = False
        for question in self.questions:
            if question.answer is None:
                return False
            settled = settled or not question.is_open()
        return settled

    def __repr__(self) -> str:
        kinds = "/".join(question.kind for question in self.questions)
        return f"<look-up of {self.key!r} {kinds}>"


class Flights:
    """The questions of one hub that are under way, through *sender*.  *keep* is told each answer that came."""

    def __init__(self, sender: Sender, keep: Callable[[str, str, Answer], None]) -> None:
        self.shared = 0  # how many askers found their question under way
        self._sender = sender
        self._keep = keep
        self._under_way: dict[tuple[str, str], Flight] = {}
        self._turn = 0
        self._on_finish = self._attempt_finished  # made once
        self._lots: list[ParkingLot] = []  # of flights that have landed, for others
        self._thread_ident = 0  # of the first who asked

    def ask(self, key: str, name: str, kinds: Sequence[str], settings: Settings) -> list[Answer]:
        """Return one answer for each of *kinds* of record of *name*, which is the same for all with *key*.  Parks.

        Raises `InvalidThreadUseError` if the hub of another thread asks, and whatever went wrong in the flight that no
        server or network can do.
        """
        hub = get_hub()
        if self._thread_ident != hub.thread_ident:
            self._check_thread(hub.thread_ident)
        flights = self._board(key, name, kinds, settings)
        try:
            for flight in flights:
                self._wait_for(flight)
        finally:
            for flight in flights:
                flight.askers -= 1
                if not flight.askers and not flight.is_over:
                    self._end(flight)
        for flight in flights:
            if flight.error is not None:
                raise flight.error
        return [_answer(flights, kind) for kind in kinds]

    def _check_thread(self, ident: int) -> None:
        if self._thread_ident and self._under_way:
            raise InvalidThreadUseError(
                f"the resolver is in use by the hub of thread {self._thread_ident:#x}: give the hub of each thread its own"
            )
        self._thread_ident = ident

    def _board(self, key: str, name: str, kinds: Sequence[str], settings: Settings) -> list[Flight]:
        """Return the flights that bring what is asked for, the ones that are under way first."""
        flights: list[Flight] = []
        missing = []
        for kind in kinds:
            flight = self._under_way.get((key, kind))
            if flight is None:
                missing.append(Question(name, kind))
            elif flight not in flights:
                flights.append(flight)
                self.shared += 1
        if missing:
            if settings.rotate:
                self._turn += 1
            flight = Flight(key, missing, settings, self._turn, self._lots.pop() if self._lots else ParkingLot())
            for question in missing:
                self._under_way[key, question.kind] = flight
            flights.append(flight)
        for flight in flights:
            flight.askers += 1
        return flights

    def _wait_for(self, flight: Flight) -> None:
        while not flight.is_over:
            attempt = flight.attempt
            if attempt is None or attempt.is_over:
                self._ask_next(flight)
            elif not flight.lot.park(flight.deadline, flight):
                attempt.end()  # others, whose time is up too, may have begun the next one

    def _ask_next(self, flight: Flight) -> None:
        """Ask the next server; if there is none, land."""
        settings = flight.settings
        last = flight.attempt
        is_alone = last is not None and last.is_disturbed and not last.is_alone
        if is_alone:
            flight.turns -= 1  # the same server again
        round, place = divmod(flight.turns, len(settings.servers))
        if round >= settings.attempts or flight.is_answered():
            self._land(flight)
            return
        flight.turns += 1
        seconds = settings.timeout * 2**round
        if round:
            seconds = max(seconds / len(settings.servers), min(settings.timeout, 1))
        flight.deadline = deadline_in(seconds)
        server = settings.servers[(place + flight.shift) % len(settings.servers)]
        questions = flight.questions
        if last is not None:
            questions = [question for question in questions if question.is_open()]
        flight.attempt = attempt = Attempt(flight, questions, server, settings, self._on_finish)
        attempt.is_alone = is_alone
        try:
            self._sender.send(attempt)
        except BaseException as error:
            attempt.end()
            flight.error = error
            if not flight.is_over:
                self._land(flight)
            raise

    def _attempt_finished(self, attempt: Attempt) -> None:
        flight: Flight = attempt.flight
        flight.error = attempt.error
        if attempt.error is not None or flight.is_answered():
            self._land(flight)
        else:
            flight.lot.unpark()  # one is enough to ask the next server

    def _land(self, flight: Flight) -> None:
        flight.is_over = True
        flight.attempt = None  # which knows the flight: it would take the collector to free them
        for question in flight.questions:
            del self._under_way[flight.key, question.kind]
            if question.answer is not None:
                self._keep(flight.key, question.kind, question.answer)
        flight.lot.unpark_all()
        self._lots.append(flight.lot)

    def _end(self, flight: Flight) -> None:
        attempt = flight.attempt
        self._land(flight)
        if attempt is not None:
            attempt.end()

    def end_all(self) -> None:
        """End all that is under way; what has no answer yet is a temporary failure.  Never switches."""
        for flight in set(self._under_way.values()):
            self._end(flight)


def _answer(flights: list[Flight], kind: str) -> Answer:
    for flight in flights:
        for question in flight.questions:
            if question.kind == kind and question.answer is not None:
                return question.answer
    return _SILENCE

"""Questions, and how often, in what order and for how long name servers are asked: resolv.conf(5), as glibc reads it.

Who sends the packets is a `Sender`, which asks one server once.  Everything else is here, and is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hublet.core.lowlevel import deadline_in

from ._answers import TRY_AGAIN, Answer
from ._resolv_conf import Server, Settings

__all__ = ["Exchange", "Question", "Rounds", "Sender"]


class Question:
    """What is asked about a name, and what became of it."""

    __slots__ = ("answer", "kind", "name")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name  # complete, without a dot at the end
        self.kind = kind  # "A", "AAAA" or "PTR"
        self.answer: Answer | None = None  # the last one; `None` if there is none

    @property
    def is_open(self) -> bool:
        """Whether another server may know better: one that fails, or refuses, has not the last word."""
        return self.answer is None or self.answer.status == TRY_AGAIN


class Exchange:
    """Questions on their way, in a greenlet of their own, which `end` makes give up."""

    __slots__ = ("interrupt", "is_ended", "questions")

    def __init__(self, questions: list[Question]) -> None:
        self.questions = questions
        self.is_ended = False
        # What frees everything that the sender holds for it and wakes the greenlet.  Set by the sender while it waits.
        self.interrupt: Callable[[], None] | None = None

    def end(self) -> None:
        """Free what it holds now; its greenlet finds out when it runs.  May be called twice.  Never switches."""
        self.is_ended = True
        if self.interrupt is not None:
            self.interrupt()


class Sender(Protocol):
    """Who sends questions and believes the right replies.  Used by one thread."""

    def ask(
        self, exchange: Exchange, questions: list[Question], server: Server, settings: Settings, deadline: float | None
    ) -> None:
        """Ask *server* once.  Those of *questions* that it does not answer before *deadline* keep the answer they have.

        Parks.  Returns early when *exchange* is ended.  Never raises for what servers or networks do.
        """

    def close(self) -> None:
        """Give back what it holds.  May be called twice.  Never switches."""


class Rounds:
    """Asks name servers in turn, and all of them several times."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._turn = 0

    def ask(self, exchange: Exchange, settings: Settings) -> None:
        """Ask until each question of *exchange* has an answer, or give up.

        Parks.  If one question is answered well, a failure is accepted for the others, but not silence.
        """
        servers = settings.servers
        if settings.rotate:
            self._turn = (self._turn + 1) % len(servers)
            servers = servers[self._turn :] + servers[: self._turn]
        for attempt in range(settings.attempts):
            seconds = settings.timeout * 2**attempt
            if attempt:
                seconds = max(seconds / len(servers), min(settings.timeout, 1))
            for server in servers:
                if exchange.is_ended:
                    return
                questions = [question for question in exchange.questions if question.is_open]
                self._sender.ask(exchange, questions, server, settings, deadline_in(seconds))
                if all(question.answer is not None for question in exchange.questions) and not all(
                    question.is_open for question in exchange.questions
                ):
                    return

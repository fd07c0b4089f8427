"""Questions, and the attempts to have them answered by one name server.

Who sends the packets is a `Sender`.  Whom to ask next, and for how long, is the same for all of them: see `_flights`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ._answers import TRY_AGAIN, Answer
from ._resolv_conf import Server, Settings

__all__ = ["Attempt", "Question", "Sender"]


class Question:
    """What is asked about a name, and what became of it."""

    __slots__ = ("answer", "kind", "name")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name  # complete, without a dot at the end
        self.kind = kind  # "A", "AAAA" or "PTR"
        self.answer: Answer | None = None  # the last one; `None` if there is none

    def is_open(self) -> bool:
        """Say whether another server may know better: one that fails, or refuses, has not the last word."""
        return self.answer is None or self.answer.status == TRY_AGAIN


class Attempt:
    """Questions on their way to one server.  It ends once: when the sender calls `finish`, or when `end` is called."""

    __slots__ = (
        "error",
        "flight",
        "interrupt",
        "is_alone",
        "is_disturbed",
        "is_over",
        "on_finish",
        "pending",
        "questions",
        "server",
        "settings",
    )

    def __init__(
        self,
        flight: Any,
        questions: list[Question],
        server: Server,
        settings: Settings,
        on_finish: Callable[[Attempt], None],
    ) -> None:
        self.flight = flight
        self.questions = questions
        self.server = server
        self.settings = settings
        self.is_alone = False  # each question is to have a connection of its own
        self.is_disturbed = False  # what the sender found may have been meant for others on the same connection
        self.is_over = False
        self.error: BaseException | None = None
        self.pending = 0  # for the sender's own use
        self.on_finish = on_finish
        # What frees everything that the sender holds for it.  Set by the sender.
        self.interrupt: Callable[[Attempt], None] | None = None

    def finish(self, error: BaseException | None = None) -> None:
        """Say that nothing more will come, or what went wrong.  For the sender.  Never switches."""
        if not self.is_over:
            self.is_over = True
            self.error = error
            self.on_finish(self)

    def end(self) -> None:
        """Free what it holds.  May be called twice.  Never switches."""
        if not self.is_over:
            self.is_over = True
            if self.interrupt is not None:
                self.interrupt(self)
            # The sender may keep it for as long as a reply can come.
            self.flight = None
            self.questions = []
            self.is_disturbed = False  # its time is up, anyway


class Sender(Protocol):
    """Who sends questions and believes the right replies.  Used by one thread.  Never switches."""

    def send(self, attempt: Attempt) -> None:
        """Begin to ask the server of *attempt*; write what it answers into the questions, and then `finish` it.

        That may be right now.  What servers and networks do is no error.
        """

    def close(self) -> None:
        """Give back what it holds.  May be called twice."""

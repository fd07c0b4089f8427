"""From a name as users write it to the names that are asked for: search domains, in the order and by the rules of glibc.

The outcomes are glibc's too, found out with its own resolver: which failures end the search, and which one is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ._answers import FOUND, HOST_NOT_FOUND, NO_DATA, NO_RECOVERY, TRY_AGAIN, Answer, LookupFailed
from ._hostname import is_hostname
from ._resolv_conf import Settings

__all__ = ["search"]

class Asker(Protocol):
    """Who can be asked about complete names."""

    def ask(self, name: str, kinds: Sequence[str], settings: Settings) -> list[Answer]:
        """Return an answer for each of *kinds* of record of *name*."""


def search(
    name: str, settings: Settings, asker: Asker, kinds: Sequence[str], nowhere: int = HOST_NOT_FOUND
) -> list[Answer]:
    """Return the answers, of which at least one is found, for the first of the names that *name* may mean.

    *asker* is asked for names that are complete, and for each of *kinds* of record.  Parks as that does.  Raises
    `LookupFailed`, with the status *nowhere* for an alias that leads to nothing.
    """
    if not is_hostname(name):
        raise LookupFailed(NO_RECOVERY)
    is_absolute = name.endswith(".")
    name = name.removesuffix(".")
    first_as_it_is = is_absolute or name.count(".") >= settings.ndots
    failures: list[Answer] = []
    if first_as_it_is:
        answers = asker.ask(name, kinds, settings)
        if _is_final(answers):
            return _found(answers, nowhere)
        failures.append(answers[0])
    if not is_absolute:
        for domain in settings.search:
            complete = f"{name}.{domain}" if domain else name
            # It may be too long now, or the domain none.
            answers = asker.ask(complete, kinds, settings) if is_hostname(complete) else [Answer(_unasked(complete))]
            if _is_final(answers):
                return _found(answers, nowhere)
            if not first_as_it_is:
                failures.append(answers[0])  # otherwise what was said of the name as it is counts
            if answers[0].status == NO_RECOVERY or answers[0].is_timeout:
                break
        if not first_as_it_is and "" not in settings.search:
            answers = asker.ask(name, kinds, settings)
            if _is_final(answers):
                return _found(answers, nowhere)
            failures.append(answers[0])
    raise LookupFailed(_telling([failure.status for failure in failures]))


def _unasked(name: str) -> int:
    """Return the status of *name*, which no host can have: nobody knows it, if a question can be made of it at all."""
    wire = name.encode("utf-8", "surrogateescape")
    is_sendable = len(wire) <= 253 and all(0 < len(label) <= 63 for label in wire.split(b"."))
    return HOST_NOT_FOUND if is_sendable else NO_RECOVERY


def _is_final(answers: list[Answer]) -> bool:
    for answer in answers:
        if answer.is_final:
            return True
    return False


def _found(answers: list[Answer], nowhere: int) -> list[Answer]:
    for answer in answers:
        if answer.status == FOUND:
            return answers
    raise LookupFailed(nowhere)


def _telling(statuses: list[int]) -> int:
    """Return which of the failures says most."""
    for status in (NO_DATA, TRY_AGAIN):
        if status in statuses:
            return status
    return statuses[-1]

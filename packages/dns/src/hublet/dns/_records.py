"""From the records of a reply to the answer to the question: one reading of them, whoever took the bytes apart."""

from __future__ import annotations

from ._answers import FOUND, HOST_NOT_FOUND, NO_DATA, Answer
from ._hostname import is_hostname

__all__ = ["Record", "answer_from", "shorter"]

_LONGEST = 2.0**31 - 1  # seconds


class Record:
    """A record of a reply.  Names are as text, without a dot at the end."""

    __slots__ = ("kind", "owner", "ttl", "value")

    def __init__(self, owner: str, kind: str, ttl: int, value: str) -> None:
        self.owner = owner  # in lower case
        self.kind = kind  # "A", "AAAA", "PTR", "CNAME"
        self.ttl = ttl  # seconds
        self.value = value  # an address as the C library writes it, or a name


def shorter(ttl: float, other: float) -> float:
    """Return the shorter of two times as servers send them: one of more than 31 bits counts as 0, RFC 2181 section 8."""
    return min(ttl, other) if max(ttl, other) <= _LONGEST else 0


def answer_from(name: str, kind: str, records: list[Record], negative_ttl: float, exists: bool = True) -> Answer:
    """Return what *records*, the answer section of a reply, say of *name*.

    Aliases are followed as far as the reply tells where they lead.  *exists* is false if the reply says that there is no such
    name, at the end of the aliases.  *negative_ttl* is for how many seconds it may be kept that there is nothing: RFC 2308
    section 5; no longer than the aliases that led there.
    """
    owner = name.lower()
    names = [name]
    ttl: float = _LONGEST
    values: list[str] = []
    for _ in range(len(records) + 1):  # aliases may go round in circles
        alias = None
        for record in records:
            if record.owner != owner:
                continue
            if record.kind == kind:
                ttl = shorter(ttl, record.ttl)
                if record.value not in values and (kind != "PTR" or is_hostname(record.value)):
                    values.append(record.value)
            elif alias is None and record.kind == "CNAME":
                alias = record
        if values or alias is None:
            break
        ttl = shorter(ttl, alias.ttl)
        owner = alias.value.lower()
        if is_hostname(alias.value):
            names.append(alias.value)
    if not exists:
        return Answer(HOST_NOT_FOUND, ttl=min(ttl, negative_ttl))
    if not values:
        return Answer(NO_DATA, is_final=bool(records), ttl=min(ttl, negative_ttl))
    return Answer(FOUND, names[-1], tuple(names[:-1]), tuple(values), True, False, ttl)

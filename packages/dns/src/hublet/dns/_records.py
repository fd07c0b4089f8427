"""From the records of a reply to the answer to the question: one reading of them, whoever took the bytes apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ._answers import FOUND, NO_DATA, Answer, is_hostname

__all__ = ["Record", "answer_from"]


class Record(NamedTuple):
    """A record of a reply.  Names are as text, without a dot at the end."""

    owner: str  # in lower case
    kind: str  # "A", "AAAA", "PTR", "CNAME"
    ttl: int  # seconds
    value: str  # an address as the C library writes it, or a name


def answer_from(name: str, kind: str, records: list[Record], negative_ttl: float) -> Answer:
    """Return what *records*, the answer section of a reply without an error, say of *name*.

    Aliases are followed as far as the reply tells where they lead.  *negative_ttl* is for how many seconds it may be kept
    that there is nothing: RFC 2308 section 5.
    """
    owner, names, ttls = name.lower(), [name], []
    values: Iterable[str] = ()
    for _ in range(len(records) + 1):  # aliases may go round in circles
        found = [record for record in records if record.kind == kind and record.owner == owner]
        if found:
            ttls += [record.ttl for record in found]
            values = dict.fromkeys(record.value for record in found)
            break
        alias = next((record for record in records if record.kind == "CNAME" and record.owner == owner), None)
        if alias is None:
            break
        ttls.append(alias.ttl)
        owner = alias.value.lower()
        if is_hostname(alias.value):
            names.append(alias.value)
    if kind == "PTR":
        values = filter(is_hostname, values)
    values = tuple(values)
    if not values:
        return Answer(NO_DATA, is_final=bool(records), ttl=negative_ttl)
    return Answer(FOUND, names[-1], tuple(names[:-1]), values, is_final=True, ttl=min(ttls))

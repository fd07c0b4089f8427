"""The resolver `dnspython`: our sockets and our hub, with dnspython to write questions and read answers.

Of dnspython only what has no sockets is used: messages, names, types.  It comes with ``hublet-dns[dnspython]``.
"""

from __future__ import annotations

import _socket
from random import SystemRandom
from typing import Any

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype
except ImportError as error:
    raise ImportError(
        "the resolver 'dnspython' needs dnspython, which is not installed: pip install 'hublet-dns[dnspython]'"
    ) from error

from hublet.core import spawn_raw

from ._answers import NO_RECOVERY, TRY_AGAIN, Answer
from ._questions import Attempt, Question, Sender
from ._records import Record, answer_from, shorter
from ._resolver import NetworkResolver
from ._transport import Query, exchange

__all__ = ["Resolver"]

_random = SystemRandom()
_TYPES = {"A": dns.rdatatype.A, "AAAA": dns.rdatatype.AAAA, "PTR": dns.rdatatype.PTR}
_KINDS = {dns.rdatatype.CNAME: "CNAME", **{rdtype: kind for kind, rdtype in _TYPES.items()}}
_STATUS = {
    dns.rcode.SERVFAIL: TRY_AGAIN,
    dns.rcode.NOTIMP: TRY_AGAIN,
    dns.rcode.REFUSED: TRY_AGAIN,
}
_EDNS_PAYLOAD = 1200  # bytes: what glibc says that it takes


class _Sender:
    """Writes and reads messages with dnspython."""

    def send(self, attempt: Attempt) -> None:
        """Let a greenlet ask.  As `Sender.send`."""
        spawn_raw(self._ask, attempt)

    def _ask(self, attempt: Attempt) -> None:
        if attempt.is_over:
            return
        try:
            exchange(attempt, [_query(question, attempt.settings.edns) for question in attempt.questions])
        except BaseException as error:
            if attempt.is_over:
                raise  # nobody is there to hear of it
            attempt.finish(error)
        attempt.finish()

    def close(self) -> None:
        """Do nothing: what is open belongs to the attempts."""


class Resolver(NetworkResolver):
    """A resolver that asks the name servers of ``resolv.conf`` from the greenlets of one hub."""

    def make_sender(self) -> Sender:
        """Return who sends the questions."""
        return _Sender()


def _query(question: Question, edns: bool) -> Query:
    owner, rdtype = dns.name.from_text(question.name), _TYPES[question.kind]
    message = dns.message.make_query(owner, rdtype, id=_random.getrandbits(16))
    if edns:
        message.use_edns(0, payload=_EDNS_PAYLOAD)

    def parse(wire: bytes) -> None:
        try:
            reply = dns.message.from_wire(wire, ignore_trailing=True)
        except dns.exception.DNSException as error:
            raise ValueError("not a message") from error
        question.answer = _read(reply, question)

    return Query(message.to_wire(), parse)


def _read(reply: dns.message.Message, question: Question) -> Answer:
    rcode = reply.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Answer(_STATUS.get(rcode, NO_RECOVERY))
    records = []
    for rrset in reply.answer:
        kind = _KINDS.get(rrset.rdtype)
        if kind is not None and rrset.rdclass == dns.rdataclass.IN:
            owner = _text(rrset.name).lower()
            records += [Record(owner, kind, rrset.ttl, _value(rdata, kind)) for rdata in rrset]
    return answer_from(question.name, question.kind, records, _negative_ttl(reply), rcode == dns.rcode.NOERROR)


def _negative_ttl(reply: dns.message.Message) -> float:
    """Return for how many seconds it may be kept that there is nothing: RFC 2308 section 5; 0 if that is not said."""
    for rrset in reply.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return shorter(rrset.ttl, rrset[0].minimum)
    return 0


def _value(rdata: Any, kind: str) -> str:
    if kind in ("PTR", "CNAME"):
        return _text(rdata.target)
    # Through the C library, so that it is written as other addresses are.
    family = _socket.AF_INET if kind == "A" else _socket.AF_INET6
    return _socket.inet_ntop(family, _socket.inet_pton(family, rdata.address))


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)

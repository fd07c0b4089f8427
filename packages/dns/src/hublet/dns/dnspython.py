"""The resolver `dnspython`: our sockets and our hub, with dnspython to write questions and read answers.

Of dnspython only what has no sockets is used: messages, names, types.  It comes with ``hublet-dns[dnspython]``.
"""

from __future__ import annotations

import _socket
from collections.abc import Sequence
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

from ._answers import (
    FOUND,
    HOST_NOT_FOUND,
    NO_DATA,
    NO_RECOVERY,
    TRY_AGAIN,
    Answer,
    is_hostname,
)
from ._cache import Cache
from ._hosts import Hosts
from ._resolv_conf import ResolvConf, Server
from ._resolver import NetworkResolver
from ._transport import Query, Transport

__all__ = ["Resolver"]

CACHE_SIZE = 1000

_random = SystemRandom()
_KINDS = {"A": dns.rdatatype.A, "AAAA": dns.rdatatype.AAAA, "PTR": dns.rdatatype.PTR}
_STATUS = {
    dns.rcode.NXDOMAIN: HOST_NOT_FOUND,
    dns.rcode.SERVFAIL: TRY_AGAIN,
    dns.rcode.NOTIMP: TRY_AGAIN,
    dns.rcode.REFUSED: TRY_AGAIN,
}
_EDNS_PAYLOAD = 1200  # bytes: what glibc says that it takes


class Resolver(NetworkResolver):
    """A resolver that asks the name servers of ``resolv.conf`` from the greenlets of one hub.

    *nameservers*, pairs of a numeric address and a port, *timeout*, in seconds, and *attempts* stand for what the file
    says of them, unless they are `None`.  *resolv_conf* and *hosts* are the paths of the files; *cache_size* is how many
    answers are kept at most, 0 for none.  Raises `OSError` for a name server that is not a numeric address.
    """

    def __init__(
        self,
        hub: Any = None,
        *,
        nameservers: Sequence[tuple[str, int]] | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        resolv_conf: str = "/etc/resolv.conf",
        hosts: str = "/etc/hosts",
        cache_size: int = CACHE_SIZE,
    ) -> None:
        servers = tuple(Server.at(host, port) for host, port in nameservers) if nameservers else None
        fixed = ResolvConf(resolv_conf, servers=servers, timeout=timeout, attempts=attempts)
        super().__init__(Hosts(hosts), fixed)
        self._transport = Transport()
        self._cache: Cache[Answer] = Cache(cache_size)
        self._cached_version = 0

    def ask(self, name: str, kinds: Sequence[str]) -> list[Answer]:
        """Return one answer for each of *kinds*, from the cache or from a name server.  As the base class's."""
        settings = self._resolv_conf.get()
        if self._cached_version != self._resolv_conf.version:
            self._cached_version = self._resolv_conf.version
            self._cache.clear()  # other servers may know other things
        key = name.lower()
        answers = {kind: self._cache.get((key, kind)) for kind in kinds}
        missing = [kind for kind in kinds if answers[kind] is None]
        if missing:
            try:
                owner = dns.name.from_text(name)
            except dns.exception.DNSException:
                return [Answer(NO_RECOVERY)] * len(kinds)  # too long, with a search domain
            queries = {kind: _query(owner, _KINDS[kind], settings.edns) for kind in missing}
            self._transport.ask(list(queries.values()), settings)
            for kind, query in queries.items():
                answer = answers[kind] = _answer_to(query)
                self._cache.put((key, kind), answer, answer.ttl)
        return [answer for answer in answers.values() if answer is not None]

    def close(self) -> None:
        """End the look-ups that are under way, which fail, and forget all answers.  As the base class's."""
        self._transport.close()
        self._cache.clear()


def _query(owner: dns.name.Name, rdtype: dns.rdatatype.RdataType, edns: bool) -> Query[Answer]:
    message = dns.message.make_query(owner, rdtype)
    if edns:
        message.use_edns(0, payload=_EDNS_PAYLOAD)
    message.id = _random.getrandbits(16)

    def parse(wire: bytes) -> Answer:
        try:
            reply = dns.message.from_wire(wire, ignore_trailing=True)
        except dns.exception.DNSException as error:
            raise ValueError("not a message") from error
        return _read(reply, owner, rdtype)

    return Query(message.to_wire(), parse)


def _answer_to(query: Query[Answer]) -> Answer:
    if query.result is None:
        return Answer(TRY_AGAIN, is_timeout=True)
    return query.result


def _read(reply: dns.message.Message, owner: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Answer:
    """Return what *reply* says of *owner*, following its aliases as far as it tells where they lead."""
    if reply.rcode() != dns.rcode.NOERROR:
        status = _STATUS.get(reply.rcode(), NO_RECOVERY)
        return Answer(status, ttl=_negative_ttl(reply) if status == HOST_NOT_FOUND else 0)
    name, names, ttls = owner, [_text(owner)], []
    values: list[str] = []
    for _ in range(len(reply.answer) + 1):  # aliases may go round in circles
        found = reply.get_rrset(reply.answer, name, dns.rdataclass.IN, rdtype)
        if found is not None:
            ttls.append(found.ttl)
            values = [_value(rdata, rdtype) for rdata in found]
            break
        alias = reply.get_rrset(reply.answer, name, dns.rdataclass.IN, dns.rdatatype.CNAME)
        if alias is None:
            break
        ttls.append(alias.ttl)
        name = alias[0].target
        if is_hostname(_text(name)):
            names.append(_text(name))
    if rdtype == dns.rdatatype.PTR:
        values = [value for value in values if is_hostname(value)]
    if not values:
        return Answer(NO_DATA, is_final=bool(reply.answer), ttl=_negative_ttl(reply))
    return Answer(FOUND, names[-1], tuple(names[:-1]), tuple(values), is_final=True, ttl=min(ttls))


def _negative_ttl(reply: dns.message.Message) -> float:
    """Return for how many seconds it may be kept that there is nothing: RFC 2308 section 5; 0 if that is not said."""
    for rrset in reply.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return min(rrset.ttl, rrset[0].minimum)  # type: ignore[no-any-return]
    return 0


def _value(rdata: Any, rdtype: dns.rdatatype.RdataType) -> str:
    if rdtype == dns.rdatatype.PTR:
        return _text(rdata.target)
    # Through the C library, so that it is written as other addresses are.
    family = _socket.AF_INET if rdtype == dns.rdatatype.A else _socket.AF_INET6
    return _socket.inet_ntop(family, _socket.inet_pton(family, rdata.address))


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)

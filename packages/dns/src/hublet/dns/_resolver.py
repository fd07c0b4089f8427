"""The five functions of `socket`, for whoever can send questions to a name server.

What is no name is left to the C library, which is kept from looking anything up.  Names are looked up in the hosts file
first, then by asking.
"""

from __future__ import annotations

import _socket
import errno
import os
from collections.abc import Sequence
from operator import index
from typing import Any

from hublet.core import config

from ._answers import FOUND, HOST_NOT_FOUND, NO_DATA, NO_RECOVERY, LookupFailed, gaierror
from ._arguments import Row, argument, as_bytes, as_text, row_with, rows_of, templates_for
from ._cache import CacheInfo
from ._hostname import plain_name
from ._hosts import Host, Hosts
from ._names import Names
from ._order import Order
from ._questions import Sender
from ._resolv_conf import ResolvConf, Server
from ._search import search

__all__ = ["NetworkResolver"]

AF_INET, AF_INET6, AF_UNSPEC = _socket.AF_INET, _socket.AF_INET6, _socket.AF_UNSPEC
_EAI_NONAME = _socket.EAI_NONAME
_V4MAPPED: int = getattr(_socket, "AI_V4MAPPED", 0)
_ALL: int = getattr(_socket, "AI_ALL", 0)

_BROADCAST = ("<broadcast>", "255.255.255.255")
_DECIMAL = frozenset("0123456789.")
_KINDS = {AF_INET: ("A",), AF_INET6: ("AAAA",), AF_UNSPEC: ("A", "AAAA")}
_LOOPBACK = {AF_INET: ["127.0.0.1"], AF_INET6: ["::1"], AF_UNSPEC: ["127.0.0.1", "::1"]}


class NetworkResolver:
    """A resolver that asks the name servers of ``resolv.conf`` from the greenlets of one hub; complete but for the sender.

    *hub*, if it is given, closes it when it is destroyed, and does not keep it.
    *nameservers*, pairs of a numeric address and a port, *timeout*, in seconds, and *attempts* stand for what the file
    says of them, unless they are `None`.  *resolv_conf* and *hosts* are the paths of the files; *cache_size* is how many
    answers are kept at most, 0 for none, `None` as configured (`HUBLET_DNS_CACHE_SIZE`).  Raises `OSError` for a name
    server that is not a numeric address.
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
        cache_size: int | None = None,
    ) -> None:
        servers = tuple(Server.at(host, port) for host, port in nameservers) if nameservers else None
        conf = ResolvConf(resolv_conf, servers=servers, timeout=timeout, attempts=attempts)
        self._hosts = Hosts(hosts)
        self._order = Order()
        self._names = Names(conf, self.make_sender(), config.dns_cache_size if cache_size is None else cache_size)
        if hub is not None:
            hub.add_resolver(self)

    def make_sender(self) -> Sender:
        """Return who sends the questions."""
        raise NotImplementedError

    def cache_info(self) -> CacheInfo:
        """Return what became of the questions so far.  Never switches."""
        return self._names.cache_info()

    def cache_clear(self) -> None:
        """Forget all answers.  Never switches."""
        self._names.cache_clear()

    def close(self) -> None:
        """End the look-ups that are under way, which fail, and forget all answers.

        Called when its hub is destroyed; may be called twice.  Never switches.
        """
        self._names.close()
        self._order.close()

    # From names to addresses

    def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Row]:
        """As `socket.getaddrinfo`.  Parks if a name server must be asked."""
        flags = index(flags)
        name = None if flags & _socket.AI_NUMERICHOST else plain_name(host)
        if name is None:
            try:
                return rows_of(_socket.getaddrinfo(host, port, family, type, proto, flags | _socket.AI_NUMERICHOST))
            except _socket.gaierror as error:
                if error.errno != _EAI_NONAME or flags & _socket.AI_NUMERICHOST or not host:
                    raise
            # Not a numeric host, then; or one of the other errors that have the same number, which the templates raise.
            name = as_text(host)
        templates = templates_for(port, family, type, proto, flags)
        found = self._host_of(name, family, AF_INET in templates, AF_INET6 in templates, flags)
        rows = [
            row_with(template, address)
            for address in self._order.best_first(found.addresses)
            for template in templates[AF_INET6 if ":" in address else AF_INET]
        ]
        if flags & _socket.AI_CANONNAME:
            rows[0] = (*rows[0][:3], found.name, rows[0][4])
        return rows

    def _host_of(self, name: str, family: int, wants_v4: bool, wants_v6: bool, flags: int) -> Host:
        """Return what is known of the host *name*.  Raises `gaierror`."""
        # glibc asks in one of two ways, and each has its own error for an alias that leads to nothing.
        nowhere = NO_DATA if family == AF_INET and not flags & _socket.AI_CANONNAME else HOST_NOT_FOUND
        try:
            if family != AF_INET6 or not flags & _V4MAPPED:
                # What the flag `AI_ADDRCONFIG` has left of the families may be less than was asked for.
                return self._look_up(name, AF_UNSPEC if wants_v4 and wants_v6 else AF_INET if wants_v4 else AF_INET6, nowhere)
            return self._look_up_mapped(name, bool(flags & _ALL))
        except LookupFailed as failed:
            raise failed.as_gaierror() from None

    def _look_up_mapped(self, name: str, wants_all: bool) -> Host:
        """Return the IPv6 addresses of *name*, and those of IPv4 if there are none, or if *wants_all*."""
        failure: LookupFailed | None = None
        found = []
        for family in (AF_INET6, AF_INET):
            try:
                found.append(self._look_up(name, family))
            except LookupFailed as failed:
                failure = failure or failed
            if found and not wants_all:
                break
        if not found and failure is not None:
            raise failure
        return Host(found[0].name, found[0].aliases, [address for host in found for address in host.addresses])

    def _look_up(self, name: str, family: int, nowhere: int = HOST_NOT_FOUND) -> Host:
        """Return what the hosts file or a name server knows of *name*.  Raises `LookupFailed`, as `search`."""
        known = self._hosts.by_name(name, family)
        if known is not None:
            return known
        if _is_localhost(name):
            return Host(name.removesuffix("."), [], list(_LOOPBACK[family]))
        answers = search(name, self._names.settings(), self._names, _KINDS[family], nowhere)
        addresses: list[str] = []
        named = None
        for answer in answers:
            if answer.status == FOUND:
                named = named or answer
                addresses += answer.values
        assert named is not None
        return Host(named.name, list(named.aliases), addresses)

    def gethostbyname(self, hostname: Any) -> str:
        """As `socket.gethostbyname`.  Parks if a name server must be asked."""
        name = plain_name(hostname)
        if name is not None:
            return self._order.best_first(self._host_of(name, AF_INET, True, False, 0).addresses)[0]
        return self._first_address(argument("gethostbyname", hostname), AF_INET)

    def _first_address(self, name: str, family: int) -> str:
        """Return an address of *name*, as the functions of `socket` do that take a name or an address."""
        if not name:
            if family == AF_UNSPEC:
                raise OSError("wildcard resolved to multiple address")
            return "0.0.0.0"
        if name in _BROADCAST:
            return "255.255.255.255"
        return self.getaddrinfo(as_bytes(name), None, family)[0][4][0]  # type: ignore[no-any-return]

    def gethostbyname_ex(self, hostname: Any) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`.  Parks if a name server must be asked."""
        name = argument("gethostbyname_ex", hostname)
        if not name or name == "<broadcast>":
            raise LookupFailed(HOST_NOT_FOUND if name else NO_RECOVERY).as_herror()
        try:
            numeric: Any = _socket.getaddrinfo(as_bytes(name), None, AF_INET, 0, 0, _socket.AI_NUMERICHOST)
        except _socket.gaierror as error:
            if error.errno != _EAI_NONAME:
                raise
            return self._host_of(name, AF_INET, True, False, 0).as_tuple()
        if not _DECIMAL.issuperset(name):
            # The C function knows fewer ways to write an address than `getaddrinfo`, and takes the others for names.
            raise LookupFailed(HOST_NOT_FOUND).as_herror()
        return name, [], [numeric[0][4][0]]

    # From addresses to names

    def gethostbyaddr(self, ip_address: Any) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`.  Parks if a name server must be asked."""
        name = argument("gethostbyaddr", ip_address)
        address = self._first_address(name, AF_UNSPEC)
        try:
            found = self._name_of(address)
        except LookupFailed as failed:
            raise failed.as_herror() from None
        if found.addresses != [address]:
            # The name of a mapped address is that of an IPv4 address, which the standard library trips over.
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return found.as_tuple()

    def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        """As `socket.getnameinfo`.  Parks if a name server must be asked."""
        if not isinstance(flags, int) or flags & _socket.NI_NUMERICHOST:
            return _socket.getnameinfo(sockaddr, flags)
        must_have_name = flags & _socket.NI_NAMEREQD
        host, service = _socket.getnameinfo(sockaddr, flags & ~must_have_name | _socket.NI_NUMERICHOST)
        try:
            host = self._name_of(host.partition("%")[0]).name
        except LookupFailed as failed:
            error = failed.as_gaierror()
            if error.errno == _socket.EAI_AGAIN:
                raise error from None
            if must_have_name:
                raise gaierror(_EAI_NONAME) from None
        else:
            if flags & _socket.NI_NOFQDN:
                host = host.removesuffix("." + self._own_domain())
        return host, service

    def _name_of(self, address: str) -> Host:
        """Return what the hosts file or a name server knows of *address*, a numeric one.  Raises `LookupFailed`."""
        family = AF_INET6 if ":" in address else AF_INET
        packed = _socket.inet_pton(family, address)
        if packed == b"\0" * 16:
            raise LookupFailed(HOST_NOT_FOUND)  # as in the C library, whatever the hosts file says
        known = self._hosts.by_address(address)
        if known is not None:
            return known
        if packed[:12] == b"\0" * 10 + b"\xff\xff":
            family, packed = AF_INET, packed[12:]
        (answer,) = self._names.ask(_reverse_name(packed), ("PTR",), self._names.settings())
        if answer.status != FOUND:
            raise LookupFailed(answer.status)
        return Host(answer.values[0], [], [_socket.inet_ntop(family, packed)])

    def _own_domain(self) -> str:
        """Return the domain of this machine, as far as its name or the hosts file tells it."""
        own = _socket.gethostname()
        known = self._hosts.by_name(own, AF_UNSPEC)
        return (own if known is None or "." in own else known.name).partition(".")[2]


def _is_localhost(name: str) -> bool:
    """Say whether *name* is one that is never asked for: RFC 6761 section 6.3."""
    name = name.lower().removesuffix(".")
    return name.endswith("localhost") and (len(name) == 9 or name[-10] == ".")


def _reverse_name(packed: bytes) -> str:
    """Return the name under which the name of an address is kept: RFC 1035 section 3.5, RFC 3596 section 2.5."""
    if len(packed) == 4:
        return ".".join(str(byte) for byte in reversed(packed)) + ".in-addr.arpa"
    return ".".join(reversed(packed.hex())) + ".ip6.arpa"

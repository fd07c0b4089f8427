"""Names of hosts into addresses and back, through the resolver of the hub.

What is numeric needs nobody: the functions in C answer at once, and are asked directly.  A native thread that has no
hub, other than the main one, asks them whatever it is, since nothing shares that thread.
"""

from __future__ import annotations

import _socket
import socket as _stdlib
from collections.abc import Callable
from typing import Any

from ._handles import hub_here

__all__ = [
    "getaddrinfo",
    "getfqdn",
    "gethostbyaddr",
    "gethostbyname",
    "gethostbyname_ex",
    "getnameinfo",
    "resolve_address",
]

_AI_NUMERICHOST = _socket.AI_NUMERICHOST
_NI_NUMERIC = _socket.NI_NUMERICHOST | _socket.NI_NUMERICSERV
_NEVER_LOOKED_UP = ("", b"", "<broadcast>", b"<broadcast>")


def _ask(name: str, blocking: Callable[..., Any], *args: Any) -> Any:
    hub = hub_here()
    return blocking(*args) if hub is None else getattr(hub.resolver, name)(*args)


def getaddrinfo(
    host: bytes | str | None,
    port: bytes | str | int | None,
    family: int = 0,
    type: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[_stdlib.AddressFamily, _stdlib.SocketKind, int, str, tuple[Any, ...]]]:
    """As `socket.getaddrinfo`.  Parks, unless *host* is numeric."""
    # With AI_NUMERICHOST the C library asks nobody about the host.  About a service it may: its database can be remote.
    if port is None or isinstance(port, int) or (isinstance(port, (str, bytes)) and port.isdigit()):
        try:
            return _blocking_getaddrinfo(host, port, family, type, proto, flags | _AI_NUMERICHOST)
        except _socket.gaierror as error:
            if error.errno != _socket.EAI_NONAME or flags & _AI_NUMERICHOST:
                raise
    return _ask("getaddrinfo", _blocking_getaddrinfo, host, port, family, type, proto, flags)  # type: ignore[no-any-return]


def _blocking_getaddrinfo(host: Any, port: Any, family: int, type: int, proto: int, flags: int) -> list[Any]:
    return [
        (_as_enum(_stdlib.AddressFamily, each[0]), _as_enum(_stdlib.SocketKind, each[1]), *each[2:])
        for each in _socket.getaddrinfo(host, port, family, type, proto, flags)
    ]


def _as_enum(kind: Any, value: int) -> Any:
    try:
        return kind(value)
    except ValueError:
        return value


def gethostbyname(hostname: str, /) -> str:
    """As `socket.gethostbyname`.  Parks, unless *hostname* is numeric."""
    if _is_numeric(_socket.AF_INET, hostname):
        return _socket.gethostbyname(hostname)
    return _ask("gethostbyname", _socket.gethostbyname, hostname)  # type: ignore[no-any-return]


def gethostbyname_ex(hostname: str, /) -> tuple[str, list[str], list[str]]:
    """As `socket.gethostbyname_ex`.  Parks."""
    return _ask("gethostbyname_ex", _socket.gethostbyname_ex, hostname)  # type: ignore[no-any-return]


def gethostbyaddr(ip_address: str, /) -> tuple[str, list[str], list[str]]:
    """As `socket.gethostbyaddr`.  Parks."""
    return _ask("gethostbyaddr", _socket.gethostbyaddr, ip_address)  # type: ignore[no-any-return]


def getnameinfo(sockaddr: tuple[Any, ...], flags: int, /) -> tuple[str, str]:
    """As `socket.getnameinfo`.  Parks, unless *flags* ask for numbers only."""
    if isinstance(flags, int) and flags & _NI_NUMERIC == _NI_NUMERIC:
        return _socket.getnameinfo(sockaddr, flags)
    return _ask("getnameinfo", _socket.getnameinfo, sockaddr, flags)  # type: ignore[no-any-return]


def getfqdn(name: str = "") -> str:
    """As `socket.getfqdn`.  Parks."""
    name = name.strip()
    if not name or name in ("0.0.0.0", "::"):
        name = _socket.gethostname()
    try:
        hostname, aliases, _ = gethostbyaddr(name)
    except OSError:
        return name
    return next((each for each in (hostname, *aliases) if "." in each), hostname)


def _is_numeric(family: int, host: Any) -> bool:
    """Say whether the functions in C take *host* for an address without asking anybody; false if in doubt."""
    if host in _NEVER_LOOKED_UP:
        return True
    if isinstance(host, str):
        try:
            _socket.inet_pton(family, host)
            return True
        except (OSError, ValueError):
            pass
    return False


def resolve_address(family: int, address: Any) -> Any:
    """Return *address*, of an IP socket, with a number for the name of its host.  Parks if it is a name.

    What is no address at all is returned as it is: the function in C that gets it next has the right error.  Raises
    `TypeError` for a name that those functions refuse.
    """
    if not isinstance(address, tuple) or len(address) < 2:
        return address
    host = address[0]
    if not isinstance(host, (str, bytes, bytearray)) or _is_numeric(family, host):
        return address
    # As the functions in C ask: for the host alone, and the first answer counts.
    found = getaddrinfo(_name_for_c(host), None, family)
    if not found:
        raise _socket.gaierror(_socket.EAI_NONAME, f"no address found for {host!r}")
    return (found[0][4][0], *address[1:])


def _name_for_c(host: str | bytes | bytearray) -> str | bytes:
    """Return the name *host* as the functions in C look it up that take addresses; raise `TypeError` as they do.

    Unlike `getaddrinfo` they neither cut it off at a null character, which would let a name pass for what it begins with,
    nor encode what is ASCII, be it as wrong as it likes.
    """
    name = host if isinstance(host, str) else bytes(host)
    if isinstance(name, str):
        try:
            name.encode("idna")
        except UnicodeError:
            if not name.isascii():
                raise TypeError("encoding of hostname failed") from None
            name = name.encode("ascii")
    if "\0" in name if isinstance(name, str) else b"\0" in name:
        raise TypeError("host name must not contain null character")
    return name

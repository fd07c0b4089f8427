"""What the functions of `socket` are called with: names as they take them, and the rows that `getaddrinfo` gives.

Whatever needs no name server is left to the C library, by calling it with `AI_NUMERICHOST`, which keeps it from looking
anything up: arguments, flags, services and all their errors are its own, on every system.
"""

from __future__ import annotations

import _socket
import socket as _stdlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

__all__ = ["Row", "Templates", "argument", "as_bytes", "as_text", "row_with", "rows_of", "templates_for"]

AF_INET, AF_INET6 = _socket.AF_INET, _socket.AF_INET6

# What `getaddrinfo` returns: family, type, protocol, canonical name, address.
Row = tuple[Any, Any, int, str, Any]
# A row without the address: what comes before it, and what comes after the numeric host in it.
Template = tuple[tuple[Any, Any, int, str], tuple[int, ...]]
Templates = dict[int, list[Template]]

_ADDRCONFIG: int = getattr(_socket, "AI_ADDRCONFIG", 0)
_NO_SERVICE = (int, None.__class__)


def argument(function: str, host: object) -> str:
    """Return *host* as the C functions take it.  Raises as they do."""
    if isinstance(host, str):
        encoded = host.encode("idna")
    elif isinstance(host, (bytes, bytearray)):
        encoded = bytes(host)
    else:
        kind = "None" if host is None else type(host).__name__
        raise TypeError(f"{function}() argument 1 must be str, bytes or bytearray, not {kind}")
    if b"\0" in encoded:
        raise TypeError(
            f"{function}() argument 1 must be encoded string without null bytes, not {type(host).__name__}"
        )
    return as_text(encoded)


def as_text(host: str | bytes) -> str:
    """Return *host*, encoded if it must be, as text: what is not ASCII is no name, but may be in the hosts file."""
    encoded = host.encode("idna") if isinstance(host, str) else host
    # As the C function sees it, which takes a zero for the end.
    return encoded.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def as_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def templates_for(port: Any, family: Any, type: Any, proto: Any, flags: int) -> Templates:
    """Return what the rows have that `getaddrinfo` gives for an address of either family, of those that are wanted.

    Raises as `getaddrinfo` for what is wrong with the arguments.
    """
    if port.__class__ in _NO_SERVICE and not flags & _ADDRCONFIG:
        try:
            return _kept_templates(port, family, type, proto, flags)
        except TypeError:
            pass  # cannot be hashed: it is wrong anyway, and told so by the C function
    return _templates(port, family, type, proto, flags)  # the files and interfaces that these depend on may change


def _templates(port: Any, family: Any, type: Any, proto: Any, flags: Any) -> Templates:
    flags = flags & ~_socket.AI_CANONNAME | _socket.AI_NUMERICHOST
    found: Templates = {}
    error: _socket.gaierror | None = None
    for each, address in ((AF_INET, "127.0.0.1"), (AF_INET6, "::1")):
        try:
            rows = rows_of(_socket.getaddrinfo(address, port, family, type, proto, flags))
            found[each] = [((*row[:3], ""), row[4][1:]) for row in rows]
        except _socket.gaierror as raised:
            error = raised  # perhaps only that this family is not wanted
    if not found and error is not None:
        raise error
    return found


# By type too: 80 is a port, and 80.0 is none.
_kept_templates = lru_cache(maxsize=256, typed=True)(_templates)


def row_with(template: Template, address: str) -> Row:
    """Return the row for *address*."""
    head, tail = template
    if ":" not in address and head[0] == AF_INET6:
        address = f"::ffff:{address}"
    return head + ((address,) + tail,)


def rows_of(rows: Sequence[Row]) -> list[Row]:
    """Return *rows* with the enumerations that `socket` has where `_socket` has numbers."""
    return [
        (_member(_stdlib.AddressFamily, family), _member(_stdlib.SocketKind, kind), proto, name, address)
        for family, kind, proto, name, address in rows
    ]


def _member(enumeration: Any, number: int) -> Any:
    try:
        return enumeration(number)
    except ValueError:
        return number

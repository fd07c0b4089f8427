"""Where a server listens, as its users write it: an address in one of several forms, taken apart."""

from __future__ import annotations

import _socket
import os
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Address", "Listenable", "parse_address"]

Listenable: TypeAlias = "int | str | bytes | os.PathLike[str] | tuple[Any, ...]"
"""What `parse_address` takes."""


class Address(NamedTuple):
    """An address family and an address in it."""

    family: int
    address: Any


def parse_address(listener: Listenable) -> Address:
    """Return the family and the address that *listener* stands for.  Never switches; no name is looked up.

    - a tuple ``(host, port)``, with IPv6 also ``(host, port, flowinfo, scope_id)``; a host of ``""``, ``"*"`` or `None` is
      every IPv4 address of this machine, and ``"::"`` is every address, IPv4 included where the system can;
    - a port number, on every IPv4 address;
    - a string ``"host:port"``, ``":port"``, ``"[::1]:port"`` or ``"port"``;
    - a path of a Unix socket: an `os.PathLike`, `bytes`, a string with a ``/`` in it or one that begins with ``unix:``; an
      abstract name begins with a null character.

    Raises `TypeError` or `ValueError` for anything else.
    """
    if isinstance(listener, bool):
        raise TypeError(f"a server cannot listen at {listener!r}: give it an address or a socket")
    if isinstance(listener, int):
        return Address(_socket.AF_INET, ("", listener))
    if isinstance(listener, tuple):
        return _internet(listener)
    if isinstance(listener, (os.PathLike, bytes)):
        return _unix(os.fspath(listener))
    if not isinstance(listener, str):
        raise TypeError(f"a server cannot listen at {listener!r}: give it an address or a socket")
    if listener.startswith("unix:"):
        return _unix(listener[len("unix:") :])
    if "/" in listener or listener.startswith("\0"):
        return _unix(listener)
    host, _, port = listener.rpartition(":")
    if not (port.isascii() and port.isdigit()):
        raise ValueError(f"{listener!r} is no address to listen at: write 'host:port', '[ipv6]:port' or 'unix:/path'")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return _internet((host, int(port)))


def _internet(address: tuple[Any, ...]) -> Address:
    if len(address) not in (2, 4):
        raise ValueError(f"{address!r} is no address to listen at: give a tuple of host and port")
    host, port, *more = address
    if host is None or host == "*":
        host = ""
    if not isinstance(host, str):
        raise TypeError(f"the host to listen at must be a str or None, not {host!r}")
    family = _socket.AF_INET6 if more or ":" in host else _socket.AF_INET
    return Address(family, (host, int(port), *more))


def _unix(path: str | bytes) -> Address:
    if not hasattr(_socket, "AF_UNIX"):
        raise ValueError(f"this system has no Unix sockets, so a server cannot listen at {path!r}")
    return Address(_socket.AF_UNIX, path)

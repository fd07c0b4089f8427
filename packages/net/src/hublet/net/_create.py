"""The functions of `socket` that make sockets."""

from __future__ import annotations

import _socket
import os
import socket as _stdlib
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, SupportsIndex

from ._handles import hub_here
from ._resolve import getaddrinfo
from ._socket import socket

if TYPE_CHECKING:
    from _socket import _Address

__all__ = [
    "HAPPY_EYEBALLS_DELAY",
    "connect_to_any",
    "create_connection",
    "create_server",
    "fromfd",
    "has_dualstack_ipv6",
    "socketpair",
]

_UNSET: Any = _stdlib._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]
HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds between two attempts; what RFC 8305 recommends."""

_HAS_IPV6_ONLY = _stdlib.has_ipv6 and hasattr(_socket, "IPPROTO_IPV6") and hasattr(_socket, "IPV6_V6ONLY")


def create_connection(
    address: tuple[str | None, bytes | str | int | None],
    timeout: float | None = _UNSET,
    source_address: _Address | None = None,
    *,
    all_errors: bool = False,
    happy_eyeballs_delay: float | None = HAPPY_EYEBALLS_DELAY,
) -> socket:
    """As `socket.create_connection`; *all_errors* needs Python 3.11.  Parks.

    If the host has several addresses, the next one is tried *happy_eyeballs_delay* seconds after the one before, or as soon
    as that has failed, and the first that answers is taken (RFC 8305); with `None`, one after the other, as the original
    does it.  *timeout* holds for each attempt.  Whatever ends it, a kill or a `Timeout` included, the sockets that it made
    are closed.
    """
    made: socket = connect_to_any(
        socket, getaddrinfo, address, timeout, source_address, all_errors, happy_eyeballs_delay
    )
    return made


def connect_to_any(
    make_socket: Callable[..., Any],
    resolve: Callable[..., Any],
    address: tuple[Any, Any],
    timeout: Any,
    source_address: Any,
    all_errors: bool,
    delay: float | None,
) -> Any:
    """Return a socket, of those that *make_socket* makes, that is connected to the first address that answers."""
    if all_errors and sys.version_info < (3, 11):
        raise TypeError("create_connection(all_errors=True) raises an ExceptionGroup and needs Python 3.11")
    host, port = address
    found = resolve(host, port, 0, _socket.SOCK_STREAM)
    if not found:
        raise OSError("getaddrinfo returns an empty list")

    def connect(sock: Any, to: Any) -> None:
        if timeout is not _UNSET:
            sock.settimeout(timeout)
        if source_address:
            sock.bind(source_address)
        sock.connect(to)

    if delay is None or len(found) == 1 or hub_here() is None:
        connected, errors = _one_after_the_other(found, make_socket, connect)
    else:
        # Late: most hosts have one address.
        from ._racing import interleave, race

        attempts = [(partial(make_socket, *each[:3]), partial(connect, to=each[4])) for each in interleave(found)]
        connected, errors = race(attempts, delay)
    try:
        if connected is not None:
            return connected
        if sys.version_info >= (3, 11) and all_errors:
            raise ExceptionGroup("create_connection failed", errors)  # noqa: F821
        raise errors[-1]
    finally:
        errors.clear()  # their tracebacks hold this frame, which holds them


def _one_after_the_other(found: Any, make_socket: Any, connect: Any) -> tuple[Any, list[Exception]]:
    errors: list[Exception] = []
    for family, kind, proto, _, to in found:
        sock = None
        try:
            sock = make_socket(family, kind, proto)
            connect(sock, to)
            return sock, errors
        except OSError as error:
            if sock is not None:
                sock.close()
            errors.append(error)
        except BaseException:
            if sock is not None:
                sock.close()
            raise
    return None, errors


def has_dualstack_ipv6() -> bool:
    """As `socket.has_dualstack_ipv6`.  Never switches."""
    if not _HAS_IPV6_ONLY:
        return False
    try:
        with socket(_socket.AF_INET6, _socket.SOCK_STREAM) as sock:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
            return True
    except OSError:
        return False


def create_server(
    address: _Address,
    *,
    family: int = _socket.AF_INET,
    backlog: int | None = None,
    reuse_port: bool = False,
    dualstack_ipv6: bool = False,
) -> socket:
    """As `socket.create_server`.  Parks only if *address* has a name."""
    if reuse_port and not hasattr(_socket, "SO_REUSEPORT"):
        raise ValueError("SO_REUSEPORT not supported on this platform")
    if dualstack_ipv6:
        if not has_dualstack_ipv6():
            raise ValueError("dualstack_ipv6 not supported on this platform")
        if family != _socket.AF_INET6:
            raise ValueError("dualstack_ipv6 requires AF_INET6 family")
    sock = socket(family, _socket.SOCK_STREAM)
    try:
        # Not on Windows, where it would let two programs listen at the same address.
        if os.name not in ("nt", "cygwin") and hasattr(_socket, "SO_REUSEADDR"):
            try:
                sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            except OSError:
                pass  # not for this family; what is wrong with the address, bind will say
        if reuse_port:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, 1)
        if _HAS_IPV6_ONLY and family == _socket.AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0 if dualstack_ipv6 else 1)
        try:
            sock.bind(address)
        except OSError as error:
            message = f"{error.strerror} (while attempting to bind on address {address!r})"
            raise OSError(error.errno, message) from None
        if backlog is None:
            sock.listen()
        else:
            sock.listen(backlog)
        return sock
    except BaseException:
        sock.close()
        raise


def fromfd(fd: SupportsIndex, family: int, type: int, proto: int = 0) -> socket:
    """As `socket.fromfd`.  Never switches.  *fd*, of which the socket has a duplicate, becomes non-blocking too."""
    return _own(_socket.dup(fd), family, type, proto)


def _own(fd: int, family: int, type: int, proto: int) -> socket:
    try:
        return socket(family, type, proto, fd)
    except BaseException:
        _socket.close(fd)
        raise


if hasattr(_socket, "socketpair"):

    def socketpair(family: int | None = None, type: int = _socket.SOCK_STREAM, proto: int = 0) -> tuple[socket, socket]:
        """As `socket.socketpair`.  Never switches."""
        if family is None:
            family = getattr(_socket, "AF_UNIX", _socket.AF_INET)
        one, other = _socket.socketpair(family, type, proto)
        with_default_timeout = _own(one.detach(), family, type, proto)
        try:
            return with_default_timeout, _own(other.detach(), family, type, proto)
        except BaseException:
            with_default_timeout.close()
            raise

else:

    def socketpair(family: int | None = None, type: int = _socket.SOCK_STREAM, proto: int = 0) -> tuple[socket, socket]:
        """As `socket.socketpair`.  Never switches."""
        # The standard library connects two of its own sockets to each other; take over their descriptors.
        pair = _stdlib.socketpair(_socket.AF_INET if family is None else family, type, proto)
        one, other = (_own(each.detach(), each.family, each.type, each.proto) for each in pair)
        return one, other


if hasattr(_socket.socket, "share"):

    def fromshare(info: bytes) -> socket:
        """As `socket.fromshare`.  Never switches."""
        return socket(0, 0, 0, info)  # type: ignore[arg-type]

    __all__.append("fromshare")

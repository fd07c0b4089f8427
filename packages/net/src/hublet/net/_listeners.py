"""The sockets that servers listen with: made from addresses, and the files that Unix sockets leave behind."""

from __future__ import annotations

import _socket
import errno
import os
import stat
from typing import Any

from ._create import create_server, has_dualstack_ipv6
from ._socket import socket

__all__ = ["PathGuard", "bind_datagram", "listen"]


def listen(family: int, address: Any, backlog: int, reuse_addr: bool, reuse_port: bool) -> socket:
    """Return a stream socket that listens at *address*.  Parks only to look up a name."""
    if family == _socket.AF_INET6:
        dual = address[0] == "::" and has_dualstack_ipv6()
        return create_server(address, family=family, backlog=backlog, reuse_port=reuse_port, dualstack_ipv6=dual)
    sock = _bound(family, _socket.SOCK_STREAM, address, reuse_addr, reuse_port)
    try:
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def bind_datagram(family: int, address: Any, reuse_addr: bool, reuse_port: bool) -> socket:
    """Return a datagram socket that is bound to *address*.  Parks only to look up a name."""
    return _bound(family, _socket.SOCK_DGRAM, address, reuse_addr, reuse_port)


def _bound(family: int, kind: int, address: Any, reuse_addr: bool, reuse_port: bool) -> socket:
    if reuse_port and not hasattr(_socket, "SO_REUSEPORT"):
        raise ValueError("SO_REUSEPORT not supported on this platform")
    is_unix = family == getattr(_socket, "AF_UNIX", None)
    sock = socket(family, kind)
    try:
        if reuse_addr and not is_unix and os.name != "nt":  # on Windows two programs could then have one address
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, 1)
        try:
            sock.bind(address)
        except OSError as error:
            if not (is_unix and error.errno == errno.EADDRINUSE and _is_left_behind(address, kind)):
                message = f"{error.strerror} (while attempting to bind on address {address!r})"
                raise OSError(error.errno, message) from None
            os.unlink(address)
            sock.bind(address)
        return sock
    except BaseException:
        sock.close()
        raise


def _is_left_behind(path: Any, kind: int) -> bool:
    """Say whether *path* is the file of a Unix socket that nobody listens with any more."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except (OSError, ValueError):  # an abstract name, or gone
        return False
    with socket(_socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED


class PathGuard:
    """The file of a Unix socket that is bound to *address*; removes that file and no other.

    With any other address it does nothing.
    """

    def __init__(self, family: int, address: Any) -> None:
        self._path: Any = address if family == getattr(_socket, "AF_UNIX", None) else None
        self._file = self._identity()

    def _identity(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = os.stat(self._path)
        except (OSError, ValueError):  # an abstract name, or gone
            return None
        return found.st_dev, found.st_ino

    def remove(self) -> None:
        """Remove the file, unless another has taken its place.  Never switches."""
        if self._file is not None and self._identity() == self._file:
            os.unlink(self._path)
        self._file = None

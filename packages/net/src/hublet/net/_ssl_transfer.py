"""The methods of `SSLSocket` that programs spend their time in: read, recv, write, send and sendall.

`_ssl_transfer.pyx` says the same in C and is imported instead of this file where it was built.

A read looks first whether there is anything to receive, and if not, waits at once.  To let OpenSSL find that out, and raise,
costs four times as much (benchmarks/tls.py).  But only if the last thing it did was to give data: after an end, an error, or
in the middle of something that may have to write first, it does not want to receive, and must be asked.  A write, which
nearly always goes through, is tried at once.
"""

from __future__ import annotations

import select
from ssl import SSLError, SSLWantReadError, SSLWantWriteError
from ssl import SSLSocket as _Original
from typing import TYPE_CHECKING, Any

from hublet.core.lowlevel import READ, deadline_in
from hublet.core.patching import original

from ._handles import closed_error
from ._transfer import spend

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    from ._ssl import SSLSocket

__all__ = ["LATER", "compiled", "prepare", "read", "recv", "send", "sendall", "write"]

compiled = False

LATER: Any = object()
"""A deadline that is taken when there is something to wait for."""

_RECORD = 16384  # bytes that a record takes at most

_plain: Any = _Original  # whose methods do what is to be done without TLS, or have the error
_class: Any = None

# Taken now: patching replaces it.
_make_poll: Any = original("select", "poll", None)
_POLLIN = getattr(select, "POLLIN", 0)


def prepare(ssl_socket_class: type[SSLSocket]) -> None:
    """Work for that class.  In one derived from it, `recv` and `send` call `read` and `write`, which may be overridden."""
    global _class
    _class = ssl_socket_class


def _is_empty(sock: SSLSocket) -> bool:
    """Say whether there is certainly nothing to receive: no data, no end, no error."""
    fd = sock.fileno()
    if fd < 0 or _make_poll is None:
        return False
    poller = _make_poll()
    poller.register(fd, _POLLIN)
    return not poller.poll(0)


def _has_room(buffer: WriteableBuffer | None) -> bool:
    """Say whether anything can be read into *buffer*; what is wrong with it, OpenSSL's part says."""
    if buffer is None:
        return True
    try:
        with memoryview(buffer) as view:
            return view.nbytes > 0 and not view.readonly
    except TypeError:
        return False


def read(self: SSLSocket, len: int = 1024, buffer: WriteableBuffer | None = None) -> Any:
    """As `ssl.SSLSocket.read`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None:
        return _plain.read(self, len, buffer)
    spend(self)
    deadline = LATER
    timeout = self._timeout
    if (
        timeout != 0.0
        and len > 0
        and self._looks_first
        and _has_room(buffer)
        and not sslobj.pending()
        and _is_empty(self)
        and not self._is_over
    ):
        deadline = None if timeout is None else deadline_in(timeout)
        if not self._is_ready_by(READ, deadline):
            raise TimeoutError("The read operation timed out")
        if self.fileno() < 0:
            raise closed_error()
    try:
        result = sslobj.read(len) if buffer is None else sslobj.read(len, buffer)
    except SSLError as error:
        result = self._read_on(error, deadline, sslobj, len, buffer)
    self._looks_first = bool(result)
    self._answered = False
    return result


def recv(self: SSLSocket, buflen: int = 1024, flags: int = 0) -> bytes:
    """As `ssl.SSLSocket.recv`.  Parks."""
    if self._sslobj is None or flags:
        return _plain.recv(self, buflen, flags)  # type: ignore[no-any-return]
    return self.read(buflen)  # type: ignore[no-any-return]


def write(self: SSLSocket, data: ReadableBuffer) -> int:
    """As `ssl.SSLSocket.write`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None:
        return _plain.write(self, data)  # type: ignore[no-any-return]
    spend(self)
    if self._writer is None:
        try:
            count: int = sslobj.write(data)
            self._answered = True
            return count
        except SSLError as error:
            self._looks_first = False
            if self._timeout == 0.0 or not isinstance(error, (SSLWantReadError, SSLWantWriteError)):
                raise
    return self._write_on(sslobj, data, LATER)


def send(self: SSLSocket, data: ReadableBuffer, flags: int = 0) -> int:
    """As `ssl.SSLSocket.send`.  Parks."""
    if self._sslobj is None or flags:
        return _plain.send(self, data, flags)  # type: ignore[no-any-return]
    return self.write(data)


def sendall(self: SSLSocket, data: ReadableBuffer, flags: int = 0) -> None:
    """As `ssl.SSLSocket.sendall`, but with one deadline for all of *data*, as `socket.sendall`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None or flags:
        return _plain.sendall(self, data, flags)  # type: ignore[no-any-return]
    if self.__class__ is not _class or data.__class__ is not bytes or not 0 < len(data) <= _RECORD:
        return self._send_records(data)
    # One record takes all of it.
    write(self, data)
    return None

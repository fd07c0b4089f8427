"""Sending questions to name servers and believing the right replies.

Every attempt has a socket of its own: a random port from the kernel, connected, so that the kernel drops what comes
from elsewhere and tells of a port where nobody listens.  A reply counts if its id and its question are those of a
query; all else is passed over, and the time goes on.  A reply that was cut off is asked for again over TCP, in the same
time.  Who began the attempt ends it when its time is up.

This module knows the twelve bytes of a header and nothing else of DNS: who makes the queries parses the replies.
"""

from __future__ import annotations

import _socket
import struct
from collections.abc import Callable
from typing import Any

from hublet.core.lowlevel import READ, WRITE, handle_for, notify_closing, wait_on_handle

from ._questions import Attempt

__all__ = ["Query", "exchange"]

_REPLY, _TRUNCATED = 0x80, 0x02  # bits of the third byte of a header
_LARGEST = 65535
_PATIENCE = 100  # datagrams from one server, after which it is not listened to: a flood would never let time pass
_BLOCKED = object()


class Query:
    """A question as bytes.  *parse* takes the reply, or raises `ValueError`."""

    def __init__(self, wire: bytes, parse: Callable[[bytes], None]) -> None:
        self.wire = wire
        self.is_truncated = False
        self._parse = parse

    def take(self, reply: bytes, over_tcp: bool) -> bool:
        """Let *reply* be parsed if it answers this query; say whether it does."""
        if len(reply) < 12 or reply[:2] != self.wire[:2] or not reply[2] & _REPLY or not self._is_echoed(reply):
            return False
        if reply[2] & _TRUNCATED and not over_tcp:
            self.is_truncated = True
            return True
        try:
            self._parse(reply)
        except ValueError:
            return False
        return True

    def _is_echoed(self, reply: bytes) -> bool:
        """Say whether *reply* repeats the question; as in the C library, what does not is not believed."""
        end = self.wire.index(b"\0", 12) + 5  # the name, which ends with an empty label; type and class
        echoed = reply[12:end]
        return echoed[:-4].lower() == self.wire[12 : end - 4].lower() and echoed[-4:] == self.wire[end - 4 : end]


def exchange(attempt: Attempt, queries: list[Query]) -> None:
    """Send *queries* to the server of *attempt*, and give each its reply.  Those that get none keep what they have.

    Parks, without limit.  Returns early when *attempt* is ended.  Never raises for what servers or networks do.
    """
    use_tcp = attempt.settings.use_tcp
    for query in queries:
        query.is_truncated = use_tcp
    try:
        if not use_tcp:
            with _Connection(attempt, _socket.SOCK_DGRAM) as connection:
                _over_udp(connection, queries)
        truncated = [query for query in queries if query.is_truncated]
        if truncated and not attempt.is_over:
            with _Connection(attempt, _socket.SOCK_STREAM) as connection:
                _over_tcp(connection, truncated)
    except _Unreachable:
        pass  # another server, or another time


def _over_udp(connection: _Connection, queries: list[Query]) -> None:
    for query in queries:
        connection.send(query.wire)
    waiting = list(queries)
    for _ in range(_PATIENCE):
        _hand_out(connection.receive(_LARGEST), waiting, over_tcp=False)
        if not waiting:
            return


def _over_tcp(connection: _Connection, queries: list[Query]) -> None:
    connection.send(b"".join(struct.pack("!H", len(query.wire)) + query.wire for query in queries))
    waiting = list(queries)
    while waiting:
        head = connection.receive_exactly(2)
        reply = None if head is None else connection.receive_exactly(*struct.unpack("!H", head))
        if reply is None:
            return
        _hand_out(reply, waiting, over_tcp=True)


def _hand_out(reply: bytes, waiting: list[Query], over_tcp: bool) -> None:
    """Give *reply* to the one of *waiting* that it answers, if any, which then waits no more."""
    for query in waiting:
        if query.take(reply, over_tcp):
            waiting.remove(query)
            return


class _Unreachable(Exception):
    """A call of the system on a socket failed: the server is not there, or the attempt was ended.

    Not `OSError`: that may be what a timeout of the greenlet's throws in, which is not ours to catch.
    """


class _Connection:
    """A connected socket of *attempt*, which closes it when it is ended.  What it waits for parks.  Raises `_Unreachable`."""

    def __init__(self, attempt: Attempt, kind: int) -> None:
        self._attempt = attempt
        try:
            self._sock = _socket.socket(attempt.server.family, kind)
        except OSError as error:
            raise _Unreachable from error

    def __enter__(self) -> _Connection:
        self._attempt.interrupt = self._close
        try:
            self._sock.setblocking(False)
            if self._call(self._sock.connect, self._attempt.server.address) is _BLOCKED:
                self._wait(WRITE)
                if self._sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
                    raise _Unreachable
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _close(self, attempt: Attempt | None = None) -> None:
        """Close, and wake the greenlet that waits.  May be called twice, and by others."""
        self._attempt.interrupt = None
        fd = self._sock.fileno()
        if fd >= 0:
            notify_closing(fd)
            self._sock.close()

    def _call(self, function: Callable[[Any], Any], argument: object) -> Any:
        """Return what *function*, a system call, returns; `_BLOCKED` if it would have to wait."""
        try:
            return function(argument)
        except BlockingIOError:
            return _BLOCKED
        except OSError as error:
            raise _Unreachable from error

    def _wait(self, event: int) -> None:
        try:
            wait_on_handle(handle_for(self._sock.fileno()), event, None)
        except OSError:
            if self._attempt.is_over:
                raise _Unreachable from None
            raise

    def send(self, data: bytes) -> None:
        """Send all of *data*."""
        while data:
            sent = self._call(self._sock.send, data)
            if sent is _BLOCKED:
                self._wait(WRITE)
            else:
                data = data[sent:]

    def receive(self, size: int) -> bytes:
        """Return what comes next, at most *size* bytes."""
        while (received := self._call(self._sock.recv, size)) is _BLOCKED:
            self._wait(READ)
        return received  # type: ignore[no-any-return]

    def receive_exactly(self, size: int) -> bytes | None:
        """Return the next *size* bytes; `None` if the other side closed first."""
        data = b""
        while len(data) < size:
            more = self.receive(size - len(data))
            if not more:
                return None
            data += more
        return data

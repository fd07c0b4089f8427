"""Sending questions to name servers and believing the right replies.

Every attempt has a socket of its own: a random port from the kernel, connected, so that the kernel drops what comes
from elsewhere and tells of a port where nobody listens.  A reply counts if its id and its question are those of a
query; all else is passed over, and the deadline goes on.  A reply that was cut off is asked for again over TCP, by the
same deadline.

This module knows the twelve bytes of a header and nothing else of DNS: who makes the queries parses the replies.
"""

from __future__ import annotations

import _socket
import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hublet.core.lowlevel import READ, WRITE, handle_for, notify_closing, wait_on_handle

from ._questions import Exchange
from ._resolv_conf import Server

__all__ = ["Query", "ask_server"]

T = TypeVar("T")

_REPLY, _TRUNCATED = 0x80, 0x02  # bits of the third byte of a header
_RCODE = 0x0F  # of the fourth
_FORMERR, _SERVFAIL, _NOTIMP, _REFUSED = 1, 2, 4, 5
_ASK_ANOTHER = (_SERVFAIL, _NOTIMP, _REFUSED)
_LARGEST = 65535
_PATIENCE = 100  # datagrams from one server, after which it is not listened to: a flood would never let time pass
_BLOCKED = object()


class Query(Generic[T]):
    """A question as bytes, and what became of it.  *parse* turns a reply into what is wanted, or raises `ValueError`."""

    def __init__(self, wire: bytes, parse: Callable[[bytes], T]) -> None:
        self.wire = wire
        self.result: T | None = None  # the reply, parsed; `None` if there is none
        self.is_truncated = False
        self._parse = parse

    def take(self, reply: bytes, over_tcp: bool) -> bool:
        """Keep *reply* if it answers this query; say whether it does."""
        if len(reply) < 12 or reply[:2] != self.wire[:2] or not reply[2] & _REPLY or not self._is_echoed(reply):
            return False
        if reply[2] & _TRUNCATED and not over_tcp:
            self.is_truncated = True
            return True
        try:
            self.result = self._parse(reply)
        except ValueError:
            return False
        return True

    def _is_echoed(self, reply: bytes) -> bool:
        """Say whether *reply* repeats the question; what could not even be read may be answered without."""
        if reply[4:6] == b"\0\0":
            return reply[3] & _RCODE in (_FORMERR, *_ASK_ANOTHER)
        end = self.wire.index(b"\0", 12) + 5  # the name, which ends with an empty label; type and class
        echoed = reply[12:end]
        return echoed[:-4].lower() == self.wire[12 : end - 4].lower() and echoed[-4:] == self.wire[end - 4 : end]


def ask_server(
    exchange: Exchange, queries: list[Query[T]], server: Server, use_tcp: bool, deadline: float | None
) -> None:
    """Ask *server* once.  Those of *queries* that it does not answer before *deadline* keep what they have.

    Parks.  Returns early when *exchange* is ended.  Never raises for what servers or networks do.
    """
    for query in queries:
        query.is_truncated = use_tcp
    try:
        if not use_tcp:
            with _Connection(exchange, server, _socket.SOCK_DGRAM, deadline) as connection:
                _over_udp(connection, queries)
        truncated = [query for query in queries if query.is_truncated]
        if truncated:
            with _Connection(exchange, server, _socket.SOCK_STREAM, deadline) as connection:
                _over_tcp(connection, truncated)
    except _Unreachable:
        pass  # another server, or another time


def _over_udp(connection: _Connection, queries: list[Query[T]]) -> None:
    for query in queries:
        connection.send(query.wire)
    waiting = list(queries)
    for _ in range(_PATIENCE):
        reply = connection.receive(_LARGEST)
        if reply is None:
            return
        _hand_out(reply, waiting, over_tcp=False)
        if not waiting:
            return


def _over_tcp(connection: _Connection, queries: list[Query[T]]) -> None:
    connection.send(b"".join(struct.pack("!H", len(query.wire)) + query.wire for query in queries))
    waiting = list(queries)
    while waiting:
        head = connection.receive_exactly(2)
        reply = None if head is None else connection.receive_exactly(*struct.unpack("!H", head))
        if reply is None:
            return
        _hand_out(reply, waiting, over_tcp=True)


def _hand_out(reply: bytes, waiting: list[Query[T]], over_tcp: bool) -> None:
    """Give *reply* to the one of *waiting* that it answers, if any, which then waits no more."""
    for query in waiting:
        if query.take(reply, over_tcp):
            waiting.remove(query)
            return


class _Unreachable(Exception):
    """A call of the system on a socket failed: the server is not there, or the exchange was ended.

    Not `OSError`: that may be what a timeout of the greenlet's throws in, which is not ours to catch.
    """


class _Connection:
    """A connected socket of *exchange* that is used until a deadline.  What it waits for parks.  Raises `_Unreachable`."""

    def __init__(self, exchange: Exchange, server: Server, kind: int, deadline: float | None) -> None:
        self._exchange = exchange
        self._server = server
        self._deadline = deadline
        try:
            self._sock = _socket.socket(server.family, kind)
        except OSError as error:
            raise _Unreachable from error

    def __enter__(self) -> _Connection:
        self._exchange.interrupt = self._close
        try:
            self._sock.setblocking(False)
            if self._call(self._sock.connect, self._server.address) is _BLOCKED:
                if not self._wait(WRITE) or self._sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
                    raise _Unreachable
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._exchange.interrupt = None
        self._close()

    def _close(self) -> None:
        """Close, and wake the greenlet that waits.  May be called twice, and by others."""
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

    def _wait(self, event: int) -> bool:
        try:
            return wait_on_handle(handle_for(self._sock.fileno()), event, self._deadline)
        except OSError:
            if self._exchange.is_ended:
                raise _Unreachable from None
            raise

    def send(self, data: bytes) -> None:
        """Send all of *data*, or what can be before the time is up."""
        while data:
            sent = self._call(self._sock.send, data)
            if sent is not _BLOCKED:
                data = data[sent:]
            elif not self._wait(WRITE):
                return

    def receive(self, size: int) -> bytes | None:
        """Return what comes next, at most *size* bytes; `None` if the time was up first."""
        while True:
            received = self._call(self._sock.recv, size)
            if received is not _BLOCKED:
                return received  # type: ignore[no-any-return]
            if not self._wait(READ):
                return None

    def receive_exactly(self, size: int) -> bytes | None:
        """Return the next *size* bytes; `None` if the time was up, or the other side closed, first."""
        data = b""
        while len(data) < size:
            more = self.receive(size - len(data))
            if not more:
                return None
            data += more
        return data

"""Sending questions to name servers and believing the right replies.

Every exchange has a socket of its own: a random port from the kernel, connected, so that the kernel drops what comes
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

from hublet.core.lowlevel import READ, WRITE, deadline_in, forget_fd, handle_for, notify_closing, wait_on_handle

from ._resolv_conf import Server, Settings

__all__ = ["Query", "Transport"]

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
        self.rcode = -1  # that of the last reply
        self.result: T | None = None  # the last reply, parsed; `None` if there is none
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
        self.rcode = reply[3] & _RCODE
        return True

    def _is_echoed(self, reply: bytes) -> bool:
        """Say whether *reply* repeats the question; what could not even be read may be answered without."""
        if reply[4:6] == b"\0\0":
            return reply[3] & _RCODE in (_FORMERR, *_ASK_ANOTHER)
        end = self.wire.index(b"\0", 12) + 5  # the name, which ends with an empty label; type and class
        echoed = reply[12:end]
        return echoed[:-4].lower() == self.wire[12 : end - 4].lower() and echoed[-4:] == self.wire[end - 4 : end]


class Transport:
    """Asks name servers from the greenlet that calls.  Used by one thread."""

    def __init__(self) -> None:
        self.is_closed = False
        self._open: set[_socket.socket] = set()
        self._turn = 0

    def ask(self, queries: list[Query[T]], settings: Settings) -> None:
        """Ask until each of *queries* has a result, the servers in turn and all of them several times, or give up.

        Parks.  A server that fails, or refuses, is the last word only if no other server has one.  If one query is
        answered well, a failure is accepted for the others, but not silence.  Never raises for what servers or networks
        do.
        """
        servers = settings.servers
        if settings.rotate:
            self._turn = (self._turn + 1) % len(servers)
            servers = servers[self._turn :] + servers[: self._turn]
        for attempt in range(settings.attempts):
            seconds = settings.timeout * 2**attempt
            if attempt:
                seconds = max(seconds / len(servers), min(settings.timeout, 1))
            for server in servers:
                if self.is_closed:
                    return
                open_queries = [query for query in queries if query.rcode < 0 or query.rcode in _ASK_ANOTHER]
                self._exchange(open_queries, server, settings.use_tcp, deadline_in(seconds))
                rcodes = [query.rcode for query in queries]
                if min(rcodes) >= 0 and any(rcode not in _ASK_ANOTHER for rcode in rcodes):
                    return

    def _exchange(self, queries: list[Query[T]], server: Server, use_tcp: bool, deadline: float | None) -> None:
        """Ask one *server* once.  Those of *queries* that it does not answer before *deadline* keep what they have."""
        for query in queries:
            query.is_truncated = use_tcp
        try:
            if not use_tcp:
                self._with_socket(server, _socket.SOCK_DGRAM, self._over_udp, queries, deadline)
            truncated = [query for query in queries if query.is_truncated]
            if truncated:
                self._with_socket(server, _socket.SOCK_STREAM, self._over_tcp, truncated, deadline)
        except _Unreachable:
            pass  # another server, or another time

    def _with_socket(
        self,
        server: Server,
        kind: int,
        exchange: Callable[[_Channel, list[Query[T]]], None],
        queries: list[Query[T]],
        deadline: float | None,
    ) -> None:
        try:
            sock = _socket.socket(server.family, kind)
        except OSError as error:
            raise _Unreachable from error
        self._open.add(sock)
        try:
            sock.setblocking(False)
            channel = _Channel(self, sock, deadline)
            if channel.connect(server.address):
                exchange(channel, queries)
        finally:
            # Also when the greenlet was killed.
            self._open.discard(sock)
            forget_fd(sock.fileno())
            sock.close()

    def _over_udp(self, channel: _Channel, queries: list[Query[T]]) -> None:
        for query in queries:
            channel.send(query.wire)
        waiting = list(queries)
        for _ in range(_PATIENCE):
            reply = channel.receive(_LARGEST)
            if reply is None:
                return
            _hand_out(reply, waiting, over_tcp=False)
            if not waiting:
                return

    def _over_tcp(self, channel: _Channel, queries: list[Query[T]]) -> None:
        channel.send(b"".join(struct.pack("!H", len(query.wire)) + query.wire for query in queries))
        waiting = list(queries)
        while waiting:
            head = channel.receive_exactly(2)
            reply = None if head is None else channel.receive_exactly(*struct.unpack("!H", head))
            if reply is None:
                return
            _hand_out(reply, waiting, over_tcp=True)

    def close(self) -> None:
        """End what is under way, without a result.  May be called twice.  Never switches."""
        self.is_closed = True
        for sock in list(self._open):
            notify_closing(sock.fileno())


def _hand_out(reply: bytes, waiting: list[Query[T]], over_tcp: bool) -> None:
    """Give *reply* to the one of *waiting* that it answers, if any, which then waits no more."""
    for query in waiting:
        if query.take(reply, over_tcp):
            waiting.remove(query)
            return


class _Unreachable(Exception):
    """A call of the system on a socket failed: the server is not there, or the resolver was closed.

    Not `OSError`: that may be what a timeout of the greenlet's throws in, which is not ours to catch.
    """


class _Channel:
    """A non-blocking socket that is used until a deadline.  What it waits for parks.  Raises `_Unreachable`."""

    def __init__(self, transport: Transport, sock: _socket.socket, deadline: float | None) -> None:
        self._transport = transport
        self._sock = sock
        self._deadline = deadline

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
            if self._transport.is_closed:
                raise _Unreachable from None
            raise

    def connect(self, address: tuple[object, ...]) -> bool:
        """Connect; false if the time was up first."""
        if self._call(self._sock.connect, address) is _BLOCKED:
            if not self._wait(WRITE):
                return False
            if self._sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
                raise _Unreachable
        return True

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

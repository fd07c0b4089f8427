"""`StreamServer`: a handler for each connection, plain or TLS, by TCP or Unix sockets."""

from __future__ import annotations

import _socket
import errno
import struct
from collections.abc import Callable
from typing import Any

from hublet.core import getcurrent
from hublet.core.lowlevel import deadline_in

from ._address import parse_address
from ._base_server import BaseServer
from ._listeners import listen
from ._socket import socket
from ._transfer import accept_from

__all__ = ["StreamServer"]

# Of a connection that was gone before it was accepted; accept(2) lists them, and Linux hands them out that way.
_LOST = {
    number
    for name in (
        "ECONNABORTED ECONNRESET EPROTO EPERM ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH EOPNOTSUPP ENETUNREACH ETIMEDOUT"
    ).split()
    if (number := getattr(errno, name, None)) is not None
}

_LOOK_AGAIN = 0.05  # seconds between looks for idle connections while draining

_LAST_DATA_SENT, _LAST_DATA_RECEIVED, _TCP_INFO_SIZE = 44, 52, 104  # in Linux's `struct tcp_info`, in bytes


class StreamServer(BaseServer):
    """Accept connections at *listener* and call ``handle(socket, address)`` for each.  As `BaseServer`.

    The connection is closed when its handler returns or raises, so a handler must not leave it to others.  *backlog* is how
    many connections the system keeps that are not accepted yet; `None` is the attribute, and with a socket that is given it
    is a `TypeError`, since that one listens already.

    With *ssl_context*, or any other argument in *ssl_args*, each connection is wrapped in TLS in its handler's greenlet,
    before *handle* is called.  A context is used as it is, and the others are passed to its `wrap_socket`; without one,
    `certfile`, `keyfile`, `password`, `ca_certs`, `cert_reqs` and `ciphers` make one.
    """

    backlog: int = _socket.SOMAXCONN
    """How many connections the system keeps that are not accepted yet."""

    handshake_timeout: float | None = 60.0
    """Seconds that a client has for its TLS handshake; `None` is without limit."""

    _accepts = True

    def __init__(
        self,
        listener: Any,
        handle: Callable[..., Any] | None = None,
        backlog: int | None = None,
        spawn: Any = "default",
        *,
        reuse_port: bool | None = None,
        **ssl_args: Any,
    ) -> None:
        self._wrap: Callable[[Any], Any] | None = None
        if ssl_args:
            from ._server_tls import make_wrapper  # late: most servers have no TLS, and ssl is long to import

            self._wrap = make_wrapper(ssl_args, self)
        BaseServer.__init__(self, listener, handle, spawn, reuse_port=reuse_port)
        if backlog is not None:
            if self._given is not None:
                raise TypeError(f"backlog= is for an address: {listener!r} is a socket, and listens already")
            self.backlog = backlog

    @property
    def ssl_enabled(self) -> bool:
        """Whether connections are wrapped in TLS."""
        return self._wrap is not None

    @classmethod
    def get_listener(cls, address: Any, backlog: int | None = None, family: int | None = None) -> socket:
        """Return a socket that listens at *address* as a server of this class would.  Parks only to look up a name."""
        parsed = parse_address(address)
        number = cls.backlog if backlog is None else backlog
        return listen(parsed.family if family is None else family, parsed.address, number, cls.reuse_addr, cls.reuse_port)

    def make_socket(self) -> Any:
        """Return a socket that listens at the address of the server.  Parks only to look up a name."""
        return listen(self.family, self.address, self.backlog, self.reuse_addr, self.reuse_port)

    # Accepting

    def do_read(self) -> tuple[Any, ...] | None:
        """Accept a connection and return it and its peer's address; `None` if there is none.  Never switches."""
        tries = 0
        while True:
            try:
                return accept_from(self._socket)
            except OSError as error:
                tries += 1
                if error.errno not in _LOST or tries >= self.max_accept:
                    raise
                # The next one may be in order, and to wait for another event might be to wait for ever.

    def do_close(self, sock: Any, *args: Any) -> None:
        """Close a connection, once its handler is finished."""
        sock.close()

    # Handling

    def _make_serve(self) -> Callable[..., None]:
        # No method, which would be an object for each connection, and no `*args`: called as either, a handler has a C frame more
        # to keep while it waits, and for each switch to copy (benchmarks/echo).
        def serve(sock: Any, address: Any) -> None:
            here = getcurrent()
            self._handlers.begin(here, (sock, address))
            try:
                if self._wrap is not None:
                    sock = self._wrap(sock)
                    self._handlers.change(here, (sock, address))
                self._handle(sock, address)
            finally:
                self._handlers.discard(here)
                del here  # the traceback of an error would hold it, which holds that, and a file of the handler stay open
                self.do_close(sock, address)

        return serve

    def _make_ready(self, sock: Any, *args: Any) -> tuple[Any, ...]:
        return (sock if self._wrap is None else self._wrap(sock), *args)

    # Draining

    def is_idle(self, sock: Any, *args: Any) -> bool:
        """Say whether `drain` may end a connection, because its handler only waits for the next thing to begin.

        By default one whose handler waits to receive when it has sent something last, or has not received anything yet.
        Override it for a protocol in which that may be in the middle of something, or in which it is idle elsewhere too.
        """
        if not isinstance(sock, socket) or not sock._is_waiting_for_peer():
            return False
        # What OpenSSL reads and writes, the socket does not see; the system does.
        return not hasattr(sock, "_sslobj") or _has_sent_last(sock)

    def end_idle(self, sock: Any, *args: Any) -> None:
        """End an idle connection: its handler receives what has come, and then the end, as if the peer had said so."""
        end_reading = getattr(sock, "_end_reading", None)
        if end_reading is not None:
            end_reading()  # of TLS, whose `shutdown` takes TLS off: what the handler says last would go out in the clear
            return
        try:
            if getattr(sock, "_sslobj", None) is not None:
                sock._sslobj.shutdown()  # says goodbye, or the peer would be told of an error
        except OSError:
            pass  # the peer has not said goodbye yet
        try:
            _socket.socket.shutdown(sock, _socket.SHUT_RD)  # that of a TLS socket would also forget the TLS
        except OSError:
            pass  # the peer is gone, which the handler will see

    def _finish(self, deadline: float | None) -> bool:
        ended: set[Any] = set()
        while self._handlers.others():
            for greenlet, served in self._handlers.items():
                if greenlet not in ended and self.is_idle(*served):
                    ended.add(greenlet)
                    self.end_idle(*served)
            soon = deadline_in(_LOOK_AGAIN)
            assert soon is not None
            if self._handlers.join(soon if deadline is None else min(soon, deadline)):
                return True
            if deadline is not None and deadline <= soon:
                return False
        return True


def _has_sent_last(sock: socket) -> bool:
    """Say whether a TCP connection has sent something since it last received; true where the system does not tell."""
    try:
        info = sock.getsockopt(_socket.IPPROTO_TCP, _socket.TCP_INFO, _TCP_INFO_SIZE)
        (sent,) = struct.unpack_from("=I", info, _LAST_DATA_SENT)  # both are milliseconds ago
        (received,) = struct.unpack_from("=I", info, _LAST_DATA_RECEIVED)
    except (AttributeError, OSError, struct.error):
        return True
    return bool(sent <= received)

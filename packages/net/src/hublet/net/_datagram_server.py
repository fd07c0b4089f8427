"""`DatagramServer`: a handler for each datagram, by UDP or Unix sockets."""

from __future__ import annotations

import _socket
from collections.abc import Callable
from typing import Any

from hublet.core.lowlevel import ParkingLot

from ._address import parse_address
from ._base_server import BaseServer
from ._listeners import bind_datagram
from ._socket import socket

__all__ = ["DatagramServer"]

_recvfrom_into = _socket.socket.recvfrom_into


class DatagramServer(BaseServer):
    """Receive datagrams at *listener* and call ``handle(data, address)`` for each.  As `BaseServer`.

    Handlers answer with `sendto`, also while `drain` or `stop` waits for them: the socket is closed after that.
    """

    reuse_addr: bool = False
    """Whether to bind although another socket has the address and said so too, which then gets nothing any more."""

    max_size: int = 65536
    """Bytes of a datagram that are kept; what is longer is cut off."""

    _accepts = False

    def __init__(
        self, listener: Any, handle: Callable[..., Any] | None = None, spawn: Any = "default", *, reuse_port: bool | None = None
    ) -> None:
        BaseServer.__init__(self, listener, handle, spawn, reuse_port=reuse_port)
        self._buffer = memoryview(bytearray(self.max_size))
        self._sending = False
        self._senders = ParkingLot()

    @classmethod
    def get_listener(cls, address: Any, family: int | None = None) -> socket:
        """Return a socket that is bound to *address* as a server of this class would.  Parks only to look up a name."""
        parsed = parse_address(address)
        return bind_datagram(parsed.family if family is None else family, parsed.address, cls.reuse_addr, cls.reuse_port)

    def make_socket(self) -> Any:
        """Return a socket that is bound to the address of the server.  Parks only to look up a name."""
        return bind_datagram(self.family, self.address, self.reuse_addr, self.reuse_port)

    def do_read(self) -> tuple[Any, ...] | None:
        """Receive a datagram and return it and its sender's address; `None` if there is none.  Never switches."""
        while True:
            try:
                size, address = _recvfrom_into(self._socket, self._buffer)
                break
            except BlockingIOError:
                return None
            except ConnectionError:
                pass  # what was sent earlier has not arrived somewhere; there may be more to receive
        return bytes(self._buffer[:size]), address

    def _take_no_more(self) -> None:
        self._running = False
        self.stop_accepting()
        self._ended.unpark_all()

    def sendto(self, *args: Any) -> int:
        """As `socket.sendto` of its socket, but several greenlets may call it at once.  Parks.

        Raises `AttributeError` if the server has no socket.
        """
        while self._sending:
            self._senders.park(None, self)
        self._sending = True
        try:
            return self.socket.sendto(*args)  # type: ignore[no-any-return]
        finally:
            self._sending = False
            self._senders.unpark()

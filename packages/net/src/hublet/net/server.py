"""Servers: a handler in a greenlet of its own for each connection (`StreamServer`) or datagram (`DatagramServer`)."""

from ._base_server import BaseServer
from ._datagram_server import DatagramServer
from ._stream_server import StreamServer

__all__ = ["BaseServer", "DatagramServer", "StreamServer"]

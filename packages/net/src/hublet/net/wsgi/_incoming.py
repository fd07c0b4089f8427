"""What a client has sent and nobody has taken yet."""

from __future__ import annotations

from typing import Any

from . import _wire

__all__ = ["RECEIVED", "Incoming"]

RECEIVED = 65_536
"""Bytes to ask the kernel for at a time."""


class Incoming:
    """The bytes of one connection, in the order in which they came.

    `data[start:]` is what there is.  Whoever takes some moves `start`.
    """

    __slots__ = ("data", "sock", "start")

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.data = b""
        self.start = 0

    def __len__(self) -> int:
        """Return how many bytes there are."""
        return len(self.data) - self.start

    def fill(self, timeout: float | None) -> bool:
        """Wait for more, at most *timeout* seconds; false at the end.  Parks.  Raises as `socket.recv`."""
        _wire.set_timeout(self.sock, timeout)
        more: bytes = self.sock.recv(RECEIVED)
        if self.start < len(self.data):
            self.data = self.data[self.start :] + more
        else:
            self.data = more
        self.start = 0
        return len(more) > 0

    def take(self, size: int) -> bytes:
        """Return at most *size* bytes of what there is."""
        start = self.start
        end = min(start + size, len(self.data))
        self.start = end
        if start == 0 and end == len(self.data):
            return self.data
        return self.data[start:end]

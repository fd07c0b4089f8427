"""A descriptor that one thread makes readable to end another's wait for readiness."""

from __future__ import annotations

import os

__all__ = ["Wakeup"]


class Wakeup:
    """A pipe to oneself, or an eventfd where the system has one."""

    __slots__ = ("_write_fd", "fd")

    def __init__(self) -> None:
        if hasattr(os, "eventfd"):
            self.fd = self._write_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self.fd, self._write_fd = os.pipe()
            os.set_blocking(self.fd, False)
            os.set_blocking(self._write_fd, False)

    def send(self) -> None:
        """Make `fd` readable.  Any thread and any signal handler may call it; after `close` it does nothing."""
        if self._write_fd < 0:
            return
        try:
            os.write(self._write_fd, b"\x01\0\0\0\0\0\0\0")  # eight bytes: what an eventfd wants, in either byte order
        except BlockingIOError:
            pass  # full: it is readable already, which is all that was wanted

    def drain(self) -> None:
        """Make `fd` unreadable again."""
        try:
            os.read(self.fd, 65536)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Give the descriptors back.  May be called twice."""
        read_fd, write_fd = self.fd, self._write_fd
        self.fd = self._write_fd = -1
        if write_fd >= 0:
            os.close(write_fd)
        if read_fd >= 0 and read_fd != write_fd:
            os.close(read_fd)

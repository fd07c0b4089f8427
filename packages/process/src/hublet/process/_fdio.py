"""Reading and writing descriptors by number: `os.read` and `os.write`, for greenlets."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from hublet.core.lowlevel import call_in_thread

from ._ready import READ, WRITE, wait_ready

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["make_nonblocking", "nb_read", "nb_write", "tp_read", "tp_write"]

# Taken now: patching `os` must not make them wait twice.
_read, _write = os.read, os.write


def make_nonblocking(fd: int) -> bool:
    """Put *fd* into non-blocking mode; say whether that changed anything.  Never switches.

    The mode belongs to the open file: whoever else holds a duplicate of *fd* has it too.  Raises `OSError`.
    """
    flags = fcntl.fcntl(fd, fcntl.F_GETFL, 0)
    if flags & os.O_NONBLOCK:
        return False
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    return True


def nb_read(fd: int, n: int) -> bytes:
    """Read at most *n* bytes from *fd*, which is in non-blocking mode; none at the end.  As `os.read`.

    Parks while there is nothing to read.  Raises `OSError`, and as `hublet.core.lowlevel.wait_readable`.
    """
    while True:
        try:
            return _read(fd, n)
        except BlockingIOError:
            wait_ready({fd: READ})


def nb_write(fd: int, buf: ReadableBuffer) -> int:
    """Write the beginning of *buf* to *fd*, which is in non-blocking mode; return how many bytes.  As `os.write`.

    Parks while nothing can be written.  Raises `OSError`, and as `hublet.core.lowlevel.wait_writable`.
    """
    while True:
        try:
            return _write(fd, buf)
        except BlockingIOError:
            wait_ready({fd: WRITE})


def tp_read(fd: int, n: int) -> bytes:
    """As `os.read`, in a native thread.  Parks.  For what cannot be polled."""
    return call_in_thread(_read, fd, n)  # type: ignore[no-any-return]


def tp_write(fd: int, buf: ReadableBuffer) -> int:
    """As `os.write`, in a native thread.  Parks.  For what cannot be polled."""
    return call_in_thread(_write, fd, buf)  # type: ignore[no-any-return]

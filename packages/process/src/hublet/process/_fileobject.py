"""Our end of a child's pipe as a file: the standard library's buffers and text layers over a raw file that parks.

The descriptor is left *blocking*.  `O_NONBLOCK` belongs not to a descriptor but to the open pipe, which others may hold
as well: given to a second child (``Popen(["grep", "x"], stdin=first.stdout)``), it would make that child's reads fail
with `EAGAIN`, and a program that calls ``os.read(child.stdout.fileno(), n)`` expects it to wait.  So the raw file asks
`poll(2)` first, and moves no more than what cannot block then: for a write that is `PIPE_BUF` bytes, as in the standard
library's `communicate`.  A pipe that somebody has made non-blocking is served just as well.

Nothing that was read is lost when a greenlet is killed or times out in the middle of reading to the end: it is what the
next read begins with.
"""

from __future__ import annotations

import io
import os
import select
import warnings
from typing import TYPE_CHECKING, Any

from hublet.core import getcurrent
from hublet.core.lowlevel import ParkingLot, notify_closing

from ._ready import READ, WRITE, wait_ready

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["PIPE_BUF", "RawPipe", "open_pipe", "take_unread"]

PIPE_BUF: int = getattr(select, "PIPE_BUF", 512)
"""How many bytes a pipe that is writable takes without blocking."""

_CHUNK = 65536

# Taken now: patching `os` must not make the raw file wait twice.
_read, _readv, _write, _close = os.read, os.readv, os.write, os.close


class RawPipe(io.RawIOBase):
    """One end of a pipe.  Reading and writing park; `close` wakes who waits, with `OSError(EBADF)`."""

    def __init__(self, fd: int, mode: str) -> None:
        self.name = fd  # as of the file that `io.open` makes; stays when it is closed
        self.mode = mode
        self._fd = fd
        self._unread = b""
        self._user: Any = None  # the greenlet that is inside a call; parked there, if another one looks
        self._outside = ParkingLot()

    def fileno(self) -> int:
        """Return the descriptor.  Raises `ValueError` if it is closed."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self._fd

    def readable(self) -> bool:
        """Say whether this is an end to read from."""
        return "r" in self.mode

    def writable(self) -> bool:
        """Say whether this is an end to write to."""
        return "w" in self.mode

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer* with what there is and return how many bytes that is; 0 at the end.  Parks if there is none."""
        if not self.readable():
            raise io.UnsupportedOperation("not readable")
        view = memoryview(buffer).cast("B")
        if self._unread:
            count = min(len(view), len(self._unread))
            view[:count] = self._unread[:count]
            self._unread = self._unread[count:]
            return count
        return self._when_ready(READ, _readv, [view]) if view else 0

    def readall(self) -> bytes:
        """Read to the end.  Parks.  If it is interrupted, the next read begins with what this one has read."""
        if not self.readable():
            raise io.UnsupportedOperation("not readable")
        chunks = [self.take_unread()]
        try:
            while True:
                chunk = self._when_ready(READ, _read, _CHUNK)
                if not chunk:
                    return b"".join(chunks)
                chunks.append(chunk)
        except BaseException:
            self._unread = b"".join(chunks)
            raise

    def take_unread(self) -> bytes:
        """Return what an interrupted `readall` has left, and forget it.  Never switches."""
        unread, self._unread = self._unread, b""
        return unread

    def write(self, data: ReadableBuffer, /) -> int:
        """Write the beginning of *data* and return how many bytes that were.  Parks until some can be written."""
        if not self.writable():
            raise io.UnsupportedOperation("not writable")
        view = memoryview(data).cast("B")
        return self._when_ready(WRITE, _write, view[:PIPE_BUF]) if view else 0

    def _when_ready(self, event: int, call: Any, argument: Any) -> Any:
        fd = self.fileno()
        self._user = getcurrent()
        try:
            while True:
                wait_ready({fd: event})
                try:
                    return call(fd, argument)
                except BlockingIOError:
                    pass  # somebody made it non-blocking, and was faster
        finally:
            self._user = None
            self._outside.unpark_all()

    def wait_for_my_turn(self) -> None:
        """Park until no other greenlet is inside a call."""
        while self._user is not None and self._user is not getcurrent():
            self._outside.park(reason=f"{self._user!r} to be done with {self!r}")

    def throw_others_out(self) -> None:
        """Let a greenlet that waits inside a call leave it with `OSError(EBADF)`, and park until it has."""
        while self._user is not None and self._user is not getcurrent():
            notify_closing(self._fd)
            self.wait_for_my_turn()

    def close(self) -> None:
        """Close the descriptor.  Whoever waits for it gets `OSError(EBADF)`.  Never switches; may be called twice."""
        if self.closed:
            return
        fd, self._fd = self._fd, -1
        try:
            super().close()
        finally:
            notify_closing(fd)
            _close(fd)

    def _dealloc_warn(self, source: object) -> None:
        # Called by the buffers of `io` when they are dropped open.
        if not self.closed:
            warnings.warn(f"unclosed file {source!r}", ResourceWarning, stacklevel=2, source=source)

    def __repr__(self) -> str:
        state = "[closed]" if self.closed else f"name={self.name!r} mode={self.mode!r}"
        return f"<{type(self).__name__} {state}>"


class _UnbufferedPipe(RawPipe):
    """The same for a user who wants no buffer: it writes all that it is given, as a file on a blocking descriptor."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of *data* and return how many bytes that were.  Parks until it is written."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view):
            written += super().write(view[written:])
        return written


# The buffers of `io` have a lock, which other threads wait for, but a second greenlet of the same thread is an error
# ("reentrant call").  For a write it is kept out until the first is done; a close puts the other one out.


class _Reader(io.BufferedReader):
    raw: RawPipe

    def close(self) -> None:
        if not self.closed:
            self.raw.throw_others_out()
        super().close()


class _Writer(io.BufferedWriter):
    raw: RawPipe

    def write(self, data: ReadableBuffer, /) -> int:
        self.raw.wait_for_my_turn()
        return super().write(data)

    def flush(self) -> None:
        if not self.closed:
            self.raw.wait_for_my_turn()
        super().flush()

    def close(self) -> None:
        if not self.closed:
            self.raw.throw_others_out()
        super().close()


def open_pipe(fd: int, mode: str, buffering: int = -1) -> Any:
    """Return a binary file on *fd*, one end of a pipe, which it closes; as ``io.open(fd, mode, buffering)``.

    *mode* is "rb" or "wb"; *buffering* is a number of bytes, 0 for none and negative for the usual.  Never switches.
    """
    if buffering == 0:
        return _UnbufferedPipe(fd, mode)
    if buffering == 1:
        warnings.warn(
            "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used",
            RuntimeWarning,
            stacklevel=2,
        )
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    raw = RawPipe(fd, mode)
    return _Reader(raw, size) if mode == "rb" else _Writer(raw, size)


def take_unread(file: Any) -> bytes:
    """Return what an interrupted reading to the end of *file*, one of ours or not, has left, and forget it."""
    buffer = getattr(file, "buffer", file)
    raw = getattr(buffer, "raw", buffer)
    return raw.take_unread() if isinstance(raw, RawPipe) else b""

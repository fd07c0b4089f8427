"""A raw file that parks: the standard library's `FileIO`, which asks whether it would block before it does.

The descriptor is left *blocking*.  `O_NONBLOCK` belongs not to a descriptor but to the open pipe, which others may hold
as well: given to a second child (``Popen(["grep", "x"], stdin=first.stdout)``), it would make that child's reads fail
with `EAGAIN`, and a program that calls ``os.read(child.stdout.fileno(), n)`` expects it to wait.  So `poll(2)` is asked
first, and no more is moved than what cannot block then: for a write that is `PIPE_BUF` bytes, as in the standard
library's `communicate`.  A pipe that somebody has made non-blocking is served just as well.  Regular files are always
ready, and are read and written as ever.

Nothing that was read is lost when a greenlet is killed or times out in the middle of reading to the end: it is what the
next read begins with.
"""

from __future__ import annotations

import io
import os
import select
import stat
from typing import TYPE_CHECKING, Any

from hublet.core import getcurrent
from hublet.core.lowlevel import ParkingLot, notify_closing

from ._ready import READ, WRITE, wait_ready

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["PIPE_BUF", "RawFile", "UnbufferedFile"]

PIPE_BUF: int = getattr(select, "PIPE_BUF", 512)
"""How many bytes a pipe that is writable takes without blocking."""

_CHUNK = 65536

_readinto, _read, _write = io.FileIO.readinto, io.FileIO.read, io.FileIO.write


class RawFile(io.FileIO):
    """As `io.FileIO`, but reading and writing park; `close` wakes who waits, with `OSError(EBADF)`."""

    _unread = b""
    _user: Any = None  # the greenlet that is inside a call; parked there, if another one looks

    def __init__(self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None) -> None:
        super().__init__(file, mode, closefd, opener)
        self._outside = ParkingLot()
        self._is_regular = stat.S_ISREG(os.fstat(self.fileno()).st_mode)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer* with what there is and return how many bytes that is; 0 at the end.  Parks if there is none."""
        self._check(self.readable(), "reading")
        view = memoryview(buffer).cast("B")
        if self._unread:
            count = min(len(view), len(self._unread))
            view[:count] = self._unread[:count]
            self._unread = self._unread[count:]
            return count
        return self._when_ready(READ, _readinto, view) if view else 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most *size* bytes, or to the end if it is `None` or negative.  Parks if there are none."""
        if size is None or size < 0:
            return self.readall()
        buffer = bytearray(size)
        count = self.readinto(buffer)
        return bytes(memoryview(buffer)[:count])

    def readall(self) -> bytes:
        """Read to the end.  Parks.  If it is interrupted, the next read begins with what this one has read."""
        self._check(self.readable(), "reading")
        chunks = [self.take_unread()]
        try:
            while True:
                chunk = super().readall() if self._is_regular else self._when_ready(READ, _read, _CHUNK)
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
        self._check(self.writable(), "writing")
        view = memoryview(data).cast("B")
        return self._when_ready(WRITE, _write, view if self._is_regular else view[:PIPE_BUF]) if view else 0

    def _check(self, possible: bool, verb: str) -> None:
        if not possible:
            raise io.UnsupportedOperation(f"File not open for {verb}")

    def _when_ready(self, event: int, call: Any, argument: Any) -> Any:
        fd = self.fileno()
        try:
            self._user = getcurrent()
        except RuntimeError:  # the interpreter is ending, and greenlets before it: there is nobody to let run
            return call(self, argument)
        try:
            while True:
                if not self._is_regular:
                    wait_ready({fd: event})
                result = call(self, argument)
                if result is not None:  # otherwise somebody made it non-blocking, and was faster
                    return result
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
            notify_closing(self.fileno())
            self.wait_for_my_turn()

    def close(self) -> None:
        """Close the descriptor.  Whoever waits for it gets `OSError(EBADF)`.  Never switches; may be called twice."""
        if not self.closed:
            notify_closing(self.fileno())
        super().close()


class UnbufferedFile(RawFile):
    """The same for a user who wants no buffer: it writes all that it is given, as a file on a blocking descriptor."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of *data* and return how many bytes that were.  Parks until it is written."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view):
            written += super().write(view[written:])
        return written

"""What `multiprocessing` waits for in ways of its own: the pipes between processes, and the system's semaphores.

Its connections read and write descriptors, and its locks wait in C.  Both park here; a semaphore is asked for at growing
intervals, at most 20 ms apart, since no descriptor tells of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import Any

from hublet.core import sleep
from hublet.core.lowlevel import deadline_in

from ._raw import PIPE_BUF
from ._ready import READ, WRITE, wait_ready

__all__ = ["SemLock", "adopt_connections"]

_read, _write = os.read, os.write
_SHORTEST, _LONGEST = 0.0005, 0.02


def _read_when_ready(fd: int, size: int) -> bytes:
    wait_ready({fd: READ})
    return _read(fd, size)


def _write_when_ready(fd: int, data: Any) -> int:
    wait_ready({fd: WRITE})
    return _write(fd, memoryview(data).cast("B")[:PIPE_BUF])


def adopt_connections() -> None:
    """Let every connection wait in our way.  Never switches."""
    from multiprocessing.connection import Connection  # late: when the program has imported it

    plainly = Connection.__init__

    def init(self: Connection, handle: int, readable: bool = True, writable: bool = True) -> None:
        plainly(self, handle, readable, writable)
        # Our sockets are non-blocking below, and who has the other end, or inherits this one, may not be patched.
        with suppress(OSError):  # a bad descriptor is told of by its first use, as by theirs
            os.set_blocking(handle, True)

    Connection.__init__ = init  # type: ignore[assignment, method-assign]
    # It is a default of theirs which function reads and which writes.
    Connection._recv.__defaults__ = (_read_when_ready,)  # type: ignore[attr-defined]
    Connection._send.__defaults__ = (_write_when_ready,)  # type: ignore[attr-defined]


def _acquire(semlock: Any, block: bool = True, timeout: float | None = None) -> bool:
    if semlock.acquire(False):
        return True
    if not block:
        return False
    deadline, delay = deadline_in(None if timeout is None else max(timeout, 0.0)), _SHORTEST
    while True:
        left = delay if deadline is None else min(delay, deadline - (deadline_in(0) or 0.0))
        if left <= 0:
            return False
        sleep(left)
        if semlock.acquire(False):
            return True
        delay = min(2 * delay, _LONGEST)


class SemLock:
    """The methods of `multiprocessing.synchronize.SemLock` that wait."""

    _semlock: Any
    acquire: Any
    release: Any

    def _make_methods(self) -> None:
        self.acquire = partial(_acquire, self._semlock)
        self.release = self._semlock.release

    def __enter__(self) -> Any:
        return self.acquire()

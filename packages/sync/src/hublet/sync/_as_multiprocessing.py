"""What takes the place of names in `multiprocessing`: the threads of a `multiprocessing.Pool` wait there.

Only in the process that was patched.  In a forked child the greenlets of its parent are still there, and would take what is
meant for it, or for the parent, if reading there let them run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from multiprocessing import connection
from typing import Any

from hublet.core import getcurrent, sleep
from hublet.core.lowlevel import deadline_in, forget_fd, get_hub_if_exists, wait_readable

__all__ = ["_close", "_recv", "wait"]

_native: Any = connection.Connection
_native_recv, _native_close, _native_wait = _native._recv, _native._close, connection.wait
_pid = os.getpid()


def _may_park() -> bool:
    hub = get_hub_if_exists()
    return hub is not None and getcurrent() is not hub and os.getpid() == _pid


def _read(fd: int, size: int) -> bytes:
    wait_readable(fd)
    return os.read(fd, size)


def _recv(self: Any, size: int) -> Any:
    return _native_recv(self, size, _read) if _may_park() else _native_recv(self, size)


def _close(self: Any) -> None:
    forget_fd(self._handle)
    _native_close(self)


def wait(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
    """Wait until one of the objects is ready.  As `multiprocessing.connection.wait`.  Parks."""
    objects = list(object_list)
    if not _may_park():
        return _native_wait(objects, timeout)
    return _look_for(lambda: _native_wait(objects, 0), deadline_in(timeout))  # type: ignore[no-any-return]


def _look_for(look: Callable[[], Any], deadline: float | None) -> Any:
    """Return what *look* returns when that is true, or when *deadline* has passed; ask it again and again."""
    pause = 0.0005
    while True:
        found = look()
        now = deadline_in(0)
        assert now is not None
        if found or (deadline is not None and now >= deadline):
            return found
        sleep(pause if deadline is None else min(pause, deadline - now))
        pause = min(2 * pause, 0.02)


def adopt_semaphores() -> None:
    """Let waiting for a lock or semaphore that processes share let greenlets run.  Never switches."""
    try:
        from multiprocessing import synchronize  # late: some platforms have no such semaphores
    except ImportError:
        return
    kind: Any = synchronize.SemLock
    native_make_methods, native_enter = kind._make_methods, kind.__enter__

    def make_methods(self: Any) -> None:
        native_make_methods(self)
        native = self.acquire

        def acquire(block: bool = True, timeout: float | None = None) -> bool:
            if not block or not _may_park():
                return native(block, timeout)  # type: ignore[no-any-return]
            return _look_for(lambda: native(False), deadline_in(timeout))  # type: ignore[no-any-return]

        self.acquire = acquire

    def enter(self: Any) -> Any:
        return self.acquire() if _may_park() else native_enter(self)

    kind._make_methods, kind.__enter__ = make_methods, enter

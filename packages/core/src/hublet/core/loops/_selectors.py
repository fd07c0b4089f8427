"""The loop for every platform, in plain Python: epoll, kqueue, poll or select, whichever is the best there is.

All but epoll are level-triggered here.  With those, interest is added when somebody waits, and taken away only when
readiness arrives that nobody waits for, so that a busy descriptor costs one system call to register and none after that.
"""

from __future__ import annotations

import errno
import os

from . import _signal_fd
from ._pollers import Poller, best_poller, check
from ._protocol import READ, WRITE, Handle, Loop
from ._wakeup import Wakeup

__all__ = ["SelectorsLoop"]

# Nobody notices that a loop looks up once a day, and no system takes every number of seconds.
_LONGEST = 86400.0


class SelectorsLoop(Loop):
    """A loop on what the standard library's `select` has.

    On Windows that is select(), which watches 511 sockets at most.
    """

    name = "selectors"

    __slots__ = ("_handles", "_has_signals", "_make_poller", "_pid", "_poller", "_wakeup")

    def __init__(self, make_poller: type[Poller] | None = None) -> None:
        Loop.__init__(self)
        self._make_poller = make_poller or best_poller()
        self._handles: dict[int, Handle] = {}
        self._open()

    def _open(self) -> None:
        self._pid = os.getpid()
        self._has_signals = _signal_fd.may_handle_signals()
        self._poller = self._make_poller()
        self._wakeup = Wakeup()
        self._poller.change(self._wakeup.fd, 0, READ)

    def watch(self, fd: int) -> Handle:
        if self._wakeup.fd < 0:
            raise ValueError(f"{self!r} is closed")
        if fd in self._handles:
            raise FileExistsError(errno.EEXIST, f"descriptor {fd} is watched already: use its handle")
        if len(self._handles) >= self._poller.limit:
            raise OSError(errno.EMFILE, f"this system's loop cannot watch more than {self._poller.limit} descriptors")
        check(fd)
        handle = Handle(self, fd)
        # To read is what mostly comes first.
        self._change(handle, READ | WRITE if self._poller.edge_triggered else READ)
        self._handles[fd] = handle
        return handle

    def unwatch(self, handle: Handle) -> None:
        if handle.loop is None:
            return
        handle.loop = None
        del self._handles[handle.fd]
        self.waiting -= (handle.reader is not None) + (handle.writer is not None)
        if handle.armed and self._pid == os.getpid():
            self._change(handle, 0)

    def arm(self, handle: Handle, event: int) -> None:
        self._change(handle, handle.armed | event)

    def _change(self, handle: Handle, events: int) -> None:
        before, handle.armed = handle.armed, 0
        try:
            self._poller.change(handle.fd, before, events)
        except OSError:
            self._poller.change(handle.fd, before, 0)
            raise
        handle.armed = events

    def poll(self, timeout: float | None) -> None:
        try:
            # The first look does not wait: a busy hub is spared the preparations for a wait.
            ready = self._poller.wait(0)
            if not ready and (timeout is None or timeout > 0):
                ready = self._wait(_LONGEST if timeout is None else min(timeout, _LONGEST))
        except OSError:
            if not self._forget_closed():
                raise
            return
        # All handles are found before the first is told: what is told may give a number to somebody else.
        find, level_triggered = self._handles.get, not self._poller.edge_triggered
        for handle, events in [(find(fd), events) for fd, events in ready]:
            if handle is None:
                self._wakeup.drain()
            elif handle.loop is self:
                unwanted = handle.ready(events)
                if unwanted and level_triggered:
                    self._disarm(handle, unwanted)

    def _wait(self, timeout: float) -> list[tuple[int, int]]:
        if not (self._has_signals and _signal_fd.begin(self._wakeup.signal_fd)):
            return self._poller.wait(timeout)
        try:
            return self._poller.wait(timeout)
        finally:
            _signal_fd.end()

    def _disarm(self, handle: Handle, events: int) -> None:
        if handle.loop is self and handle.armed & events:
            try:
                self._change(handle, handle.armed & ~events)
            except OSError:
                pass  # closed, against the rules: whoever waits next will hear of it

    def _forget_closed(self) -> bool:
        """Disarm what was closed while it was watched, which select() does not forgive; say whether there was anything."""
        closed = []
        for handle in list(self._handles.values()):
            try:
                check(handle.fd)
            except OSError:
                if handle.armed:
                    self._disarm(handle, READ | WRITE)
                    closed.append(handle)
        for handle in closed:
            handle.ready(READ | WRITE)
        return bool(closed)

    def wake(self) -> None:
        self._wakeup.send()

    def close(self) -> None:
        for handle in self._handles.values():
            handle.loop = None
        self._handles.clear()
        self.waiting = 0
        self._wakeup.close()
        self._poller.close()

    def after_fork(self) -> None:
        if self._wakeup.fd < 0:
            return
        # To close the old poller closes the child's copy of its descriptor; to unregister would reach the parent's.
        try:
            self._poller.close()
        except OSError:
            pass  # not inherited (kqueue)
        self._wakeup.close()
        _signal_fd.forget()
        self._open()
        for handle in list(self._handles.values()):
            events, handle.armed = handle.armed, 0
            if events:
                try:
                    check(handle.fd)
                    self._change(handle, events)
                except OSError:
                    handle.ready(READ | WRITE)
        self.wake()  # in case it was meant to

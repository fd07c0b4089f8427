"""The loop for every platform: the standard library's selectors, level-triggered, in plain Python.

Interest is added when somebody waits and taken away only when readiness arrives that nobody waits for, so that a busy
descriptor costs one system call to register and none after that.
"""

from __future__ import annotations

import errno
import selectors
from selectors import EVENT_READ, EVENT_WRITE

from ._protocol import READ, WRITE, Handle, Loop
from ._wakeup import Wakeup

__all__ = ["SelectorsLoop"]

# Taken now, so that patching `selectors` later does not make the loop wait for itself.
_Selector = selectors.DefaultSelector

assert (READ, WRITE) == (EVENT_READ, EVENT_WRITE)


class SelectorsLoop(Loop):
    """A loop on `selectors.DefaultSelector`."""

    name = "selectors"

    __slots__ = ("_handles", "_selector", "_wakeup")

    def __init__(self) -> None:
        Loop.__init__(self)
        self._handles: dict[int, Handle] = {}
        self._open()

    def _open(self) -> None:
        self._selector = _Selector()
        self._wakeup = Wakeup()
        self._selector.register(self._wakeup.fd, READ, None)

    def watch(self, fd: int) -> Handle:
        if fd in self._handles:
            raise FileExistsError(errno.EEXIST, f"descriptor {fd} is watched already: use its handle")
        # Registered and removed at once, to find out now what arming would find out too late.
        self._selector.register(fd, READ, None)
        self._selector.unregister(fd)
        handle = Handle(self, fd)
        self._handles[fd] = handle
        return handle

    def unwatch(self, handle: Handle) -> None:
        if handle.loop is None:
            return
        if handle.armed:
            handle.armed = 0
            self._selector.unregister(handle.fd)
        del self._handles[handle.fd]
        self.waiting -= (handle.reader is not None) + (handle.writer is not None)
        handle.loop = None

    def arm(self, handle: Handle, event: int) -> None:
        self._set_armed(handle, handle.armed | event)

    def _set_armed(self, handle: Handle, events: int) -> None:
        if not handle.armed:
            self._selector.register(handle.fd, events, handle)
        elif events:
            self._selector.modify(handle.fd, events, handle)
        else:
            self._selector.unregister(handle.fd)
        handle.armed = events

    def poll(self, timeout: float | None) -> None:
        self.sleeping = timeout != 0
        try:
            events = self._selector.select(timeout)
        finally:
            self.sleeping = False
        for key, mask in events:
            handle: Handle | None = key.data
            if handle is None:
                self._wakeup.drain()
            elif handle.loop is self:
                unwanted = handle.ready(mask)
                if unwanted and handle.loop is self:
                    self._set_armed(handle, handle.armed & ~unwanted)

    def wake(self) -> None:
        self._wakeup.send()

    def close(self) -> None:
        for handle in list(self._handles.values()):
            handle.loop = None
        self._handles.clear()
        self._wakeup.close()
        self._selector.close()

    def after_fork(self) -> None:
        # Closing the old selector closes only the child's copy of its descriptor; unregistering would reach the parent.
        self._selector.close()
        self._wakeup.close()
        self._open()
        for handle in self._handles.values():
            if handle.armed:
                self._selector.register(handle.fd, handle.armed, handle)

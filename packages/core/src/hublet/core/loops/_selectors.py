"""The loop for every platform: the standard library's selectors, level-triggered, in plain Python.

A descriptor is registered for reading when it is watched.  Interest in writing is added when somebody waits, and interest
is taken away only when readiness arrives that nobody waits for, so that a busy descriptor costs one system call to register
and none after that.

Windows has only select(), which knows sockets and nothing else, at most 512 of them.
"""

from __future__ import annotations

import errno
import os
import selectors
import stat
import sys
from selectors import EVENT_READ, EVENT_WRITE

from .. import _polling
from .._polling import select
from . import _signal_fd
from ._protocol import READ, WRITE, Handle, Loop
from ._wakeup import Wakeup

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["SelectorsLoop"]

_SelectSelector = selectors.SelectSelector


def _select_connections(_: object, readers: Any, writers: Any, __: object, timeout: float | None = None) -> Any:
    readers, writers, failed = select(readers, writers, writers, timeout)
    return readers, writers + failed, []


def _derive(selector: Any, name: str, value: Any) -> type[selectors.BaseSelector]:
    return type("Selector", (selector,), {name: value, "__module__": __name__})


def _make_selector_class() -> type[selectors.BaseSelector]:
    """Return the best selector of this platform, as it was before anyone could patch it.

    What a selector calls to wait is an attribute of its class, which is patched in place, and so may be which of them is
    the default one; this module may be imported after that.
    """
    known: Any = selectors
    if _polling.epoll is not None:
        return _derive(known.EpollSelector, "_selector_cls", _polling.epoll)
    if hasattr(known, "KqueueSelector"):
        return known.KqueueSelector  # type: ignore[no-any-return]
    if _polling.devpoll is not None:
        return _derive(known.DevpollSelector, "_selector_cls", _polling.devpoll)
    if _polling.poll is not None:
        return _derive(known.PollSelector, "_selector_cls", _polling.poll)
    wait = _select_connections if sys.platform == "win32" else staticmethod(select)
    return _derive(_SelectSelector, "_select", wait)


_Selector = _make_selector_class()

# Nobody notices that a loop looks up once a day, and no system takes every number of seconds.
_LONGEST = 86400.0

# One less than FD_SETSIZE on Windows as CPython sets it: the loop's own is in it too.
_SELECT_LIMIT = 511

assert (READ, WRITE) == (EVENT_READ, EVENT_WRITE)


class SelectorsLoop(Loop):
    """A loop on `selectors.DefaultSelector`."""

    name = "selectors"

    __slots__ = ("_handles", "_has_signals", "_pid", "_selector", "_wakeup")

    def __init__(self) -> None:
        Loop.__init__(self)
        self._handles: dict[int, Handle] = {}
        self._open()

    def _open(self) -> None:
        self._pid = os.getpid()
        self._has_signals = _signal_fd.may_handle_signals()
        self._selector = _Selector()
        self._wakeup = Wakeup()
        self._selector.register(self._wakeup.fd, READ, None)

    def watch(self, fd: int) -> Handle:
        if self._wakeup.fd < 0:
            raise ValueError(f"{self!r} is closed")
        if fd in self._handles:
            raise FileExistsError(errno.EEXIST, f"descriptor {fd} is watched already: use its handle")
        _check(fd)
        if isinstance(self._selector, _SelectSelector) and len(self._handles) >= _SELECT_LIMIT:
            raise OSError(errno.EMFILE, f"select() cannot watch more than {_SELECT_LIMIT} descriptors")
        handle = Handle(self, fd)
        self._arm(handle, READ)
        self._handles[fd] = handle
        return handle

    def unwatch(self, handle: Handle) -> None:
        if handle.loop is None:
            return
        handle.loop = None
        del self._handles[handle.fd]
        self.waiting -= (handle.reader is not None) + (handle.writer is not None)
        if handle.armed and self._pid == os.getpid():
            self._selector.unregister(handle.fd)
        handle.armed = 0

    def arm(self, handle: Handle, event: int) -> None:
        self._arm(handle, handle.armed | event)

    def _arm(self, handle: Handle, events: int) -> None:
        armed, handle.armed = handle.armed, 0  # should it fail, the selector has forgotten the descriptor
        if not armed:
            self._selector.register(handle.fd, events, handle)
        elif events:
            self._selector.modify(handle.fd, events, handle)
        else:
            self._selector.unregister(handle.fd)
        handle.armed = events

    def poll(self, timeout: float | None) -> None:
        # The first look does not wait: a busy hub is spared the preparations for a wait.
        ready = self._select(0)
        if not ready and (timeout is None or timeout > 0):
            ready = self._wait(_LONGEST if timeout is None else min(timeout, _LONGEST))
        self.sleeping = False
        for key, events in ready:
            handle: Handle | None = key.data
            if handle is None:
                self._wakeup.drain()
            elif handle.loop is self:
                unwanted = handle.ready(events)
                if unwanted and handle.loop is self:
                    self._disarm(handle, unwanted)

    def _disarm(self, handle: Handle, events: int) -> None:
        try:
            self._arm(handle, handle.armed & ~events)
        except OSError:
            pass  # closed, against the rules: whoever waits next will hear of it

    def _wait(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        begun = self._has_signals and _signal_fd.begin(self._wakeup.signal_fd)
        try:
            return self._select(timeout)
        finally:
            if begun:
                _signal_fd.end()

    def _select(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        try:
            return self._selector.select(timeout)
        except OSError:
            if not isinstance(self._selector, _SelectSelector) or not self._forget_closed():
                raise
            return []

    def _forget_closed(self) -> bool:
        """Disarm what was closed while it was watched, which select() does not forgive; say whether there was anything."""
        closed = []
        for handle in list(self._handles.values()):
            if handle.armed:
                try:
                    _check(handle.fd)
                except OSError:
                    self._disarm(handle, handle.armed)
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
        self._selector.close()

    def after_fork(self) -> None:
        # To close the old selector closes the child's copy of its descriptor; to unregister would reach the parent's set.
        try:
            self._selector.close()
        except OSError:
            pass  # the child has not inherited it (kqueue)
        self._wakeup.close()
        _signal_fd.forget()
        self._open()
        for handle in list(self._handles.values()):
            events, handle.armed = handle.armed, 0
            if events:
                try:
                    _check(handle.fd)
                    self._arm(handle, events)
                except OSError:
                    handle.ready(READ | WRITE)
        self.wake()  # in case it was meant to


def _check(fd: int) -> None:
    """Raise what not every selector does: `OSError` if *fd* is not open, or not a thing that can be waited for."""
    if sys.platform == "win32":
        try:
            select([fd], [], [], 0)
        except (OSError, ValueError):
            raise OSError(errno.EBADF, f"{fd} is not an open socket") from None
    else:
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            raise PermissionError(errno.EPERM, f"descriptor {fd} is a file, which is always ready: do not wait for it")

"""The loop on libuv, through pyuv: libuv's portability, at the speed of the selectors loop.

Of pyuv it uses `Poll`, `Async` and one `Timer`, and it knows what they do not forgive:

- What libuv knows of must outlive its closing, and pyuv does not see to that.  `_kept` does, for every loop with all its
  handles, until each has been closed and libuv has said so.  Nothing in there refers to a `PyuvLoop`, so one that is simply
  dropped is still found by the garbage collector, and closes.
- libuv calls back in the middle of its work, where nothing of ours may happen: an exception cannot leave it, a handle that
  is closed there and made again for the same number gets the old one's events, and stopping one drops pyuv's reference to
  the function that runs.  So callbacks only note what arrived, and `poll` acts on that after libuv has returned.
- libuv aborts the process if a descriptor that it is to register is closed.  It registers late, so `_start` looks first.
- libuv 1.13 leaves a descriptor in the kernel's set when it is not watched any more.  Closed while a forked child has a
  copy, it would be reported, to nobody, for ever and without a pause.  `unwatch` removes it through a copy of the set's
  descriptor.
- A `Poll` makes its descriptor non-blocking, for everybody who shares it, such as the shell whose terminal it is.
- `UV_RUN_ONCE` runs what is due *before* it waits.  A timer that is due at once would leave it waiting without one: the
  timer's callback must stop the loop.  There is one timer, made and closed with the loop; fired one-shot timers would leak.
- In a forked child nothing of what libuv had can be used or closed.  Something else is put in the place of the kernel's set,
  so that nothing can reach the parent's, and the rest stays as it is for ever: a few descriptors, which do no harm.

Rejected: waiting with `select.poll` on the loop's descriptor, which wakes up a millisecond more precisely, but costs a third
more for every wait, and cannot be done on Windows.
"""

from __future__ import annotations

import errno
import math
import os
import select
import sys
from collections import deque
from typing import Any

from ..patching import original
from . import _signal_fd
from ._protocol import READ, WRITE, Handle, Loop
from ._wakeup import Wakeup

try:
    import pyuv
except ImportError as error:
    raise ImportError(
        f"the pyuv loop needs pyuv, which does not build without help; install it with: python -m {__package__}.install_pyuv"
    ) from error

__all__ = ["PyuvLoop"]

# Every loop of libuv's that has not been closed, with its handles, and those that a parent process made.
_kept: dict[Any, set[Any]] = {}
_inherited: list[tuple[Any, set[Any]]] = []

# Nobody notices that a loop looks up once a day, and libuv does not take every number of seconds.
_LONGEST = 86400.0

_ONCE = pyuv.UV_RUN_ONCE
_NOWAIT = pyuv.UV_RUN_NOWAIT
assert (READ, WRITE) == (pyuv.UV_READABLE, pyuv.UV_WRITABLE)

# Taken now: patching removes one from the module, and makes the other wait for this loop.
_epoll = original("select", "epoll", None)
_poll = original("select", "poll", None)


class PyuvLoop(Loop):
    """A loop on libuv."""

    name = "pyuv"

    __slots__ = (
        "_arrived",
        "_errors",
        "_handles",
        "_note",
        "_over",
        "_set",
        "_signals",
        "_timer",
        "_uv",
        "_wake",
    )

    def __init__(self) -> None:
        Loop.__init__(self)
        self._handles: dict[int, Handle] = {}
        self._open()

    def _open(self) -> None:
        self._uv: Any = None
        self._set: Any = None
        self._signals: Wakeup | None = None
        # What has arrived: a `Poll` with its events, or None for no more than that the loop has to return.
        self._arrived: deque[tuple[Any, int] | None] = deque()
        self._errors: deque[BaseException] = deque()
        self._uv = uv = pyuv.Loop()
        kept = _kept[uv] = set()
        self._note, woken, self._over, uv.excepthook = _callbacks(uv.stop, self._arrived, self._errors)
        self._wake = pyuv.Async(uv, woken)
        self._timer = pyuv.Timer(uv)
        kept.update((self._wake, self._timer))
        uv.pid = os.getpid()
        if _epoll is not None:
            self._set = _epoll.fromfd(os.dup(uv.fileno()))
        if _signal_fd.may_handle_signals():
            self._signals = Wakeup()
            self._make_poll(self._signals.fd).start(READ, self._note)

    def _make_poll(self, fd: int) -> Any:
        blocks = sys.platform != "win32" and os.get_blocking(fd)
        try:
            poll = pyuv.Poll(self._uv, fd)
        except pyuv.error.PollError as error:
            raise _as_os_error(error, fd) from None
        finally:
            if blocks:
                os.set_blocking(fd, True)
        poll.fd = fd
        _kept[self._uv].add(poll)
        return poll

    def watch(self, fd: int) -> Handle:
        if self._uv is None:
            raise ValueError(f"{self!r} is closed")
        if fd in self._handles:
            raise FileExistsError(errno.EEXIST, f"descriptor {fd} is watched already: use its handle")
        handle = Handle(self, fd)
        handle.data = self._make_poll(fd)
        self._handles[fd] = handle
        return handle

    def unwatch(self, handle: Handle) -> None:
        if handle.loop is None:
            return
        handle.loop = None
        handle.armed = 0
        del self._handles[handle.fd]
        self.waiting -= (handle.reader is not None) + (handle.writer is not None)
        poll: Any
        poll, handle.data = handle.data, None
        if poll is not None and self._uv.pid == os.getpid():
            poll.close(_kept[self._uv].discard)
            if self._set is not None:
                try:
                    self._set.unregister(handle.fd)
                except OSError:
                    pass  # it was never started, or is closed

    def arm(self, handle: Handle, event: int) -> None:
        self._start(handle, handle.armed | event)

    def _start(self, handle: Handle, events: int) -> None:
        poll: Any = handle.data
        if handle.armed:
            handle.armed = 0
            poll.stop()
        if events:
            if poll is None:
                raise OSError(errno.EBADF, f"descriptor {handle.fd} could not be watched after a fork")
            if sys.platform != "win32":
                os.fstat(handle.fd)  # raises if it is closed
            poll.start(events, self._note)
            handle.armed = events

    def poll(self, timeout: float | None) -> None:
        # The first look does not wait: a busy hub is spared the preparations for a wait.
        self._uv.run(_NOWAIT)
        arrived = self._arrived
        if not arrived and not self._errors and (timeout is None or timeout > 0):
            self._wait(timeout)
        self.sleeping = False
        while arrived:
            item = arrived.popleft()
            if item is not None:
                self._hand_out(*item)
        if self._errors:
            raise self._errors.popleft()

    def _wait(self, timeout: float | None) -> None:
        milliseconds = None if timeout is None else math.ceil(min(timeout, _LONGEST) * 1e3)
        if self._signals is None:
            self._run_once(milliseconds)
        elif _signal_fd.begin(self._signals.signal_fd):
            try:
                self._run_once(milliseconds)
            finally:
                _signal_fd.end()
        elif _poll is None:
            self._run_once(milliseconds)
        else:
            # CPython writes to somebody else's descriptor, and libuv does not let a signal interrupt it.
            poller = _poll()
            poller.register(self._uv.fileno(), select.POLLIN)
            poller.poll(milliseconds)
            self._uv.run(_NOWAIT)

    def _run_once(self, milliseconds: int | None) -> None:
        if milliseconds is None:
            self._uv.run(_ONCE)
            return
        self._timer.start(self._over, (milliseconds + 1) * 1e-3, 0)  # libuv counts from the last whole millisecond
        try:
            self._uv.run(_ONCE)
        finally:
            self._timer.stop()

    def _hand_out(self, poll: Any, events: int) -> None:
        handle = self._handles.get(poll.fd)
        if handle is None or handle.data is not poll:
            if self._signals is not None and poll.fd == self._signals.fd:
                self._signals.drain()
            return
        if not events:  # an error
            self._start(handle, 0)
            events = READ | WRITE
        unwanted = handle.ready(events) & handle.armed
        if unwanted and handle.loop is self:
            try:
                self._start(handle, handle.armed & ~unwanted)
            except OSError:
                pass  # closed, against the rules: whoever waits next will hear of it

    def wake(self) -> None:
        try:
            self._wake.send()
        except pyuv.error.HandleClosedError:
            pass

    def close(self) -> None:
        if self._uv is None:
            return
        uv, self._uv = self._uv, None
        for handle in self._handles.values():
            handle.loop = handle.data = None
            handle.armed = 0
        self._handles.clear()
        self.waiting = 0
        if self._set is not None:
            self._set.close()
        if self._signals is not None:
            self._signals.close()
        if uv.pid == os.getpid():
            kept = _kept[uv]
            for each in list(kept):
                if not each.closed:
                    each.close(kept.discard)
            uv.run()
            del _kept[uv]
        # What refers to libuv's loop, which gives its descriptors back when nothing does.
        uv.excepthook = self._over = self._timer = None
        self._arrived.clear()

    def __del__(self) -> None:
        if hasattr(self, "_uv"):
            self.close()

    def after_fork(self) -> None:
        if self._uv is None:
            return
        _disarm_inherited()
        if self._set is not None:
            self._set.close()
        if self._signals is not None:
            self._signals.close()
        _signal_fd.forget()
        self._open()
        for handle in list(self._handles.values()):
            events, handle.armed = handle.armed, 0
            handle.data = None
            try:
                handle.data = self._make_poll(handle.fd)
                self._start(handle, events)
            except OSError:
                handle.ready(READ | WRITE)
        self.wake()  # in case it was meant to


def _disarm_inherited() -> None:
    """In a forked child, keep what the parent's loops left behind from ever reaching the parent."""
    for uv in [uv for uv in _kept if uv.pid != os.getpid()]:
        _inherited.append((uv, _kept.pop(uv)))
        if uv.fileno() >= 0:
            null = os.open(os.devnull, os.O_RDONLY)
            # In its place and not just closed: libuv keeps the number, and may yet use it.
            os.dup2(null, uv.fileno(), inheritable=False)
            os.close(null)


if hasattr(os, "register_at_fork"):
    # For the loops of the parent's other threads, whose `after_fork` nobody will call.
    os.register_at_fork(after_in_child=_disarm_inherited)


def _as_os_error(error: Any, fd: int) -> OSError:
    """Return what the system call would have raised, for what pyuv has raised."""
    code = error.args[0]
    number = getattr(errno, pyuv.errno.errorcode.get(code, "").removeprefix("UV_"), errno.EIO)
    return OSError(number, f"descriptor {fd}: {error.args[1]}")


def _callbacks(stop: Any, arrived: deque[Any], errors: deque[BaseException]) -> tuple[Any, Any, Any, Any]:
    """Return what libuv calls: for a descriptor, for `wake`, when a wait is over, and for an exception in one of these."""

    def note(poll: Any, events: int | None, error: int | None) -> None:
        arrived.append((poll, events or 0))

    def woken(wake: Any) -> None:
        arrived.append(None)

    def over(timer: Any) -> None:
        stop()

    def fail(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        errors.append(error)
        stop()

    return note, woken, over, fail

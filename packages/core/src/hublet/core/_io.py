"""Waiting for descriptors: one handle each, shared by everything in the thread that waits for that number.

A descriptor has one reader and one writer at a time.  Two greenlets that read from one stream would each get pieces of it
at random, so the second is refused, with an error that names both.  Who only looks is not: see `_onlookers`.
"""

from __future__ import annotations

import errno
import os

from . import _park, _switch
from ._hub import get_hub, get_hub_if_exists
from ._onlookers import Onlookers, add_onlooker, remove_onlooker, together_in, waiters_in
from ._park import Waiter
from ._scheduler import Scheduler
from .errors import ConcurrentObjectUseError
from .loops import READ, WRITE
from .loops._protocol import Handle

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "IoReason",
    "add_onlooker",
    "forget_fd",
    "handle_for",
    "notify_closing",
    "place_of",
    "remove_onlooker",
    "wait_for_either",
    "wait_on_handle",
    "wait_readable",
    "wait_to_call",
    "wait_writable",
    "waiters_in",
]

_READ = 1  # `READ`, without the look-up of a global name where this is compiled
_ENDED = 4
_STATES = {READ: "readable", WRITE: "writable", READ | WRITE: "readable or writable"}
_OURS = __name__.rsplit(".", 2)[0] + "."  # what stands beside core, too


class IoReason:
    """What a greenlet waits for when it waits for a descriptor."""

    __slots__ = ("event", "fd")

    def __init__(self, event: int, fd: int) -> None:
        self.event = event
        self.fd = fd

    def __repr__(self) -> str:
        return f"descriptor {self.fd} to be {_STATES[self.event]}"


def _reason(handle: Handle, event: int) -> IoReason:
    """Make what the handle keeps for whoever waits for *event*: it says nothing that changes (benchmarks/echo)."""
    reason = IoReason(event, handle.fd)
    if event == _READ:
        handle.to_read = reason
    else:
        handle.to_write = reason
    return reason


def handle_for(fd: int) -> Handle:
    """Return this thread's handle of *fd*, registered with the loop now if it is not.  Never switches.

    It stays registered until `notify_closing` or `forget_fd`, one of which must come before *fd* is closed.  Raises as
    `Loop.watch`.
    """
    handle = _find(fd)
    handle.kept = True
    return handle


def _find(fd: int) -> Handle:
    scheduler: Scheduler = get_hub().scheduler
    handle = scheduler.handles.get(fd)
    if handle is None:
        handle = scheduler.handles[fd] = scheduler.loop.watch(fd)
    return handle


def forget_fd(fd: int) -> None:
    """Take *fd* off the loop of this thread; nothing happens if it is not there.  Never switches."""
    hub = get_hub_if_exists()
    if hub is not None:
        handle = hub.scheduler.handles.pop(fd, None)
        if handle is not None:
            hub.loop.unwatch(handle)


def notify_closing(fd: int) -> None:
    """Say that *fd* is about to be closed: whoever waits for it wakes with `OSError(EBADF)`.  Never switches."""
    hub = get_hub_if_exists()
    if hub is None:
        return
    handle = hub.scheduler.handles.get(fd)
    if handle is None:
        return
    waiters = waiters_in(handle.reader) + waiters_in(handle.writer)
    forget_fd(fd)
    for waiter in waiters:
        waiter.fail(OSError(errno.EBADF, f"{os.strerror(errno.EBADF)} (closed while {waiter.greenlet!r} waited for it)"))


def wait_readable(fd: int, deadline: float | None = None) -> bool:
    """Park until *fd* is readable, at its end, or in error; false if *deadline* passed first.

    The descriptor is anybody's: it is registered for this one wait, unless `handle_for` has registered it.  *deadline* is
    absolute, in seconds of `time.monotonic`; `None` is no deadline.  Raises `OSError(EBADF)` if it is closed meanwhile,
    `ConcurrentObjectUseError` if another greenlet waits for the same, and otherwise as `Waiter.park`.  Regular files, which
    are always ready, return at once.
    """
    return _wait(fd, READ, deadline)


def wait_writable(fd: int, deadline: float | None = None) -> bool:
    """Park until *fd* is writable or in error; false if *deadline* passed first.  Otherwise as `wait_readable`."""
    return _wait(fd, WRITE, deadline)


def _wait(fd: int, event: int, deadline: float | None) -> bool:
    # Edges that came before now are not reported again, so ask first.
    from ._polling import poll_fd  # late: whoever patches `select` would have to because core had imported it

    if poll_fd(fd, event):
        return True
    handle = _find(fd)
    try:
        return wait_on_handle(handle, event, deadline)
    finally:
        # Who closes it need not tell us, and what stays registered would pass for the next owner of the number.
        if not handle.kept and handle.loop is not None and handle.reader is None and handle.writer is None:
            forget_fd(fd)


def wait_on_handle(handle: Handle, event: int, deadline: float | None) -> bool:
    """Park until the descriptor of *handle* is ready for *event*, after a system call has said that it would block."""
    reason = handle.to_read if event == _READ else handle.to_write
    waiter = _park.make_waiter(_reason(handle, event) if reason is None else reason)
    # In functions of their own, so that the C frame of this one, of which each waiting greenlet keeps a copy, is small.
    _take_slot(handle, event, waiter)
    try:
        in_time = waiter.park(deadline)
    except BaseException:
        _leave_slot(handle, event, waiter)
        raise
    _leave_slot(handle, event, waiter)
    _park.recycle(waiter)
    return in_time


def wait_for_either(handle: Handle, deadline: float | None) -> bool:
    """Park until the descriptor of *handle* is readable, or writable, or both.  Otherwise as `wait_on_handle`."""
    waiter = Waiter(IoReason(READ | WRITE, handle.fd))
    try:
        # A waiter is in one slot at a time; among others, even if there are none, it is in both.
        _take_among(together_in(handle, READ), waiter)
        _take_among(together_in(handle, WRITE), waiter)
        return waiter.park(deadline)
    finally:
        remove_onlooker(handle, READ, waiter)
        remove_onlooker(handle, WRITE, waiter)


def _take_slot(handle: Handle, event: int, waiter: Waiter) -> None:
    if event == _READ:
        if handle.reader is None:
            handle.set_reader(waiter)
        else:
            _take_among(handle.reader, waiter)
    elif handle.writer is None:
        handle.set_writer(waiter)
    else:
        _take_among(handle.writer, waiter)


def _leave_slot(handle: Handle, event: int, waiter: Waiter) -> None:
    if event == _READ:
        if handle.reader is not None:
            handle.clear_reader(waiter)
            remove_onlooker(handle, READ, waiter)
    elif handle.writer is not None:
        handle.clear_writer(waiter)
        remove_onlooker(handle, WRITE, waiter)


def _take_among(entry: Any, waiter: Waiter) -> None:
    """Let *waiter* be the one that takes, in a slot that *entry* is in already."""
    if isinstance(entry, Onlookers):
        if entry.taker is None:
            entry.taker = waiter
            return
        entry = entry.taker
    raise _concurrent_use(entry, waiter)


def wait_to_call(handle: Handle, event: int, deadline: float | None, tried: bool) -> int:
    """As `wait_on_handle`, for a caller that makes its system call as soon as this returns.

    With *tried* that call has just said that it would block.  Without, the caller only knows that it took everything the
    last time; if anything has been reported since, to whomever, there is no wait.  Return 1 when it is time for the call, 0
    if *deadline* passed first, and -1, without having waited, if the handle is not this thread's, or is not watched.
    """
    scheduler = _switch.thread_scheduler()
    if scheduler is None or handle.loop is not scheduler.loop:
        return -1
    if not tried and handle.fresh & (event | _ENDED):
        handle.fresh &= ~event
        return 1
    if tried:
        handle.fresh &= ~event
    if not wait_on_handle(handle, event, deadline):
        return 0
    handle.fresh &= ~event
    return 1


def _concurrent_use(first: Any, second: Waiter) -> ConcurrentObjectUseError:
    here = _switch.current()
    return ConcurrentObjectUseError(
        f"{here!r} would wait{place_of(here)} for {second.reason!r}, but {first.greenlet!r} waits for that "
        f"already{place_of(first.greenlet)}; "
        "give each greenlet a descriptor of its own, or a lock around the one"
    )


def place_of(greenlet: Any) -> str:
    """Say, for a message, where *greenlet* is: ``" at file:line"``, the innermost that is not ours; empty if nowhere."""
    innermost = _switch.caller() if greenlet is _switch.current() else getattr(greenlet, "gr_frame", None)
    frame = innermost
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
        frame = frame.f_back
    if frame is None:
        frame = innermost  # a copy of core under another name may stand beside everything else
    return "" if frame is None else f" at {frame.f_code.co_filename}:{frame.f_lineno}"

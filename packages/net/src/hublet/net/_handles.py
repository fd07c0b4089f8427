"""Which hub a socket is registered with, and how it leaves.

Three rules.

1. A socket belongs to the hub of the thread that first has to wait for it, which registers it, until it is closed or
   detached, or that hub is destroyed.  What would wait for it in another thread's hub is refused, whether or not anybody
   waits just then: a mistake that only showed when two meet would be found late.
2. Only the thread of a hub touches the registrations of that hub; other threads ask it to.  So a descriptor that another
   hub watches (or several, which `select` and `wait_read` may do) is closed by that hub, the last of them, in its next
   turn: closed here and now, its number could be given to a new one while the old one is still being watched.
3. A native thread that has no hub, other than the main one, registers nothing: it has nobody to let run meanwhile, so
   it blocks in poll(2), as the standard library does.
"""

from __future__ import annotations

import _socket
import errno
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from hublet.core.errors import InvalidThreadUseError
from hublet.core.lowlevel import (
    Handle,
    Waiter,
    call_soon_threadsafe,
    forget_fd,
    get_hub_if_exists,
    handle_for,
    notify_closing,
)
from hublet.core.patching import original

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._socket import socket

__all__ = ["close_when_heard", "closed_error", "handle_of", "hub_here", "register", "release"]

_get_ident: Callable[[], int] = original("_thread", "get_ident")

_hubs: set[Any] = set()
"""The hubs of this process that have watched descriptors for us and are not destroyed."""

_closing: dict[int, _Closing] = {}
"""The descriptors that are closed as soon as some hubs have heard of it."""

_leaving: set[tuple[Any, Handle]] = set()
"""Hub and handle of each socket that a thread without a hub has detached and that its hub has not forgotten yet."""


def closed_error() -> OSError:
    """Return the error for a descriptor that is not open."""
    return OSError(errno.EBADF, os.strerror(errno.EBADF))


def hub_here() -> Any:
    """Return the hub of this thread, made now in the main thread; `None` in another thread that has none."""
    hub = get_hub_if_exists()
    if hub is None and Waiter().scheduler is not None:
        hub = get_hub_if_exists()
    return hub


def register(sock: socket) -> Handle | None:
    """Return the handle by which *sock* is waited for in this thread, registered now; `None` in a thread without a hub.

    Never switches.  Raises `OSError(EBADF)` if the socket is closed and `InvalidThreadUseError` if it belongs to the hub of
    another thread.
    """
    hub = hub_here()
    if hub is None:
        return None
    fd = sock.fileno()
    if fd < 0:
        raise closed_error()
    old = sock._handle
    if old is not None and sock._hub is not hub and old.loop is not None and sock._hub in _hubs:
        raise _refusal(sock, sock._hub, "belongs to", "waited for")
    sock._hub = hub
    sock._handle = handle_of(hub, fd)
    return sock._handle


def handle_of(hub: Any, fd: int) -> Handle:
    """Return the handle of *fd* in *hub*, which is this thread's.  As `hublet.core.lowlevel.handle_for`."""
    if hub not in _hubs:
        _hubs.add(hub)
        hub.at_close(partial(_see_off, hub))
    if _leaving:
        _forget_left(hub)
    return handle_for(fd)


def release(sock: socket, fd: int, *, close: bool) -> bool:
    """Take *fd*, the descriptor of *sock*, off whatever loop has it; whoever waits wakes with `OSError(EBADF)`.

    With *close*, return false if hubs of other threads will do that and then close *fd*, in their next turn; true if the
    caller is to close it.  Never switches.  Raises `InvalidThreadUseError` if *fd* shall live on, without *close*, and the
    hub of another thread waits for it, or has it while this thread has a hub of its own.
    """
    here = get_hub_if_exists()
    if len(_hubs) != (here in _hubs):
        return _release_from_all(sock, fd, here, close)
    sock._handle = sock._hub = None  # as nearly always: no other hub watches anything
    if here is not None and fd in here.scheduler.handles:
        notify_closing(fd)
    return True


def _release_from_all(sock: socket, fd: int, here: Any, close: bool) -> bool:
    handle, hub = sock._handle, sock._hub
    if handle is None or handle.loop is None or hub is here:
        hub = None
    others = _others_that_watch(fd, hub)
    if not close:
        for each in others:
            if _is_waited_for(each.scheduler.handles.get(fd)):
                raise _refusal(sock, each, "is waited for in", "detached")
        if handle is not None and hub in others:
            if here is not None:
                raise _refusal(sock, hub, "belongs to", "detached")
            _leave(hub, handle)
    sock._handle = sock._hub = None
    notify_closing(fd)
    if not close or not others:
        return True
    _close_in_turn(others, fd, partial(_socket.close, fd))
    return False


def close_when_heard(fd: int, close: Callable[[], object]) -> None:
    """Call *close*, which closes *fd*, a descriptor that is no socket of ours, when all hubs that watch it have heard of it.

    Whoever waits for it wakes with `OSError(EBADF)`.  Never switches.
    """
    notify_closing(fd)
    _close_in_turn(_others_that_watch(fd, None), fd, close)


def _others_that_watch(fd: int, hub: Any) -> list[Any]:
    """Return the hubs of other threads in which somebody waits for *fd*, and *hub*, unless it is `None`."""
    here = get_hub_if_exists()
    return [
        each
        for each in list(_hubs)
        if each is not here and (each is hub or _is_waited_for(each.scheduler.handles.get(fd)))
    ]


def _is_waited_for(handle: Handle | None) -> bool:
    return handle is not None and (handle.reader is not None or handle.writer is not None)


def _refusal(sock: socket, hub: Any, how: str, what: str) -> InvalidThreadUseError:
    here = get_hub_if_exists()
    where = f"thread {_get_ident():#x}" if here is None else repr(here)
    return InvalidThreadUseError(
        f"{sock!r} {how} {hub!r}, which is another thread's, and cannot be {what} in {where}: "
        "use it in that thread only; one without TLS can be duplicated (dup), or detached there and made anew here (fileno=)"
    )


# Closing what hubs of other threads watch


class _Closing:
    """What closes a descriptor, and which hubs have not heard of that yet."""

    __slots__ = ("close", "hubs")

    def __init__(self, close: Callable[[], object], hubs: list[Any]) -> None:
        self.close = close
        self.hubs = set(hubs)


def _close_in_turn(hubs: list[Any], fd: int, close: Callable[[], object]) -> None:
    if not hubs:
        close()
        return
    _closing[fd] = _Closing(close, hubs)
    for hub in hubs:
        call_soon_threadsafe(hub, _hear, hub, fd)
        if hub not in _hubs:  # destroyed meanwhile
            _hear(hub, fd)


def _hear(hub: Any, fd: int) -> None:
    """Let *hub* know that *fd* is closed, and close it if all know.  In the thread of that hub, unless it is destroyed."""
    closing = _closing.get(fd)
    if closing is None or hub not in closing.hubs:
        return
    notify_closing(fd)
    closing.hubs.discard(hub)
    if not closing.hubs and _closing.pop(fd, None) is not None:  # in one of the threads
        closing.close()


def _see_off(hub: Any) -> None:
    """Wait no more for *hub*, which is being destroyed, or was another thread's before a fork."""
    _hubs.discard(hub)
    for fd in list(_closing):
        _hear(hub, fd)
    for each in list(_leaving):
        if each[0] is hub:
            _leaving.discard(each)


def _see_off_others() -> None:
    here = get_hub_if_exists()
    for hub in list(_hubs):
        if hub is not here:
            _see_off(hub)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_see_off_others)


# Leaving


def _leave(hub: Any, handle: Handle) -> None:
    """Let *hub*, which is another thread's, forget the handle of a socket that leaves it."""
    _leaving.add((hub, handle))
    call_soon_threadsafe(hub, _forget_left, hub)


def _forget_left(hub: Any) -> None:
    """Forget the sockets that have left *hub*.  In its thread, and before a number is registered anew."""
    for each in list(_leaving):
        if each[0] is hub:
            _leaving.discard(each)
            handle = each[1]
            # Otherwise it was closed meanwhile, or somebody has begun to wait just when it was seen to be idle.
            if handle.loop is not None and not _is_waited_for(handle):
                forget_fd(handle.fd)

"""Which hub a socket is registered with, and how it leaves.

Three rules.

1. A socket is registered with the hub of the thread that first has to wait for it, and stays there until it is closed
   or detached, or is waited for in another thread's hub while nobody waits for it in the old one.
2. Only the thread of a hub touches the registrations of that hub; other threads ask it to.  So a socket that another
   hub has registered is closed by that hub, in its next turn: closed here and now, its number could be given to a new
   descriptor while the old one is still being watched.
3. A native thread that has no hub, other than the main one, registers nothing: it has nobody to let run meanwhile, so
   it blocks in poll(2), as the standard library does.
"""

from __future__ import annotations

import _socket
import errno
import os
import sys
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

if TYPE_CHECKING:
    from ._socket import socket

__all__ = ["closed_error", "handle_of", "hub_here", "register", "release"]

_leaving: set[tuple[Any, Handle]] = set()
"""Hub and handle of each socket that has moved to another hub and that the old hub has not forgotten yet."""


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

    Never switches.  Raises `OSError(EBADF)` if the socket is closed and `InvalidThreadUseError` if the hub of another
    thread waits for it.
    """
    hub = hub_here()
    if hub is None:
        return None
    fd = sock.fileno()
    if fd < 0:
        raise closed_error()
    old = sock._handle
    if old is not None and sock._hub is not hub and old.loop is not None:
        _refuse_if_waited_for(sock, "moved from")
        _leave(sock._hub, old)
    sock._hub = hub
    sock._handle = handle_of(hub, fd)
    return sock._handle


def handle_of(hub: Any, fd: int) -> Handle:
    """Return the handle of *fd* in *hub*, which is this thread's.  As `hublet.core.lowlevel.handle_for`."""
    if _leaving:
        _forget_left(hub)
    return handle_for(fd)


def release(sock: socket, fd: int, *, close: bool) -> bool:
    """Take *fd*, the descriptor of *sock*, off whatever loop has it; whoever waits wakes with `OSError(EBADF)`.

    With *close*, return false if the hub of another thread will do that and then close *fd*, in its next turn; true if
    the caller is to close it.  Never switches.  Raises `InvalidThreadUseError` if *fd* shall live on, without *close*,
    and the hub of another thread waits for it.
    """
    handle, hub = sock._handle, sock._hub
    if handle is None or handle.loop is None or hub is get_hub_if_exists():
        notify_closing(fd)
    elif hub.thread_ident not in sys._current_frames():
        pass  # its thread is not in this process: we are a forked child, and that hub will never turn here
    elif close:
        sock._handle = sock._hub = None
        call_soon_threadsafe(hub, _close_in_turn, handle, fd)
        return False
    else:
        _refuse_if_waited_for(sock, "taken from")
        _leave(hub, handle)
    sock._handle = sock._hub = None
    return True


def _refuse_if_waited_for(sock: socket, verb: str) -> None:
    handle = sock._handle
    if handle is not None and (handle.reader is not None or handle.writer is not None):
        raise InvalidThreadUseError(
            f"{sock!r} is waited for in {sock._hub!r}, which is another thread's, and cannot be {verb} it here: "
            "use a socket in one thread at a time, or give each thread a duplicate (dup)"
        )


def _close_in_turn(handle: Handle, fd: int) -> None:
    """Close the descriptor of a socket that another thread has closed.  In the hub that has it registered."""
    if handle.loop is not None:
        notify_closing(fd)
    _socket.close(fd)


def _leave(hub: Any, handle: Handle) -> None:
    """Let *hub*, which is another thread's, forget the handle of a socket that moves away from it."""
    _leaving.add((hub, handle))
    call_soon_threadsafe(hub, _forget_left, hub)


def _forget_left(hub: Any) -> None:
    """Forget the sockets that have moved away from *hub*.  In its thread, and before a number is registered anew."""
    for each in list(_leaving):
        if each[0] is hub:
            _leaving.discard(each)
            handle = each[1]
            # Otherwise it was closed meanwhile, or somebody has begun to wait just when it was seen to be idle.
            if handle.loop is not None and handle.reader is None and handle.writer is None:
                forget_fd(handle.fd)

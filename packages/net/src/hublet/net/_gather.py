"""Receiving until a buffer is full, which MSG_WAITALL asks for: the kernel itself does so only if the descriptor blocks."""

from __future__ import annotations

import _socket
import select
from typing import TYPE_CHECKING, Any

from hublet.core.lowlevel import READ
from hublet.core.patching import original

try:
    import fcntl
    import termios
except ImportError:  # Windows
    fcntl = termios = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._socket import socket

__all__ = ["recv_all", "recvfrom_all", "recvmsg_all"]

# Taken now: patching replaces it.
_make_poll: Any = original("select", "poll", None)
_FAILED = getattr(select, "POLLERR", 0) | getattr(select, "POLLHUP", 0)

# The methods in C, without a look-up along the classes at each call.
_base: Any = _socket.socket
_recv_into, _recvfrom_into = _base.recv_into, _base.recvfrom_into
_recvmsg_into: Any = getattr(_base, "recvmsg_into", None)


def recv_all(sock: socket, view: memoryview, flags: int) -> int:
    """Fill *view*; return how much there was before the end.  Parks."""
    return _until_full(sock, len(view), lambda count: _recv_into(sock, view[count:], 0, flags))


def recvfrom_all(sock: socket, view: memoryview, flags: int) -> tuple[int, Any]:
    """As `recv_all`; return whom the last of it is from, too.  Parks."""
    address = None

    def receive(count: int) -> int:
        nonlocal address
        received: int
        received, address = _recvfrom_into(sock, view[count:], 0, flags)
        return received

    return _until_full(sock, len(view), receive), address


def recvmsg_all(sock: socket, views: Sequence[memoryview], ancbufsize: int, flags: int) -> tuple[int, Any, int, Any]:
    """As `recv_all`, for one buffer after the other, and with the rest of what `recvmsg_into` returns.  Parks.

    As in the kernel, what has come with descriptors ends it.
    """
    size = sum(map(len, views))
    ancdata: list[Any] = []
    rest: Any = (0, None)

    def receive(count: int) -> int:
        nonlocal ancdata, rest
        received: int
        received, more, *rest = _recvmsg_into(sock, _behind(views, count), ancbufsize, flags)
        ancdata = more or ancdata
        return received

    def is_enough() -> bool:
        return any(each[:2] == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS) for each in ancdata)

    return _until_full(sock, size, receive, is_enough), ancdata, *rest


def _behind(views: Sequence[memoryview], count: int) -> list[memoryview]:
    """Return what of *views* comes after the first *count* bytes."""
    left = []
    for view in views:
        left.append(view[count:])
        count = max(0, count - len(view))
    return left


def _until_full(sock: socket, size: int, receive: Callable[[int], int], is_enough: Callable[[], bool] = lambda: False) -> int:
    """Let *receive*, which is told how much there is already, receive until that is *size*; return how much it is.

    An error that comes after a part is left for the next call, as the kernel does: that part would be lost.
    """
    count = 0
    while True:
        if count and _has_failed(sock):
            return count
        sock._spend()
        try:
            received = receive(count)
        except BlockingIOError:
            sock._wait(READ, None)
            continue
        sock._answered = False
        count += received
        if not received or count >= size or is_enough():
            return count


def _has_failed(sock: socket) -> bool:
    """Say whether the next thing to receive is an error; false where the system does not tell."""
    fd = sock.fileno()
    if _make_poll is None or fcntl is None or fd < 0:
        return False
    poller = _make_poll()
    poller.register(fd, 0)
    if not any(mask & _FAILED == _FAILED for _, mask in poller.poll(0)):
        return False
    left = fcntl.ioctl(fd, termios.FIONREAD, bytes(4))  # bytes that came before the error
    return not any(left)

"""The methods of `socket` that programs spend their time in: recv, recv_into, recvfrom, send, sendall, sendto and accept.

`_transfer.pyx` says the same in C and is imported instead of this file where it was built.  Both make the system call first
and wait only if there was nothing to do.
"""

from __future__ import annotations

import _socket
import errno
import os
from typing import TYPE_CHECKING, Any

from hublet.core.lowlevel import READ, WRITE
from hublet.core.patching import original

if TYPE_CHECKING:
    from _socket import _Address, _RetAddress
    from _thread import _local

    from _typeshed import ReadableBuffer, WriteableBuffer

    from ._socket import socket

__all__ = [
    "accept",
    "accept_from",
    "compiled",
    "connect_again",
    "prepare",
    "recv",
    "recv_into",
    "recvfrom",
    "send",
    "sendall",
    "sendto",
    "rest",
    "spend",
]

compiled = False

_CREDIT = 32  # calls in one thread that need not wait, one after the other, before others get their turn
_CREDIT_IN_BYTES = 1 << 20  # the same inside one `sendall`

# The methods in C, without a look-up along the classes at each call.
_base: Any = _socket.socket
_accept, _family, _type, _proto = _base._accept, _base.family.__get__, _base.type.__get__, _base.proto.__get__
_connect_ex = _base.connect_ex
_recv, _recv_into, _recvfrom, _send = _base.recv, _base.recv_into, _base.recvfrom, _base.send

_adopt: Any = None


if not TYPE_CHECKING:
    _local = original("_thread", "_local")  # the interpreter's own


class _PerThread(_local):
    credit = _CREDIT


_here = _PerThread()


def prepare(socket_class: Any, adopt: Any) -> None:
    """Work for *socket_class*.  ``adopt(fd, family, type, proto)`` makes one of it around a descriptor."""
    global _adopt
    _adopt = adopt


def rest() -> None:
    """Say that the greenlet that runs has let others run."""
    _here.credit = _CREDIT


def spend(self: socket) -> None:
    """Let others run, if the socket is not non-blocking, after too many calls that need not wait."""
    credit = _here.credit
    if credit:
        _here.credit = credit - 1
    else:
        self._give_way()


def recv(self: socket, bufsize: int, flags: int = 0, /) -> bytes:
    """As `socket.recv`.  Parks."""
    credit = _here.credit  # `spend`, without the call
    if credit:
        _here.credit = credit - 1
    else:
        self._give_way()
    if flags and self._gathers(flags):
        return self._recv_all(bufsize, flags)
    try:
        data: bytes = _recv(self, bufsize, flags)
    except BlockingIOError:
        if not self._may_wait(flags):
            raise
        return self._repeat(READ, _recv, bufsize, flags)  # type: ignore[no-any-return]
    self._answered = False
    return data


def recv_into(self: socket, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
    """As `socket.recv_into`.  Parks."""
    credit = _here.credit
    if credit:
        _here.credit = credit - 1
    else:
        self._give_way()
    if flags and self._gathers(flags):
        view = memoryview(buffer).cast("B")
        if 0 <= nbytes <= len(view):
            return self._recv_all_into(view[:nbytes] if nbytes else view, flags)
    try:
        count: int = _recv_into(self, buffer, nbytes, flags)
    except BlockingIOError:
        if not self._may_wait(flags):
            raise
        return self._repeat(READ, _recv_into, buffer, nbytes, flags)  # type: ignore[no-any-return]
    self._answered = False
    return count


def recvfrom(self: socket, bufsize: int, flags: int = 0, /) -> tuple[bytes, _RetAddress]:
    """As `socket.recvfrom`.  Parks."""
    if flags and bufsize > 0 and self._gathers(flags):
        return self._recvfrom_all(bufsize, flags)
    return self._call(READ, flags, _recvfrom, bufsize, flags)  # type: ignore[no-any-return]


def send(self: socket, data: ReadableBuffer, flags: int = 0, /) -> int:
    """As `socket.send`.  Parks."""
    credit = _here.credit
    if credit:
        _here.credit = credit - 1
    else:
        self._give_way()
    try:
        count: int = _send(self, data, flags)
    except BlockingIOError:
        if not self._may_wait(flags):
            raise
        return self._repeat(WRITE, _send, data, flags)  # type: ignore[no-any-return]
    self._answered = True
    return count


def sendall(self: socket, data: ReadableBuffer, flags: int = 0, /) -> None:
    """As `socket.sendall`: one deadline for all of *data*.  Parks."""
    credit = _here.credit
    if credit:
        _here.credit = credit - 1
    else:
        self._give_way()
    try:
        sent: int = _send(self, data, flags)
    except BlockingIOError:
        if not self._may_wait(flags):
            raise
        sent = 0
    self._answered = True
    if data.__class__ is bytes and sent == len(data):
        return  # the common case, without a memoryview
    view = memoryview(data)
    if sent != view.nbytes:
        _send_rest(self, view.cast("B")[sent:], flags)


def _send_rest(self: socket, view: memoryview, flags: int) -> None:
    waits = self._may_wait(flags)
    deadline = self._deadline()
    at_once = 0
    while view:
        if at_once >= _CREDIT_IN_BYTES:
            at_once = 0
            self._give_way()
        try:
            sent = _send(self, view, flags)
        except BlockingIOError:
            if not waits:
                raise
            at_once = 0
            self._wait(WRITE, deadline)
        else:
            at_once += sent
            view = view[sent:]


def sendto(self: socket, *args: Any) -> int:
    """As `socket.sendto`.  Parks, also to find the address of a name."""
    return self._sendto(*args)


def accept(self: socket) -> tuple[socket, _RetAddress]:
    """As `socket.accept`.  Parks.  What it returns is one of these sockets, whatever the class of this one."""
    spend(self)
    accepted = accept_from(self)
    if accepted is not None:
        return accepted
    if self._timeout == 0.0:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    deadline = self._deadline()
    while accepted is None:
        self._wait(READ, deadline)
        accepted = accept_from(self)
    return accepted


def accept_from(listener: Any) -> tuple[socket, _Address] | None:
    """Return a connection that *listener*, which is non-blocking, has ready, and its peer's address; `None` without one.

    *listener* may be a socket of the standard library.  Never switches.
    """
    try:
        fd, address = _accept(listener)
    except BlockingIOError:
        return None
    try:
        return _adopt(fd, _family(listener), _type(listener), _proto(listener)), address
    except BaseException:
        _socket.close(fd)
        raise


def connect_again(self: socket, address: _Address) -> int:
    """Ask how connecting to *address*, which has begun, goes on, and return the number of an error, 0 without one.

    Compiled, this tells `sys.audit` nothing, if the address is one of IP: that has heard of it.  Never switches.
    """
    number: int = _connect_ex(self, address)
    return number

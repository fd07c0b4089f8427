"""Our methods for the standard library's own socket class, so that what was made of it before patching parks too.

`socket.socket` as a name is our class after patching.  But subclasses that were defined before, sockets that exist, and
``from socket import socket`` in a module that was loaded before are of the original class, and to it patching gives our
methods.  They keep a few things in slots that the original does not have; here are properties in their place, with the
values in a table.  An existing socket is put into non-blocking mode when it is first used.

The standard library's TLS sockets derive from the original class too, and their part in C waits by itself, unless `ssl`
is patched as well (`_ssl_before`); until then they stay as they are: blocking.
"""

from __future__ import annotations

import _socket
from typing import TYPE_CHECKING, Any

from hublet.core.lowlevel import READ, WRITE

from ._original import Original
from ._socket import socket

try:
    import ssl as _ssl
except ImportError:
    _ssl = None  # type: ignore[assignment]  # a Python without it

__all__ = ["InPlace", "give_what_methods_need"]

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_base = _socket.socket
_accept: Any = _base._accept  # type: ignore[attr-defined]


class _State:
    """What a socket of ours has in its slots."""

    __slots__ = socket.__slots__

    def __init__(self, timeout: float | None) -> None:
        self._answered, self._emptied = True, None
        self._handle = self._hub = None
        self._timeout = timeout


_states: dict[int, _State] = {}  # by the identity of the socket: `__init__` makes a new one, `__del__` drops it

# While this is what TLS sockets have, `ssl` is not patched, in place or otherwise for those that derive from the original.
_tls_class: Any = getattr(_ssl, "SSLSocket", None)
_tls_original: Any = getattr(_tls_class, "do_handshake", None)


def _stays_blocking(sock: Any) -> bool:
    if _tls_class is None or not isinstance(sock, _tls_class):
        return False
    return type(sock).do_handshake is _tls_original


def _state(sock: Any) -> _State:
    state = _states.get(id(sock))
    if state is None:
        state = _states[id(sock)] = _State(_base.gettimeout(sock))
        if state._timeout != 0.0 and _base.fileno(sock) >= 0 and not _stays_blocking(sock):
            _base.setblocking(sock, False)
    return state


class _Field:
    """A slot of our class, on the original."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, sock: Any, owner: type | None = None) -> Any:
        return self if sock is None else getattr(_state(sock), self.name)

    def __set__(self, sock: Any, value: Any) -> None:
        setattr(_state(sock), self.name, value)


class InPlace(socket):
    """Our methods, those changed that make, end or configure a socket of the original class."""

    __slots__ = ()

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        _states[id(self)] = _State(None)
        if _stays_blocking(self):
            _base.__init__(self, family, type, proto, fileno)
            self._io_refs = 0
            self._closed = False
        else:
            socket.__init__(self, family, type, proto, fileno)

    def __del__(self) -> None:
        try:
            if id(self) in _states:
                socket.__del__(self)
            else:
                _base.__del__(self)  # type: ignore[attr-defined]
        finally:
            _states.pop(id(self), None)

    # One of these two comes before every system call that might block: a socket from before must not block any more.

    def _spend(self) -> None:
        _state(self)
        socket._spend(self)

    def _resolved(self, address: Any) -> Any:
        _state(self)
        return socket._resolved(self, address)

    # Ours in C look into the slots, so here they are once more.

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As `socket.recv`.  Parks."""
        if flags and self._gathers(flags):
            return self._recv_all(bufsize, flags)
        return self._call(READ, flags, _base.recv, bufsize, flags)  # type: ignore[no-any-return]

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        """As `socket.recv_into`.  Parks."""
        if flags and self._gathers(flags):
            view = memoryview(buffer).cast("B")
            if 0 <= nbytes <= len(view):
                return self._recv_all_into(view[:nbytes] if nbytes else view, flags)
        return self._call(READ, flags, _base.recv_into, buffer, nbytes, flags)  # type: ignore[no-any-return]

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As `socket.recvfrom`.  Parks."""
        if flags and bufsize > 0 and self._gathers(flags):
            return self._recvfrom_all(bufsize, flags)
        return self._call(READ, flags, _base.recvfrom, bufsize, flags)  # type: ignore[no-any-return]

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        """As `socket.send`.  Parks."""
        return self._call(WRITE, flags, _base.send, data, flags)  # type: ignore[no-any-return]

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        """As `socket.sendall`: one deadline for all of *data*.  Parks."""
        self._spend()
        deadline, waits = self._deadline(), self._may_wait(flags)
        with memoryview(data) as whole, whole.cast("B") as view:
            sent = 0
            while True:
                try:
                    sent += _base.send(self, view[sent:], flags)
                    if sent >= len(view):
                        return
                except BlockingIOError:
                    if not waits or not view:
                        if waits:
                            return  # nothing to send
                        raise
                    self._wait(WRITE, deadline)

    def sendto(self, *args: Any) -> int:
        """As `socket.sendto`.  Parks, also to find the address of a name."""
        return self._sendto(*args)

    def accept(self) -> tuple[socket, Any]:
        """As `socket.accept`.  Parks.  What it returns is one of our sockets, whatever the class of this one."""
        fd, address = self._call(READ, 0, _accept)
        try:
            return socket(self.family, self.type, self.proto, fd), address
        except BaseException:
            _socket.close(fd)
            raise

    def gettimeout(self) -> float | None:
        """As `socket.gettimeout`."""
        return _base.gettimeout(self) if _stays_blocking(self) else self._timeout

    @property
    def timeout(self) -> float | None:
        """As `socket.timeout`."""
        return InPlace.gettimeout(self)

    def settimeout(self, value: float | None, /) -> None:
        """As `socket.settimeout`."""
        if _stays_blocking(self):
            _base.settimeout(self, value)
            self._timeout = _base.gettimeout(self)
        else:
            socket.settimeout(self, value)

    def setblocking(self, flag: object, /) -> None:
        """As `socket.setblocking`."""
        InPlace.settimeout(self, None if flag else 0.0)

    def getblocking(self) -> bool:
        """As `socket.getblocking`."""
        return InPlace.gettimeout(self) != 0.0


def give_what_methods_need() -> None:
    """Give the original class what our methods use and it does not have.  Never switches; may be called again."""
    for name in _State.__slots__:
        setattr(Original, name, _Field(name))
    for name, value in {**vars(socket), **vars(InPlace)}.items():
        if not hasattr(Original, name):
            setattr(Original, name, value)

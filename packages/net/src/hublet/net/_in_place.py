"""Our methods for the standard library's own socket class, so that what was made of it before patching parks too.

`socket.socket` as a name is our class after patching.  But subclasses that were defined before, sockets that exist, and
``from socket import socket`` in a module that was loaded before are of the original class, and to it patching gives our
methods.  They keep a few things in slots that the original does not have; here are properties in their place, with the
values in a table.  An existing socket is put into non-blocking mode when it is first used.

The standard library's TLS sockets derive from the original class too, and their part in C waits by itself, unless `ssl`
is patched as well; until then they stay as they are: blocking.
"""

from __future__ import annotations

import _socket
from typing import Any

from ._original import Original
from ._socket import socket

try:
    import ssl as _ssl
except ImportError:
    _ssl = None  # type: ignore[assignment]  # a Python without it

__all__ = ["InPlace", "give_what_methods_need"]

_base = _socket.socket

class _State:
    """What a socket of ours has in its slots."""

    __slots__ = ("_credit", "_handle", "_hub", "_timeout")

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._handle = self._hub = None
        self._credit = 0


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

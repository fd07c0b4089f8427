"""TLS sockets of the standard library's own class, made before `ssl` was patched, or derived from it by hand.

They stay of that class, and its methods go on to do what they do.  Only what those call to have OpenSSL read and write is
something else: it parks where that would block, as our own `SSLSocket` does.
"""

from __future__ import annotations

import gc
import ssl as _stdlib
from typing import Any
from weakref import ref

from hublet.core.lowlevel import READ

from ._in_place import _base, _state
from ._original import Original
from ._ssl import SSLSocket
from ._ssl_transfer import LATER

__all__ = ["adopt", "do_handshake"]

_plain: Any = _stdlib.SSLSocket
_do_handshake: Any = _plain.do_handshake

# What ours does with itself, and the plain class needs as well.
_BORROWED = ("_is_over", "_look_on", "_looks_first", "_perform", "_wait_for", "_write_on", "_writer")


class _Parking:
    """Stands for OpenSSL's part of *sock*, and parks where that would block."""

    __slots__ = ("_part", "_sock")

    def __init__(self, sock: Any, part: Any) -> None:
        object.__setattr__(self, "_sock", ref(sock))
        object.__setattr__(self, "_part", part)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._part, name, value)

    def _perform(self, operation: str, call: Any, *args: Any) -> Any:
        return self._sock()._perform(READ, operation, LATER, call, *args)

    def read(self, *args: Any) -> Any:
        return self._perform("read", self._part.read, *args)

    def write(self, data: Any) -> Any:
        return self._sock()._write_on(self._part, data, LATER)

    def do_handshake(self) -> Any:
        return self._perform("handshake", self._part.do_handshake)

    def shutdown(self) -> Any:
        return self._perform("read", self._part.shutdown)


def _can_park() -> bool:
    """Say whether the methods of plain sockets are ours, and those of plain TLS sockets too."""
    return hasattr(Original, "_timeout") and _plain.do_handshake is do_handshake


def _park_in(sock: Any) -> None:
    if sock._sslobj is not None and type(sock._sslobj) is not _Parking:
        sock._sslobj = _Parking(sock, sock._sslobj)


def do_handshake(self: Any, block: bool = False) -> None:
    """As `ssl.SSLSocket.do_handshake`.  Parks."""
    if _can_park():
        _park_in(self)
    _do_handshake(self, block)


def adopt() -> None:
    """Let the TLS sockets that exist park from now on, if sockets do.  Never switches; may be called again."""
    if not _can_park():
        return
    for name in _BORROWED:
        setattr(_plain, name, SSLSocket.__dict__[name])
    for each in gc.get_objects():
        if issubclass(type(each), _plain) and not isinstance(each, SSLSocket):
            _park_in(each)
            if _state(each)._timeout != 0.0 and _base.fileno(each) >= 0:
                # Its state may be older than the patching of `ssl`, and then it was left blocking.
                _base.setblocking(each, False)

"""Functions for the standard library's own `socket` module, where a program may replace `socket.socket` once more.

A proxy library puts its own class there, a test a fake.  What is in that module has to use whatever is there when it is
called, as the functions do that it had before.

To import this module imports `ssl`, which it does before anything is replaced.  `ssl` derives its sockets from what
`socket.socket` is at that time, and its part in C looks at the timeout that sockets have in C: of ours, always 0.
"""

from __future__ import annotations

import socket as _stdlib
from typing import TYPE_CHECKING, Any

from ._create import HAPPY_EYEBALLS_DELAY, connect_to_any
from ._socket import socket

try:
    import ssl  # noqa: F401
except ImportError:
    pass  # a Python without it

if TYPE_CHECKING:
    from _socket import _Address

__all__ = ["create_connection"]

_UNSET: Any = _stdlib._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]


def create_connection(
    address: tuple[str | None, bytes | str | int | None],
    timeout: float | None = _UNSET,
    source_address: _Address | None = None,
    *,
    all_errors: bool = False,
) -> _stdlib.socket:
    """As `hublet.net.socket.create_connection`, with the `socket` and `getaddrinfo` that the stdlib's module has now."""
    # Other sockets than ours need not be cooperative, and to race they would have to be.
    delay = HAPPY_EYEBALLS_DELAY if _stdlib.socket is socket else None
    made: _stdlib.socket = connect_to_any(
        _stdlib.socket, _stdlib.getaddrinfo, address, timeout, source_address, all_errors, delay
    )
    return made

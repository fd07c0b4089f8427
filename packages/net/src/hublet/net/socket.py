"""Everything in the standard library's `socket`, cooperative.

The names and their meaning are those of `socket`.  Beyond them: `wait_read`, `wait_write`, `wait_readwrite` and
`cancel_wait`, for descriptors that belong to something else.
"""

from __future__ import annotations

import socket as _stdlib

# A star, because what there is differs with platform and version, and type checkers are to see it.  Ours come after.
from socket import *  # noqa: F403
from typing import Any

from ._create import create_connection, create_server, fromfd, has_dualstack_ipv6, socketpair
from ._resolve import (  # type: ignore[assignment]  # the type of the original `getaddrinfo` is narrower, and true
    getaddrinfo,
    getfqdn,
    gethostbyaddr,
    gethostbyname,
    gethostbyname_ex,
    getnameinfo,
)
from ._socket import socket
from ._waiting import cancel_wait, wait_read, wait_readwrite, wait_write

if hasattr(_stdlib, "fromshare"):
    from ._create import fromshare  # noqa: F401

__all__ = [
    "cancel_wait",
    "create_connection",
    "create_server",
    "fromfd",
    "getaddrinfo",
    "getfqdn",
    "gethostbyaddr",
    "gethostbyname",
    "gethostbyname_ex",
    "getnameinfo",
    "has_dualstack_ipv6",
    "socket",
    "socketpair",
    "wait_read",
    "wait_readwrite",
    "wait_write",
]
__all__ += [name for name in _stdlib.__all__ if name not in __all__]


def __getattr__(name: str) -> Any:
    # What programs use although `socket.__all__` does not have it: EBADF, SocketIO, _GLOBAL_DEFAULT_TIMEOUT.
    try:
        return getattr(_stdlib, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

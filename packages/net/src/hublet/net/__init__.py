"""The standard library's sockets, cooperative: a greenlet that waits for the network lets the others run."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .server import BaseServer, DatagramServer, StreamServer

__all__ = ["BaseServer", "DatagramServer", "StreamServer"]


def __getattr__(name: str) -> object:
    # Late: whoever imports one module of this package does not wait for the others.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import server

    return getattr(server, name)

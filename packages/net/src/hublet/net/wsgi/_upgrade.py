"""Handing a connection over to the application, for WebSockets and whatever else begins with `Upgrade`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._wire import set_timeout

if TYPE_CHECKING:
    from ._handler import WSGIHandler

__all__ = ["UpgradeSocket"]


class UpgradeSocket:
    """The connection of a request that asks for an upgrade: a socket that is the application's once it is used.

    It has every attribute of the socket, and to look at one of them takes the connection over, as `take` does.  Libraries
    that know `environ["werkzeug.socket"]` find one there.
    """

    __slots__ = ("_handler", "taken")

    def __init__(self, handler: WSGIHandler) -> None:
        self._handler = handler
        self.taken = False
        """Whether the connection is the application's."""

    def take(self) -> Any:
        """Take the connection over and return its socket, which waits without limit until told otherwise.

        From now on the server neither reads nor writes; it closes the connection when the application returns.  Never
        switches.  Raises `RuntimeError` if a response has begun, or the request is over.
        """
        handler = self._handler
        if not self.taken:
            response = handler.response
            if handler.upgrade is not self or response is None or response.started:
                raise RuntimeError("the connection cannot be taken over any more: the response has begun, or is over")
            self.taken = response.ended = True
            set_timeout(handler.socket, None)
        return handler.socket

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # to copy or print an environ is not to use what is in it
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.take(), name)

"""The exceptions of the server."""

from __future__ import annotations

__all__ = ["ApplicationError", "ClientDisconnected", "Refused"]


class Refused(OSError):
    """A request that is not served: it is malformed, or beyond a limit.

    It is answered with *status*, and the connection is closed.  Reading `wsgi.input` raises it, as an `OSError`, where
    only the body shows what is wrong.
    """

    def __init__(self, status: str, why: str) -> None:
        super().__init__(f"{status}: {why}")
        self.status = status
        """Code and phrase, such as "400 Bad Request"."""
        self.why = why


class ClientDisconnected(ConnectionError):
    """The client has gone away, or is too slow, while a body was read from it or a response sent to it."""


class ApplicationError(Exception):
    """The application has broken PEP 3333 in a way that would break the connection."""

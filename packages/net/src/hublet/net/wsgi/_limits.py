"""What one client may take of the server: bytes, seconds, connections.  Every number has a default that holds."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Limits"]

_MAY_BE_ZERO = ("discard", "linger")


@dataclass(frozen=True)
class Limits:
    """The limits of a `WSGIServer`.

    Sizes are in bytes, times in seconds; `None` is without limit where the type allows it.  Raises `ValueError` for a
    number that is not positive.
    """

    request_line: int = 8190
    """Bytes of the request line; a longer one is answered with 414."""

    header_count: int = 100
    """Header fields of a request, trailer fields apart; more are answered with 431."""

    header_bytes: int = 32768
    """Bytes of all header fields of a request; more are answered with 431."""

    body: int | None = 1 << 30
    """Bytes of a request's body; a larger one is answered with 413.  It is never held in memory by the server."""

    header_timeout: float | None = 10.0
    """Seconds from the first byte of a request, or from the connection for the first, to the end of its header: 408."""

    body_timeout: float | None = 30.0
    """Seconds to wait for the next piece of a body: 408."""

    write_timeout: float | None = 30.0
    """Seconds to wait until the client takes the next piece of a response; then the connection is closed."""

    min_rate: int | None = 250
    """Bytes a second that a body, or a response, makes on average while the client is waited for, beyond the timeout.

    Without it a client that sends one byte every `body_timeout` seconds would be served for ever.
    """

    idle_timeout: float | None = 15.0
    """Seconds that a connection is kept between two requests."""

    connections: int | None = 1000
    """Connections that are open at once; the next ones wait in the listener's queue."""

    requests: int | None = 1000
    """Requests of one connection; the last one is answered with ``Connection: close``."""

    discard: int = 65536
    """Bytes of a body, unread by the application, that are read and dropped so that the connection can be kept."""

    linger: float = 1.0
    """Seconds to go on reading, and dropping, after the last response, so that the client receives it."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and "None" in str(field.type):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or (
                isinstance(value, float) and "float" not in str(field.type)
            ):
                raise TypeError(f"Limits.{field.name} must be {field.type}, not {value!r}")
            if not value > 0 and not (value == 0 and field.name in _MAY_BE_ZERO):
                raise ValueError(f"Limits.{field.name} must be greater than 0, not {value!r}")

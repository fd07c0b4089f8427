"""From which address another one would be reached, as the system decides it."""

from __future__ import annotations

import _socket

__all__ = ["source_of"]

_MAPPED = b"\0" * 10 + b"\xff\xff"


def source_of(address: str) -> bytes | None:
    """Return the sixteen bytes (for IPv4, of the mapped one) of the address from which *address* would be reached.

    `None` if nothing would reach it.  A UDP socket is connected, which sends nothing.  Never switches.
    """
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    try:
        sock = _socket.socket(family, _socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        sock.connect((address, 9))  # the port of the discard service; nothing is sent
        source = sock.getsockname()[0].partition("%")[0]
    except OSError:
        return None
    finally:
        sock.close()
    packed = _socket.inet_pton(family, source)
    return packed if len(packed) == 16 else _MAPPED + packed

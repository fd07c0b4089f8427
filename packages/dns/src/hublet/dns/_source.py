"""From which addresses others would be reached, as the system decides it."""

from __future__ import annotations

import _socket

__all__ = ["Probe"]

_MAPPED = b"\0" * 10 + b"\xff\xff"


class Probe:
    """Connects UDP sockets, which sends nothing."""

    def ways_to(self, addresses: list[str]) -> list[tuple[bytes, bytes | None]]:
        """Return for each of *addresses* its sixteen bytes, and those of the address from which it would be reached.

        They have no scopes.  Of IPv4, those of the mapped address.  `None` if nothing would reach it.  Never switches.
        """
        return [(_packed(address), _source_of(address)) for address in addresses]

    def close(self) -> None:
        """Close what is still open."""


def _packed(address: str) -> bytes:
    if ":" in address:
        return _socket.inet_pton(_socket.AF_INET6, address)
    return _MAPPED + _socket.inet_pton(_socket.AF_INET, address)


def _source_of(address: str) -> bytes | None:
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    try:
        sock = _socket.socket(family, _socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        sock.connect((address, 9))  # the port of the discard service; nothing is sent
        return _packed(sock.getsockname()[0].partition("%")[0])
    except OSError:
        return None
    finally:
        sock.close()

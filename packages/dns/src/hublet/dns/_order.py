"""The order of addresses: RFC 6724 section 6, for destinations of which nothing is known but how they would be reached.

Rules 3, 4 and 7 (deprecated and home addresses, native transports) are left out: the system does not tell without asking
it in ways of its own.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from ._source import Probe

__all__ = ["Order"]

_MAPPED = b"\0" * 10 + b"\xff\xff"
_ZEROS = b"\0" * 12
_FRESH = 1.0  # seconds
_MOST = 1024  # addresses


class Order:
    """Puts addresses into order.

    *probe* asks the system; `None` is one of its own.  The system is asked about an address once a second at most: six calls
    of it or more are a third of what a look-up costs whose answer is there (benchmarks/dns.py), and networks seldom change.
    """

    def __init__(self, probe: Any = None) -> None:
        self._probe = Probe() if probe is None else probe
        self._known: dict[str, int] = {}
        self._expires = 0.0

    def close(self) -> None:
        """Close what is still open."""
        self._probe.close()

    def best_first(self, addresses: list[str]) -> list[str]:
        """Return *addresses*, numeric ones of any family, the best first; equals stay in their order.  Never switches."""
        if len(addresses) < 2:
            return addresses
        now = monotonic()
        if now >= self._expires or len(self._known) > _MOST:
            self._known = {}
            self._expires = now + _FRESH
        known = self._known
        unknown = [address for address in addresses if address not in known]
        if unknown:
            for address, (destination, source) in zip(unknown, self._probe.ways_to(unknown)):
                known[address] = _badness(destination, source)
        return sorted(addresses, key=known.__getitem__)


def _badness(destination: bytes, source: bytes | None) -> int:
    """Return what is wrong with a destination that is reached from *source*: smaller is better.

    A rule has the more significant bits, the earlier it comes.
    """
    scope = _scope(destination)
    policy = _policy(destination)
    precedence, label = policy >> 4, policy & 0xF
    is_unusable = has_other_scope = has_other_label = 1
    common = 0
    if source is not None:
        is_unusable = 0
        has_other_scope = scope != _scope(source)
        has_other_label = label != _policy(source) & 0xF
        common = _common_bits(destination, source)
    return (
        is_unusable << 20  # rule 1: avoid unusable destinations
        | has_other_scope << 19  # rule 2: prefer matching scope
        | has_other_label << 18  # rule 5: prefer matching label
        | (63 - precedence) << 12  # rule 6: prefer higher precedence
        | scope << 8  # rule 8: prefer smaller scope
        | (64 - common)  # rule 9: use longest matching prefix
    )


def _scope(packed: bytes) -> int:
    """Return the scope of an address: 2 is the link, 5 the site, 14 the world."""
    first, second = packed[0], packed[1]
    if first == 0xFF:
        return second & 0x0F
    if first == 0xFE and second >= 0x80:
        return 2 if second < 0xC0 else 5
    if packed.startswith(_MAPPED):
        return 2 if packed[12] == 127 or (packed[12] == 169 and packed[13] == 254) else 14
    return 2 if packed.startswith(_ZEROS) and packed.endswith(b"\0\0\0\1") else 14


def _policy(packed: bytes) -> int:
    """Return the precedence of an address, times 16, plus its label: RFC 6724 section 2.1."""
    first, second = packed[0], packed[1]
    if first == 0:
        if packed.startswith(_MAPPED):  # ::ffff:0:0/96
            return 35 << 4 | 4
        if packed.startswith(_ZEROS):  # ::1/128 and ::/96
            return 50 << 4 | 0 if packed.endswith(b"\0\0\0\1") else 1 << 4 | 3
    elif first == 0x20:
        if second == 0x02:  # 2002::/16
            return 30 << 4 | 2
        if second == 0x01 and packed[2] == 0 and packed[3] == 0:  # 2001::/32
            return 5 << 4 | 5
    elif first == 0x3F and second == 0xFE:  # 3ffe::/16
        return 1 << 4 | 12
    elif first == 0xFE and second >= 0xC0:  # fec0::/10
        return 1 << 4 | 11
    elif first & 0xFE == 0xFC:  # fc00::/7
        return 3 << 4 | 13
    return 40 << 4 | 1  # ::/0


def _common_bits(destination: bytes, source: bytes) -> int:
    """Return how long a prefix the two share, as far as networks are told apart by it.

    At most 64 bits, as long as the prefix of a source in IPv6 is; so it says nothing of IPv4, where it would spoil the
    rotation of servers' answers.
    """
    different = int.from_bytes(destination[:8], "big") ^ int.from_bytes(source[:8], "big")
    return 64 - different.bit_length()

"""The order of addresses: RFC 6724 section 6, for destinations of which nothing is known but how they would be reached.

Rules 3, 4 and 7 (deprecated and home addresses, native transports) are left out: the system does not tell without asking
it in ways of its own.
"""

from __future__ import annotations

import _socket
from functools import lru_cache
from typing import NamedTuple

from ._source import source_of

__all__ = ["sorted_addresses"]

_MAPPED = b"\0" * 10 + b"\xff\xff"


class _Policy(NamedTuple):
    prefix: int  # the bits of it
    rest: int  # how many bits of an address follow
    precedence: int
    label: int


def _policy(text: str, precedence: int, label: int) -> _Policy:
    address, _, length = text.partition("/")
    rest = 128 - int(length)
    return _Policy(_number(_packed(address)) >> rest, rest, precedence, label)


def _number(packed: bytes) -> int:
    return int.from_bytes(packed, "big")


def _packed(address: str) -> bytes:
    """Return the sixteen bytes of *address*; of IPv4, those of the mapped one."""
    if ":" in address:
        return _socket.inet_pton(_socket.AF_INET6, address.partition("%")[0])
    return _MAPPED + _socket.inet_pton(_socket.AF_INET, address)


# RFC 6724 section 2.1, the longest prefix first.
_POLICIES = (
    _policy("::1/128", 50, 0),
    _policy("::ffff:0:0/96", 35, 4),
    _policy("::/96", 1, 3),
    _policy("2001::/32", 5, 5),
    _policy("2002::/16", 30, 2),
    _policy("3ffe::/16", 1, 12),
    _policy("fec0::/10", 1, 11),
    _policy("fc00::/7", 3, 13),
    _policy("::/0", 40, 1),
)


def sorted_addresses(addresses: list[str]) -> list[str]:
    """Return *addresses*, numeric ones of any family, the best first; equals stay in their order.  Never switches."""
    if len(addresses) < 2:
        return addresses
    return sorted(addresses, key=_badness)


def _badness(address: str) -> tuple[int, ...]:
    """Return what is wrong with *address* as a destination, by the rules in their order: smaller is better."""
    destination = _packed(address)
    scope, precedence, label = _properties(destination)
    source = source_of(address)
    if source is None:
        return (1, 1, 1, -precedence, scope, 0)
    source_scope, _, source_label = _properties(source)
    return (
        0,  # rule 1: avoid unusable destinations
        int(scope != source_scope),  # rule 2: prefer matching scope
        int(label != source_label),  # rule 5: prefer matching label
        -precedence,  # rule 6: prefer higher precedence
        scope,  # rule 8: prefer smaller scope
        -_common_bits(destination, source),  # rule 9: use longest matching prefix
    )


@lru_cache(maxsize=1024)
def _properties(packed: bytes) -> tuple[int, int, int]:
    """Return scope, precedence and label of an address.  The scope: 2 is the link, 5 the site, 14 the world."""
    number = _number(packed)
    policy = next(policy for policy in _POLICIES if number >> policy.rest == policy.prefix)
    if packed.startswith(_MAPPED):
        scope = 2 if packed[12] == 127 or packed[12:14] == b"\xa9\xfe" else 14
    elif packed[0] == 0xFF:
        scope = packed[1] & 0x0F
    elif number == 1 or number >> 118 == 0xFE80 >> 6:
        scope = 2
    else:
        scope = 5 if number >> 118 == 0xFEC0 >> 6 else 14
    return scope, policy.precedence, policy.label


def _common_bits(destination: bytes, source: bytes) -> int:
    """Return how long a prefix the two share, as far as networks are told apart by it.

    At most 64 bits, as long as the prefix of a source in IPv6 is; so it says nothing of IPv4, where it would spoil the
    rotation of servers' answers.
    """
    return min(128 - (_number(destination) ^ _number(source)).bit_length(), 64)

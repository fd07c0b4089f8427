"""The order of addresses: RFC 6724 section 6, for destinations of which nothing is known but how they would be reached.

The source address of each is found by connecting a UDP socket, which sends nothing.  Rules 3, 4 and 7 (deprecated and
home addresses, native transports) are left out: the system does not tell without asking it in ways of its own.
"""

from __future__ import annotations

import _socket
from typing import NamedTuple

__all__ = ["sorted_addresses"]

_MAPPED = b"\0" * 10 + b"\xff\xff"


class _Policy(NamedTuple):
    prefix: bytes
    length: int  # bits
    precedence: int
    label: int


def _policy(text: str, precedence: int, label: int) -> _Policy:
    address, _, length = text.partition("/")
    return _Policy(_socket.inet_pton(_socket.AF_INET6, address), int(length), precedence, label)


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
    source = _source(address)
    policy = _policy_of(destination)
    if source is None:
        return (1, 1, 1, -policy.precedence, _scope(destination), 0)
    return (
        0,  # rule 1: avoid unusable destinations
        int(_scope(destination) != _scope(source)),  # rule 2: prefer matching scope
        int(policy.label != _policy_of(source).label),  # rule 5: prefer matching label
        -policy.precedence,  # rule 6: prefer higher precedence
        _scope(destination),  # rule 8: prefer smaller scope
        -_common_bits(destination, source),  # rule 9: use longest matching prefix
    )


def _packed(address: str) -> bytes:
    """Return the sixteen bytes of *address*; of IPv4, those of the mapped one."""
    if ":" in address:
        return _socket.inet_pton(_socket.AF_INET6, address.partition("%")[0])
    return _MAPPED + _socket.inet_pton(_socket.AF_INET, address)


def _source(address: str) -> bytes | None:
    """Return the address that would be used to reach *address*, or `None` if nothing would."""
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    try:
        sock = _socket.socket(family, _socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        sock.connect((address, 9))  # the port of the discard service; nothing is sent
        return _packed(sock.getsockname()[0])
    except OSError:
        return None
    finally:
        sock.close()


def _policy_of(packed: bytes) -> _Policy:
    for policy in _POLICIES:
        if _leading_bits(packed, policy.prefix) >= policy.length:
            return policy
    raise AssertionError("the last policy is for every address")


def _scope(packed: bytes) -> int:
    """Return how far the address reaches: 2 is the link, 5 the site, 14 the world."""
    if packed.startswith(_MAPPED):
        first, second = packed[12:14]
        return 2 if first == 127 or (first, second) == (169, 254) else 14
    if packed[0] == 0xFF:
        return packed[1] & 0x0F
    if _leading_bits(packed, b"\xfe\x80") >= 10 or packed == _POLICIES[0].prefix:
        return 2
    return 5 if _leading_bits(packed, b"\xfe\xc0") >= 10 else 14


def _common_bits(destination: bytes, source: bytes) -> int:
    """Return how long a prefix the two share, as far as networks are told apart by it.

    At most 64 bits, as long as the prefix of a source in IPv6 is; so it says nothing of IPv4, where it would spoil the
    rotation of servers' answers.
    """
    return min(_leading_bits(destination, source), 64)


def _leading_bits(one: bytes, other: bytes) -> int:
    """Return how many leading bits the two share, as far as the shorter goes."""
    size = min(len(one), len(other))
    difference = int.from_bytes(one[:size], "big") ^ int.from_bytes(other[:size], "big")
    return size * 8 - difference.bit_length()

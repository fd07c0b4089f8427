"""The order of addresses: RFC 6724, with what loopback can tell."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from hublet.dns import _order
from hublet.dns._order import Order
from hublet.dns._source import ways_to


def packed(address):
    """Return the sixteen bytes of *address*; of IPv4, those of the mapped one."""
    return ip_address(address if ":" in address else f"::ffff:{address}").packed


@pytest.fixture
def reach(monkeypatch):
    """Return a function that says from which address each destination is reached; the others are not."""

    def reach(table):
        def ways_to(addresses):
            return [(packed(each), packed(table[each]) if each in table else None) for each in addresses]

        monkeypatch.setattr(_order, "ways_to", ways_to)

    return reach


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        # Section 10.2 of the RFC, destinations and the sources there.
        ({"2001:db8:1::1": "2001:db8:1::2", "198.51.100.121": "169.254.13.78"}, ["2001:db8:1::1", "198.51.100.121"]),
        ({"198.51.100.121": "198.51.100.117", "2001:db8:1::1": "fe80::1"}, ["198.51.100.121", "2001:db8:1::1"]),
        ({"2001:db8:1::1": "2001:db8:1::2", "10.1.2.3": "10.1.2.4"}, ["2001:db8:1::1", "10.1.2.3"]),
        ({"fe80::1": "fe80::2", "2001:db8:1::1": "2001:db8:1::2"}, ["fe80::1", "2001:db8:1::1"]),
        ({"2001:db8::1": "2001:db8::2", "2002:c633:6401::1": "2002:c633:6401::2"}, ["2001:db8::1", "2002:c633:6401::1"]),
        (
            {"2002:c633:6401::1": "2002:c633:6401::2", "2001:db8:1::1": "2002:c633:6401::2"},
            ["2002:c633:6401::1", "2001:db8:1::1"],
        ),
        # And some that it has not.
        ({"127.0.0.1": "127.0.0.1"}, ["127.0.0.1", "2001:db8::1"]),
        ({"2001:db8:1::1": "2001:db8:1::2", "2001:db8:2::1": "2001:db8:1::2"}, ["2001:db8:1::1", "2001:db8:2::1"]),
        ({"ff02::1": "fe80::1", "ff0e::1": "2001:db8::1"}, ["ff02::1", "ff0e::1"]),
    ],
)
def test_the_better_address_comes_first(reach, sources, expected):
    reach(sources)

    assert Order().best_first(expected) == expected
    assert Order().best_first(expected[::-1]) == expected


def test_equals_stay_as_the_server_gave_them(reach):
    given = [f"192.0.2.{i}" for i in (7, 3, 9, 1)]
    reach(dict.fromkeys(given, "192.0.2.100"))

    assert Order().best_first(given) == given


def test_the_system_tells_how_an_address_would_be_reached():
    here, nowhere = "127.0.0.1", "255.255.255.255"

    # One after the other, whichever was the first.
    assert ways_to([here, nowhere, here]) == [(packed(here), packed(here)), (packed(nowhere), None), (packed(here), packed(here))]
    assert ways_to([nowhere, here]) == [(packed(nowhere), None), (packed(here), packed(here))]


def test_both_families_are_reached_from_their_own_addresses():
    ways = ways_to(["::1", "127.0.0.1", "::1"])

    if ways[0][1] is None:
        pytest.skip("this machine has no IPv6 on loopback")
    assert ways == [(packed(each), packed(each)) for each in ("::1", "127.0.0.1", "::1")]


def test_asking_the_system_leaves_no_descriptor(descriptors):
    before = descriptors()

    ways_to(["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"])

    assert descriptors() == before


def test_one_address_needs_no_asking(monkeypatch):
    monkeypatch.setattr(_order, "ways_to", lambda addresses: pytest.fail("it was asked for"))

    assert Order().best_first(["192.0.2.1"]) == ["192.0.2.1"]


def test_for_a_second_the_system_is_not_asked_again(monkeypatch):
    now, asked = 100.0, []
    monkeypatch.setattr(_order, "monotonic", lambda: now)
    monkeypatch.setattr(_order, "ways_to", lambda addresses: asked.extend(addresses) or ways_to(addresses))
    order = Order()

    order.best_first(["127.0.0.1", "127.0.0.2"])
    now += 0.9
    order.best_first(["127.0.0.1", "127.0.0.3"])
    assert asked == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    now += 0.2
    order.best_first(["127.0.0.1", "127.0.0.3"])
    assert asked[3:] == ["127.0.0.1", "127.0.0.3"]


def test_of_too_many_addresses_nothing_is_remembered(monkeypatch):
    asked = []
    monkeypatch.setattr(_order, "monotonic", lambda: 100.0)
    monkeypatch.setattr(_order, "ways_to", lambda addresses: asked.extend(addresses) or ways_to(addresses))
    order = Order()

    for i in range(2500):
        order.best_first([f"127.1.{i % 256}.{i // 256}", "127.0.0.1"])

    assert asked.count("127.0.0.1") == 3

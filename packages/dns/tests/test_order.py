"""The order of addresses: RFC 6724, with what loopback can tell."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from hublet.core import joinall, sleep, spawn
from hublet.dns import _order
from hublet.dns._order import Order
from hublet.dns._source import Probe


def packed(address):
    """Return the sixteen bytes of *address*; of IPv4, those of the mapped one."""
    return ip_address(address if ":" in address else f"::ffff:{address}").packed


class Table:
    """In place of a `Probe`: says from which address each destination is reached; the others are not."""

    def __init__(self, table):
        self.table = table

    def ways_to(self, addresses):
        return [(packed(each), packed(self.table[each]) if each in self.table else None) for each in addresses]


class Recording:
    """In place of a `Probe`: asks one, and keeps what was asked."""

    def __init__(self):
        self.asked = []
        self.probe = Probe()

    def ways_to(self, addresses):
        self.asked += addresses
        return self.probe.ways_to(addresses)


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
def test_the_better_address_comes_first(sources, expected):
    assert Order(Table(sources)).best_first(expected) == expected
    assert Order(Table(sources)).best_first(expected[::-1]) == expected


def test_equals_stay_as_the_server_gave_them():
    given = [f"192.0.2.{i}" for i in (7, 3, 9, 1)]

    assert Order(Table(dict.fromkeys(given, "192.0.2.100"))).best_first(given) == given


def test_the_system_tells_how_an_address_would_be_reached():
    here, nowhere = "127.0.0.1", "255.255.255.255"
    ways_to = Probe().ways_to

    # One after the other, whichever was the first.
    assert ways_to([here, nowhere, here]) == [(packed(here), packed(here)), (packed(nowhere), None), (packed(here), packed(here))]
    assert ways_to([nowhere, here]) == [(packed(nowhere), None), (packed(here), packed(here))]


def test_both_families_are_reached_from_their_own_addresses():
    ways = Probe().ways_to(["::1", "127.0.0.1", "::1"])

    if ways[0][1] is None:
        pytest.skip("this machine has no IPv6 on loopback")
    assert ways == [(packed(each), packed(each)) for each in ("::1", "127.0.0.1", "::1")]


@pytest.fixture
def probe():
    """A probe that outlives the test's use of it, and its hub, which has descriptors of its own."""
    sleep(0)
    probe = Probe()
    yield probe
    probe.close()


def test_asking_the_system_leaves_no_descriptor(probe, descriptors):
    before = descriptors()

    probe.ways_to(["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"])
    sleep(0)

    assert descriptors() == before


def test_a_resolver_that_is_closed_leaves_no_descriptor(make_resolver, probe, descriptors):
    resolver = make_resolver(hosts="127.0.0.1 both.test\n::1 both.test\n")
    before = descriptors()

    assert len(resolver.getaddrinfo("both.test", 80, 0, 1)) == 2
    resolver.close()

    assert descriptors() == before


def test_those_who_ask_at_once_share_a_socket(probe, descriptors):
    before = descriptors()
    during = []

    def ask(address):
        probe.ways_to([address, "::1"])
        during.append(len(descriptors() - before))

    joinall([spawn(ask, f"127.0.0.{i}") for i in range(1, 4)])

    assert max(during) <= 1
    assert descriptors() == before


def test_one_address_needs_no_asking():
    recording = Recording()

    assert Order(recording).best_first(["192.0.2.1"]) == ["192.0.2.1"]
    assert recording.asked == []


def test_for_a_second_the_system_is_not_asked_again(monkeypatch):
    now = 100.0
    monkeypatch.setattr(_order, "monotonic", lambda: now)
    recording = Recording()
    order, asked = Order(recording), recording.asked

    order.best_first(["127.0.0.1", "127.0.0.2"])
    now += 0.9
    order.best_first(["127.0.0.1", "127.0.0.3"])
    assert asked == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    now += 0.2
    order.best_first(["127.0.0.1", "127.0.0.3"])
    assert asked[3:] == ["127.0.0.1", "127.0.0.3"]


def test_of_too_many_addresses_nothing_is_remembered(monkeypatch):
    monkeypatch.setattr(_order, "monotonic", lambda: 100.0)
    recording = Recording()
    order = Order(recording)

    for i in range(2500):
        order.best_first([f"127.1.{i % 256}.{i // 256}", "127.0.0.1"])

    assert recording.asked.count("127.0.0.1") == 3

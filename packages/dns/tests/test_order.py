"""The order of addresses: RFC 6724, with what loopback can tell."""

from __future__ import annotations

import pytest

from hublet.dns import _order
from hublet.dns._order import sorted_addresses
from hublet.dns._source import source_of


@pytest.fixture
def reach(monkeypatch):
    """Return a function that says from which address each destination is reached; the others are not."""

    def reach(**sources):
        table = {destination.replace("_", ":"): source for destination, source in sources.items()}
        monkeypatch.setattr(_order, "source_of", lambda address: _order._packed(table[address]) if address in table else None)

    return lambda table: reach(**{key.replace(":", "_"): value for key, value in table.items()})


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

    assert sorted_addresses(expected) == expected
    assert sorted_addresses(expected[::-1]) == expected


def test_equals_stay_as_the_server_gave_them(reach):
    given = [f"192.0.2.{i}" for i in (7, 3, 9, 1)]
    reach(dict.fromkeys(given, "192.0.2.100"))

    assert sorted_addresses(given) == given


def test_the_system_tells_how_an_address_would_be_reached():
    assert source_of("127.0.0.1") == _order._packed("127.0.0.1")
    assert source_of("ff0e::1%nowhere") is None


def test_asking_the_system_leaves_no_descriptor(descriptors):
    before = descriptors()

    for address in ("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1", "fe80::1%1"):
        source_of(address)

    assert descriptors() == before


def test_one_address_needs_no_asking(monkeypatch):
    monkeypatch.setattr(_order, "source_of", lambda address: pytest.fail("it was asked for"))

    assert sorted_addresses(["192.0.2.1"]) == ["192.0.2.1"]

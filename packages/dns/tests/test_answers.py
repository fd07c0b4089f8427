"""What a well-behaved name server answers, as the five functions of `socket` give it."""

from __future__ import annotations

import socket
import sys

import pytest

from hublet.core import joinall, spawn
from hublet.core.testing import wait_all_parked

STREAM = socket.SOCK_STREAM


def addresses(rows):
    return [row[4][0] for row in rows]


def number_of(error):
    return error.value.errno


def test_a_name_has_addresses_of_both_families(server, resolver):
    rows = resolver.getaddrinfo("www.test", 80, type=STREAM)

    assert sorted(addresses(rows)) == ["192.0.2.1", "2001:db8::1"]
    assert sorted(server.asked("www.test.")) == ["A", "AAAA"]


def test_rows_are_what_the_standard_library_gives(resolver):
    rows = resolver.getaddrinfo("v4.test", "http")

    kinds = [(STREAM, socket.IPPROTO_TCP)]
    assert rows[0] == (socket.AF_INET, *kinds[0], "", ("192.0.2.4", 80))
    assert {row[1] for row in rows} <= set(socket.SocketKind)
    assert all(isinstance(row[0], socket.AddressFamily) and isinstance(row[1], socket.SocketKind) for row in rows)
    assert [row[1:3] for row in rows] == [row[1:3] for row in socket.getaddrinfo("127.0.0.1", "http")]


@pytest.mark.parametrize(
    ("family", "name", "expected"),
    [
        (socket.AF_INET, "www.test", ["192.0.2.1"]),
        (socket.AF_INET6, "www.test", ["2001:db8::1"]),
        (socket.AF_INET, "v4.test", ["192.0.2.4"]),
        (socket.AF_UNSPEC, "v6.test", ["2001:db8::6"]),
    ],
)
def test_only_the_family_that_is_wanted_is_asked_for_and_given(server, resolver, family, name, expected):
    rows = resolver.getaddrinfo(name, 80, family, STREAM)

    assert addresses(rows) == expected
    if family:
        assert server.asked() == ["A" if family == socket.AF_INET else "AAAA"]


@pytest.mark.parametrize("name", ["WWW.Test", b"www.test", "www.test.", "ｗｗｗ.test"])
def test_names_may_be_written_in_many_ways(resolver, name):
    assert addresses(resolver.getaddrinfo(name, 80, socket.AF_INET, STREAM)) == ["192.0.2.1"]


def test_names_outside_of_ascii_are_asked_for_by_their_idna_form(server, resolver):
    server.add("xn--gren-0ra.test. 60 A 192.0.2.30", "xn--grn-ioa.test. 60 A 192.0.2.31")

    assert addresses(resolver.getaddrinfo("grün.test", 80, type=STREAM)) == ["192.0.2.31"]


def test_the_canonical_name_is_at_the_end_of_a_chain_of_aliases(resolver):
    rows = resolver.getaddrinfo("alias.test", 80, 0, STREAM, 0, socket.AI_CANONNAME)

    assert [(row[3], row[4][0]) for row in rows] == [("v4.test", "192.0.2.4")]


def test_the_aliases_of_a_host_are_the_names_that_led_to_it(resolver):
    assert resolver.gethostbyname_ex("alias.test") == ("v4.test", ["alias.test", "second.test"], ["192.0.2.4"])


def test_aliases_that_go_round_in_circles_lead_nowhere(resolver):
    with pytest.raises(socket.gaierror) as caught:
        resolver.getaddrinfo("round.test", 80)

    assert number_of(caught) == socket.EAI_NONAME


def test_the_first_address_of_a_host(resolver):
    assert resolver.gethostbyname("www.test") == "192.0.2.1"


@pytest.mark.parametrize(
    "name", ["nobody.test", "nobody.elsewhere", b"\xff.test", b"a..b", b"x" * 64, "two words", "-x.test"]
)
def test_a_name_that_does_not_exist(resolver, name):
    for function in (lambda name: resolver.getaddrinfo(name, 80), resolver.gethostbyname, resolver.gethostbyname_ex):
        with pytest.raises(socket.gaierror) as caught:
            function(name)

        assert number_of(caught) == socket.EAI_NONAME


def test_names_that_no_host_can_have_are_not_asked_for(server, resolver):
    too_long = b".".join([b"x" * 60] * 5)

    for name in (b"\xff.test", b"a..b", b"x" * 64, "two words", "-x.test", "", "fe80::1%nowhere", too_long):
        with pytest.raises(socket.gaierror):
            resolver.getaddrinfo(name, 80)

    assert server.asked() == []


def test_a_name_that_exists_without_addresses(resolver):
    for function in (lambda name: resolver.getaddrinfo(name, 80), resolver.gethostbyname, resolver.gethostbyname_ex):
        with pytest.raises(socket.gaierror) as caught:
            function("text.test")

        assert number_of(caught) == socket.EAI_NODATA


@pytest.mark.skipif(sys.platform != "linux", reason="other systems treat the flags otherwise")
def test_ipv4_can_be_mapped_into_ipv6(resolver):
    mapped = socket.AI_V4MAPPED

    assert addresses(resolver.getaddrinfo("v4.test", 80, socket.AF_INET6, STREAM, 0, mapped)) == ["::ffff:192.0.2.4"]
    assert addresses(resolver.getaddrinfo("www.test", 80, socket.AF_INET6, STREAM, 0, mapped)) == ["2001:db8::1"]
    both = resolver.getaddrinfo("www.test", 80, socket.AF_INET6, STREAM, 0, mapped | socket.AI_ALL)
    assert sorted(addresses(both)) == ["2001:db8::1", "::ffff:192.0.2.1"]
    with pytest.raises(socket.gaierror):
        resolver.getaddrinfo("text.test", 80, socket.AF_INET6, STREAM, 0, mapped | socket.AI_ALL)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", b"192.0.2.1"])
def test_an_address_has_a_name(resolver, address):
    text = address if isinstance(address, str) else address.decode()

    assert resolver.gethostbyaddr(address) == ("www.test", [], [text])


def test_the_name_of_an_address_may_be_kept_elsewhere(resolver):
    assert resolver.gethostbyaddr("192.0.2.4") == ("v4.test", [], ["192.0.2.4"])


@pytest.mark.parametrize(
    ("address", "number"),
    [("192.0.2.200", 1), ("192.0.2.7", 4), ("192.0.2.8", 4), ("2001:db8::2", 1), ("::", 1)],
    ids=["unknown", "no name", "no host's name", "IPv6", "no address"],
)
def test_an_address_without_a_name(server, resolver, address, number):
    with pytest.raises(socket.herror) as caught:
        resolver.gethostbyaddr(address)

    assert number_of(caught) == number
    assert server.asked() == ([] if address == "::" else ["PTR"])


def test_the_ipv6_address_that_stands_for_all_has_no_name_but_that_of_ipv4_may_have_one(make_resolver):
    resolver = make_resolver(hosts=":: six\n0.0.0.0 four\n")

    assert resolver.getnameinfo(("::", 80, 0, 0), 0) == ("::", "http")
    assert resolver.getnameinfo(("0.0.0.0", 80), 0) == ("four", "http")


def test_an_address_on_one_link_has_no_name_but_its_link(resolver):
    host, service = resolver.getnameinfo(("fe80::1", 80, 0, 1), 0)

    assert (host, service) == socket.getnameinfo(("fe80::1", 80, 0, 1), socket.NI_NUMERICHOST)


def test_a_way_to_write_an_address_that_only_some_functions_know(resolver):
    assert resolver.gethostbyname("0x7f.1") == "127.0.0.1"
    with pytest.raises(socket.herror):
        resolver.gethostbyname_ex("0x7f.1")


def test_a_name_ends_where_the_c_library_sees_its_end(resolver):
    assert addresses(resolver.getaddrinfo(b"v4.test\0.elsewhere", 80, type=STREAM)) == ["192.0.2.4"]


def test_names_and_services_of_socket_addresses(resolver):
    assert resolver.getnameinfo(("192.0.2.1", 80), 0) == ("www.test", "http")
    assert resolver.getnameinfo(("192.0.2.1", 80), socket.NI_NUMERICSERV) == ("www.test", "80")
    assert resolver.getnameinfo(("2001:db8::1", 80, 0, 0), 0) == ("www.test", "http")
    assert resolver.getnameinfo(("::ffff:192.0.2.1", 80, 0, 0), 0) == ("www.test", "http")
    assert resolver.getnameinfo(("192.0.2.200", 80), 0) == ("192.0.2.200", "http")
    with pytest.raises(socket.gaierror) as caught:
        resolver.getnameinfo(("192.0.2.200", 80), socket.NI_NAMEREQD)
    assert number_of(caught) == socket.EAI_NONAME


def test_a_name_is_cut_where_the_own_domain_begins(make_resolver, monkeypatch):
    resolver = make_resolver(hosts="192.0.2.9 myself.test myself\n")
    monkeypatch.setattr("_socket.gethostname", lambda: "myself")

    assert resolver.getnameinfo(("192.0.2.1", 80), socket.NI_NOFQDN) == ("www", "http")


def test_others_run_while_a_server_takes_its_time(server, resolver):
    held = server.hold("www.test.")
    slow = spawn(resolver.getaddrinfo, "www.test", 80, socket.AF_INET, STREAM)
    wait_all_parked()

    quick = resolver.getaddrinfo("v4.test", 80, socket.AF_INET, STREAM)
    assert not slow.ready()
    held.release()

    assert addresses(quick) == ["192.0.2.4"]
    assert addresses(slow.get()) == ["192.0.2.1"]


def test_a_hundred_greenlets_ask_at_once(server, resolver):
    for i in range(100):
        server.add(f"host{i}.test. 60 A 192.0.2.{i}")

    asking = [spawn(resolver.gethostbyname, f"host{i}.test") for i in range(100)]
    joinall(asking)

    assert [each.get() for each in asking] == [f"192.0.2.{i}" for i in range(100)]

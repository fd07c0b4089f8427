"""Answers are kept, but no longer than those who gave them said, and not too many."""

from __future__ import annotations

import socket

import dns.message
import dns.rcode
import pytest

from hublet.core.testing import fake_clock
from hublet.dns._cache import Cache


@pytest.fixture
def clock():
    """Time that passes only when the test says so.  Nothing here may wait while it stands: look-ups do."""
    with fake_clock() as clock:
        yield clock


def test_a_value_is_kept_until_its_time_is_over(clock):
    cache = Cache(10)
    cache.put("key", "value", 5)

    clock.advance(4.9)
    assert cache.get("key") == "value"
    clock.advance(0.2)
    assert cache.get("key") is None
    assert len(cache) == 0


def test_nothing_is_kept_for_longer_than_a_day(clock):
    cache = Cache(10)
    cache.put("key", "value", 10**9)

    clock.advance(86401)

    assert cache.get("key") is None


def test_what_was_used_longest_ago_makes_room(clock):
    cache = Cache(2)
    cache.put(1, "one", 60)
    cache.put(2, "two", 60)
    cache.get(1)

    cache.put(3, "three", 60)

    assert (cache.get(1), cache.get(2), cache.get(3)) == ("one", None, "three")


def test_without_room_or_time_nothing_is_kept(clock):
    nothing, cache = Cache(0), Cache(10)

    nothing.put("key", "value", 60)
    cache.put("key", "value", 0)

    assert (len(nothing), len(cache)) == (0, 0)


def test_a_name_is_asked_for_once_however_it_is_written(server, make_resolver):
    resolver = make_resolver()

    for name in ("www.test", "WWW.TEST", "www.test."):
        assert resolver.gethostbyname(name) == "192.0.2.1"

    assert server.asked() == ["A"]


def test_a_family_that_is_missing_is_asked_for_alone(server, make_resolver):
    resolver = make_resolver()
    resolver.getaddrinfo("www.test", 80, socket.AF_INET)

    resolver.getaddrinfo("www.test", 80)

    assert server.asked() == ["A", "AAAA"]


def test_the_shortest_time_on_a_chain_of_aliases_counts(server, make_resolver):
    server.add("short.test. 0 CNAME v4.test.")
    resolver = make_resolver()

    resolver.gethostbyname("short.test")
    resolver.gethostbyname("short.test")

    assert server.asked() == ["A", "A"]


def test_that_an_alias_has_no_address_of_a_family_is_kept(server, make_resolver):
    server.add("cdn.test. 60 CNAME v4.test.")
    resolver = make_resolver()

    for _ in range(3):
        resolver.getaddrinfo("cdn.test", 80)

    assert sorted(server.asked()) == ["A", "AAAA"]


@pytest.mark.parametrize("name", ["nobody.test.", "text.test."])
def test_that_there_is_nothing_at_the_end_of_an_alias_is_kept_no_longer_than_the_alias(server, make_resolver, name):
    server.add(f"short.test. 0 CNAME {name}")
    resolver = make_resolver()

    for _ in range(2):
        with pytest.raises(socket.gaierror):
            resolver.gethostbyname("short.test.")

    assert server.asked() == ["A", "A"]


@pytest.mark.parametrize("name", ["nobody.test.", "text.test."])
def test_that_there_is_nothing_is_kept_as_long_as_the_zone_says(server, make_resolver, name):
    resolver = make_resolver()

    for _ in range(2):
        with pytest.raises(socket.gaierror):
            resolver.gethostbyname(name)

    assert server.asked() == ["A"]


@pytest.mark.parametrize("name", ["nobody.short", "nobody.long"])
def test_that_there_is_nothing_is_kept_for_the_shorter_of_two_times(server, make_resolver, name):
    server.add("short. 20 SOA ns.short. root.short. 1 2 3 4 3600", "long. 3600 SOA ns.long. root.long. 1 2 3 4 20")

    names = make_resolver()._names
    (answer,) = names.ask(name, ("A",), names.settings())

    assert answer.ttl == 20


@pytest.mark.parametrize("name", ["nobody.elsewhere.", "text.elsewhere."])
def test_that_there_is_nothing_is_not_kept_where_nobody_says_for_how_long(server, make_resolver, name):
    server.add("text.elsewhere. 60 TXT none")
    resolver = make_resolver()

    for _ in range(2):
        with pytest.raises(socket.gaierror):
            resolver.gethostbyname(name)

    assert server.asked() == ["A", "A"]


@pytest.mark.parametrize(("ttl", "kept"), [(2**31 - 1, 2**31 - 1), (2**31, 0), (2**32 - 1, 0)])
@pytest.mark.parametrize("name", ["host.old", "alias.old", "nobody.old", "text.new"])
def test_a_time_of_more_than_31_bits_is_none(server, make_resolver, name, ttl, kept):
    server.add(
        *(f"host.old. {ttl} A 192.0.2.9", f"alias.old. {2**31 - 1} CNAME host.old."),
        *(f"old. {ttl} SOA ns.old. root.old. 1 2 3 4 {2**31 - 1}", f"new. {2**31 - 1} SOA ns.new. root.new. 1 2 3 4 {ttl}"),
        "text.new. 60 TXT only",
    )

    names = make_resolver()._names
    (answer,) = names.ask(name, ("A",), names.settings())

    assert answer.ttl == kept


def test_failures_are_not_kept(server, make_resolver):
    def fails_with_authority(asked):
        reply = asked.server.reply(dns.message.make_query("nobody.test.", "A"))
        reply.id, reply.question = asked.query.id, asked.query.question
        reply.set_rcode(dns.rcode.SERVFAIL)
        asked.send_message(reply)

    resolver = make_resolver()
    server.behave("v4.test.", fails_with_authority)
    with pytest.raises(socket.gaierror):
        resolver.gethostbyname("v4.test.")

    server.behave("v4.test.", lambda asked: asked.send_message(asked.reply()))

    assert resolver.gethostbyname("v4.test.") == "192.0.2.4"


def test_other_settings_mean_other_answers(server, make_resolver, tmp_path):
    resolver = make_resolver()
    resolver.gethostbyname("v4.test.")

    (tmp_path / "resolv.conf").write_text("options attempts:2\n")
    resolver.gethostbyname("v4.test.")

    assert server.asked() == ["A", "A"]

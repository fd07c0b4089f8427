"""Name servers that are slow, silent, broken, or somebody else; and greenlets that do not wait for them to the end."""

from __future__ import annotations

import random
import socket

import dns.flags
import dns.message
import dns.name
import pytest
from nameserver import (
    ZONE,
    NameServer,
    does_not_understand,
    fails,
    hangs_up,
    is_silent,
    says,
    sends_back,
    sends_first,
    sends_in_pieces,
    truncates,
)

from hublet.core import Timeout, spawn
from hublet.core.testing import fake_clock, wait_all_parked

STREAM = socket.SOCK_STREAM


def addresses(rows):
    return [row[4][0] for row in rows]


def look_up(resolver, name="v4.test", family=socket.AF_INET):
    return addresses(resolver.getaddrinfo(name, 80, family, STREAM))


def test_a_reply_that_was_cut_off_is_asked_for_again_over_tcp(server, resolver):
    server.behave("v4.test.", truncates)

    assert look_up(resolver) == ["192.0.2.4"]
    assert [question.over for question in server.questions] == ["udp", "tcp"]


@pytest.mark.parametrize("kind", ["dnspython"])  # c-ares makes connections as it likes
def test_both_families_are_asked_for_again_over_one_connection(server, resolver):
    server.behave("www.test.", truncates)

    assert sorted(look_up(resolver, "www.test", 0)) == ["192.0.2.1", "2001:db8::1"]
    over_tcp = [question for question in server.questions if question.over == "tcp"]
    assert len(over_tcp) == 2
    assert len({question.peer for question in over_tcp}) == 1


def test_more_addresses_than_a_datagram_holds_are_all_given(server, resolver):
    expected = [f"198.51.100.{i}" for i in range(1, 200)]
    server.add(*(f"large.test. 60 A {address}" for address in expected))

    assert sorted(look_up(resolver, "large.test")) == sorted(expected)


def test_a_reply_that_comes_in_pieces_is_put_together(server, resolver):
    server.behave("v4.test.", sends_in_pieces)

    assert look_up(resolver) == ["192.0.2.4"]
    assert [question.over for question in server.questions] == ["udp", "tcp"]


def test_a_server_that_hangs_up_is_asked_again(server, kind, make_resolver):
    server.behave("v4.test.", hangs_up)

    with Timeout(4), pytest.raises(socket.gaierror) as caught:
        look_up(make_resolver("options attempts:2\n"), "v4.test.")

    assert caught.value.errno == socket.EAI_AGAIN
    ways = [question.over for question in server.questions]
    assert ways[:2] == ["udp", "tcp"]
    assert len(ways) > 2
    assert ways == ["udp", "tcp"] * 2 or kind == "cares"  # which tries more often


def a_wrong_id(asked):
    wire = bytearray(asked.reply().to_wire())
    wire[0] ^= 0xFF
    return bytes(wire)


def another_name(asked):
    query = dns.message.make_query("v5.test.", "A")
    query.id = asked.query.id
    return asked.server.reply(query).to_wire()


def another_kind(asked):
    query = dns.message.make_query(asked.query.question[0].name, "TXT")
    query.id = asked.query.id
    return asked.server.reply(query).to_wire()


def no_reply_but_the_query(asked):
    return asked.question.wire


def garbage(asked):
    return bytes(random.Random(1).randrange(256) for _ in range(200))


def the_right_head_and_then_garbage(asked):
    return asked.reply().to_wire()[:-2]


def too_short(asked):
    return asked.question.wire[:2] + b"\x80"


def nothing(asked):
    return b""


OF_SOMETHING_ELSE = [a_wrong_id, another_name, another_kind, nothing]
BROKEN = [garbage, the_right_head_and_then_garbage, too_short]
BAD = [*OF_SOMETHING_ELSE, *BROKEN]


@pytest.mark.parametrize(
    ("kind", "bad"),
    # c-ares stops listening at what is no message, and asks again.
    [*(("dnspython", bad) for bad in [*BAD, no_reply_but_the_query]), *(("cares", bad) for bad in OF_SOMETHING_ELSE)],
)
def test_what_is_no_reply_is_passed_over_until_the_right_one_comes(server, resolver, bad):
    server.behave("v4.test.", sends_first(bad, bad))

    assert look_up(resolver) == ["192.0.2.4"]
    assert len(server.questions) == 1


def test_a_reply_from_another_address_is_not_believed(server, make_resolver):
    def forge(asked):
        forged = asked.reply()
        forged.answer[0] = dns.rrset.from_text("v4.test.", 60, "IN", "A", "203.0.113.66")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.sendto(forged.to_wire(), asked.question.peer)
        asked.send_message(asked.reply())

    server.behave("v4.test.", forge)

    assert look_up(make_resolver(cache_size=0)) == ["192.0.2.4"]


def test_an_answer_that_comes_when_the_next_attempt_is_under_way_is_not_believed(server, make_resolver):
    asked_before = []

    def answers_too_late(asked):
        if not asked_before:
            asked_before.append(asked)
        first = asked_before[0]
        # c-ares may send it twice in one attempt.
        if (asked.question.peer, asked.query.id) != (first.question.peer, first.query.id):
            late = first.reply()
            late.answer[0] = dns.rrset.from_text("v4.test.", 60, "IN", "A", "203.0.113.66")
            first.send_message(late)
            asked.send_message(asked.reply())

    server.behave("v4.test.", answers_too_late)

    assert look_up(make_resolver(timeout=0.3, attempts=2)) == ["192.0.2.4"]


@pytest.mark.parametrize("bad", [*BAD, None])
def test_a_server_that_never_answers_rightly_is_a_temporary_failure(server, kind, make_resolver, bad):
    resolver = make_resolver(timeout=0.05, attempts=2)
    server.behave("v4.test.", is_silent if bad is None else lambda asked: asked.send(bad(asked)))

    with pytest.raises(socket.gaierror) as caught:
        look_up(resolver)

    assert caught.value.errno == socket.EAI_AGAIN
    asked = server.asked("v4.test.", 2)
    assert asked == ["A", "A"] or (kind == "cares" and bad in BROKEN and len(asked) > 2)


@pytest.mark.parametrize("bad", [sends_back, does_not_understand])
def test_what_is_no_reply_to_this_question_is_no_answer(server, make_resolver, bad):
    resolver = make_resolver(timeout=0.05, attempts=2)
    server.behave("v4.test.", bad)

    with pytest.raises(socket.gaierror) as caught:
        look_up(resolver)

    assert caught.value.errno == socket.EAI_AGAIN


@pytest.mark.parametrize("bad", BROKEN)
def test_a_second_server_is_asked_when_the_first_sends_garbage(server, second_server, make_resolver, bad):
    resolver = make_resolver(nameservers=[(each.address, each.port) for each in (server, second_server)], timeout=1)
    server.behave("v4.test.", lambda asked: asked.send(bad(asked)))

    assert look_up(resolver) == ["192.0.2.4"]


def test_waiting_for_a_silent_server_doubles_with_each_attempt(make_resolver):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        resolver = make_resolver("options timeout:3 attempts:3\n", nameservers=[deaf.getsockname()])
        with fake_clock() as clock:
            begun = clock.now()
            with pytest.raises(socket.gaierror) as caught:
                look_up(resolver, "v4.test.")
            taken = clock.now() - begun

    assert caught.value.errno == socket.EAI_AGAIN
    assert taken == pytest.approx(3 + 6 + 12)


def test_a_second_server_is_asked_when_the_first_is_silent(server, second_server, make_resolver):
    resolver = make_resolver(nameservers=[(each.address, each.port) for each in (server, second_server)], timeout=0.4)
    server.behave("v4.test.", is_silent)

    assert look_up(resolver) == ["192.0.2.4"]
    assert (server.asked(at_least=1), second_server.asked()) == (["A"], ["A"])


@pytest.mark.parametrize("rcode", [2, 4, 5], ids=["SERVFAIL", "NOTIMP", "REFUSED"])
def test_a_second_server_is_asked_when_the_first_fails(server, second_server, make_resolver, rcode):
    resolver = make_resolver(nameservers=[(each.address, each.port) for each in (server, second_server)])
    server.behave("v4.test.", says(rcode))

    with Timeout(5):  # at once, not when the first one's time is up
        assert look_up(resolver) == ["192.0.2.4"]


def test_a_second_server_is_asked_at_once_when_nobody_listens_at_the_first(server, make_resolver):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = unused.getsockname()
    resolver = make_resolver(nameservers=[nobody, (server.address, server.port)])

    with Timeout(4):
        assert look_up(resolver) == ["192.0.2.4"]


def test_a_server_whose_tcp_is_shut_is_no_answer(second_server, make_resolver):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as half:
        half.bind(("127.0.0.1", 0))
        resolver = make_resolver(nameservers=[half.getsockname(), (second_server.address, second_server.port)])
        asking = spawn(look_up, resolver)
        wait_all_parked()
        wire, peer = half.recvfrom(512)
        half.sendto(wire[:2] + bytes([wire[2] | 0x82, wire[3]]) + wire[4:], peer)

        with Timeout(4):
            assert asking.get() == ["192.0.2.4"]


@pytest.mark.parametrize("rcode", [2, 4, 5], ids=["SERVFAIL", "NOTIMP", "REFUSED"])
def test_if_all_servers_fail_that_is_a_temporary_failure(server, second_server, make_resolver, rcode):
    resolver = make_resolver(nameservers=[(each.address, each.port) for each in (server, second_server)])
    for each in (server, second_server):
        each.behave("v4.test.", says(rcode))

    with pytest.raises(socket.gaierror) as caught:
        look_up(resolver)

    assert caught.value.errno == socket.EAI_AGAIN
    assert (server.asked("v4.test."), second_server.asked("v4.test.")) == (["A"], ["A"])


def test_the_name_of_an_address_can_fail_temporarily(server, resolver):
    server.behave("1.2.0.192.in-addr.arpa.", fails)

    with pytest.raises(socket.herror) as caught:
        resolver.gethostbyaddr("192.0.2.1")
    assert caught.value.errno == 2
    with pytest.raises(socket.gaierror) as caught:
        resolver.getnameinfo(("192.0.2.1", 80), 0)
    assert caught.value.errno == socket.EAI_AGAIN


@pytest.mark.parametrize("rcode", [1, 6, 11])
def test_a_server_that_fails_in_a_rare_way_has_the_last_word(server, second_server, make_resolver, rcode):
    resolver = make_resolver(nameservers=[(each.address, each.port) for each in (server, second_server)])
    server.behave("v4.test.", says(rcode))

    with pytest.raises(socket.gaierror) as caught:
        look_up(resolver, "v4.test.")

    assert caught.value.errno == socket.EAI_NONAME
    assert second_server.asked() == []


@pytest.mark.parametrize("bad", BROKEN)
def test_a_broken_reply_does_no_harm_to_other_questions(server, make_resolver, bad):
    resolver = make_resolver("options attempts:1 timeout:1\n")
    held = server.hold("www.test.")
    server.behave("v4.test.", lambda asked: asked.send(bad(asked)))
    other = spawn(look_up, resolver, "www.test")
    wait_all_parked()
    held.wait_until_asked()

    with Timeout(0.3, False):  # c-ares gives up sooner
        with pytest.raises(socket.gaierror):
            look_up(resolver, "v4.test.")
    held.release()

    assert other.get() == ["192.0.2.1"]


def test_one_family_is_given_although_the_other_fails(server, resolver):
    def only_ipv4(asked):
        asked.send_message(asked.reply()) if asked.question.kind == "A" else fails(asked)

    server.behave("www.test.", only_ipv4)

    assert look_up(resolver, "www.test", 0) == ["192.0.2.1"]
    assert sorted(server.asked()) == ["A", "AAAA"]


def test_one_family_is_given_although_the_other_is_never_answered(server, make_resolver):
    def only_ipv4(asked):
        asked.send_message(asked.reply()) if asked.question.kind == "A" else is_silent(asked)

    server.behave("www.test.", only_ipv4)
    resolver = make_resolver(timeout=0.2, attempts=2)

    assert look_up(resolver, "www.test", 0) == ["192.0.2.1"]
    # Only what is missing is asked for again; c-ares may do so sooner.
    assert sorted(server.asked(at_least=3))[:3] == ["A", "AAAA", "AAAA"]


def test_ids_and_ports_cannot_be_guessed(server, resolver):
    for i in range(20):
        with pytest.raises(socket.gaierror):
            look_up(resolver, f"nobody{i}.test.")

    assert len({question.peer[1] for question in server.questions}) > 10
    assert len({question.wire[:2] for question in server.questions}) > 10


@pytest.mark.parametrize("over", ["udp", "tcp"])
def test_a_greenlet_that_is_killed_while_it_asks_ends_at_once_and_leaves_no_descriptor(
    server, make_resolver, descriptors, over
):
    resolver = make_resolver("options use-vc\n" if over == "tcp" else "")
    held = server.hold("v4.test.")
    look_up(resolver, "www.test")  # what is opened once is open now
    before = len(descriptors())
    asking = spawn(look_up, resolver)
    wait_all_parked()
    held.wait_until_asked()

    asking.kill()

    assert asking.ready()
    in_server = 1 if over == "tcp" else 0  # the name server's end of the connection is here too
    assert len(descriptors()) <= before + in_server


def test_a_timeout_ends_a_look_up_and_leaves_no_descriptor(server, make_resolver, descriptors):
    resolver = make_resolver()
    server.behave("v4.test.", is_silent)
    look_up(resolver, "www.test")
    before = descriptors()
    timeout = Timeout(0.02)

    with pytest.raises(Timeout) as caught, timeout:
        look_up(resolver)

    assert caught.value is timeout
    assert descriptors() == before


def test_a_timeout_that_raises_an_error_of_the_system_is_not_taken_for_one(server, make_resolver):
    server.behave("v4.test.", is_silent)
    error = TimeoutError("of the greenlet")

    with pytest.raises(TimeoutError) as caught, Timeout(0.02, error):
        look_up(make_resolver("options attempts:1\n"))

    assert caught.value is error


def test_a_server_that_floods_with_garbage_is_left(server, second_server, make_resolver):
    resolver = make_resolver(nameservers=[(each.address, each.port) for each in (server, second_server)])
    server.behave("v4.test.", lambda asked: [asked.send(b"\xff" * 100) for _ in range(1000)])

    with Timeout(4):
        assert look_up(resolver) == ["192.0.2.4"]


def test_closing_the_resolver_ends_look_ups_and_may_be_done_twice(server, make_resolver, descriptors):
    resolver = make_resolver("options attempts:3\n")
    held = server.hold("v4.test.")
    look_up(resolver, "www.test")
    before = descriptors()
    asking = spawn(look_up, resolver)
    wait_all_parked()
    held.wait_until_asked()

    resolver.close()
    resolver.close()

    with pytest.raises(socket.gaierror) as caught:
        asking.get()
    assert caught.value.errno == socket.EAI_AGAIN
    assert descriptors() == before
    assert server.asked("v4.test.") == ["A"]


def test_servers_take_turns_if_that_is_asked_for(server, second_server, make_resolver):
    servers = [(each.address, each.port) for each in (server, second_server)]
    resolver = make_resolver("options rotate\n", nameservers=servers, cache_size=0)

    for _ in range(4):
        look_up(resolver)

    assert (len(server.questions), len(second_server.questions)) == (2, 2)


def test_tcp_can_be_the_only_way(server, make_resolver):
    look_up(make_resolver("options use-vc\n"))

    assert [question.over for question in server.questions] == ["tcp"]


@pytest.mark.parametrize(("conf", "expected"), [("", -1), ("options edns0\n", 0)])
def test_larger_replies_can_be_asked_for(server, make_resolver, conf, expected):
    look_up(make_resolver(conf))

    assert dns.message.from_wire(server.questions[0].wire).edns == expected


def test_servers_may_be_reached_over_ipv6(make_resolver):
    try:
        server = NameServer("::1")
    except OSError:
        pytest.skip("this machine has no IPv6 on loopback")
    server.add(*ZONE)
    try:
        assert look_up(make_resolver(nameservers=[("::1", server.port)])) == ["192.0.2.4"]
    finally:
        server.close()

"""One question, however many ask: who joins, who leaves, and what becomes of the rest."""

from __future__ import annotations

import gc
import socket
import threading

import pytest
from nameserver import fails, is_silent

from hublet.core import InvalidThreadUseError, Timeout, get_hub, joinall, spawn
from hublet.core.testing import wait_all_parked
from hublet.dns import CacheInfo, cache_clear, cache_info
from hublet.dns._channel import Channel
from hublet.dns._flights import Flight, Flights
from hublet.dns._questions import Attempt
from hublet.dns._resolv_conf import Server, Settings

STREAM = socket.SOCK_STREAM


@pytest.fixture(params=[0, 1000], ids=["without cache", "with cache"])
def resolver(request, make_resolver):
    """A resolver that keeps nothing, and one that does: joining a flight is not caching."""
    return make_resolver(cache_size=request.param)


def ask_in_greenlets(resolver, server, count=10, name="www.test"):
    """Spawn greenlets that ask for one name, which the server holds back; return them and what releases the answer."""
    held = server.hold(f"{name}.")
    asking = [spawn(resolver.gethostbyname, name) for _ in range(count)]
    wait_all_parked()
    held.wait_until_asked()
    return asking, held


def ask_two(resolver, server):
    """Spawn who asks for a name that the server holds back, and another for one of which it says nothing; return as above."""
    asking, held = ask_in_greenlets(resolver, server, 1)
    server.behave("v4.test.", is_silent)
    other = spawn(resolver.gethostbyname, "v4.test")
    wait_all_parked()
    return asking, held, other


def test_many_greenlets_ask_one_question(server, resolver):
    asking, held = ask_in_greenlets(resolver, server)

    held.release()
    joinall(asking)

    assert {each.get() for each in asking} == {"192.0.2.1"}
    assert server.asked() == ["A"]
    assert resolver.cache_info().shared == 9


@pytest.mark.parametrize("name", ["www.test", "nobody.test"])
def test_a_question_that_was_answered_is_freed_without_the_collector(server, resolver, name):
    gc.collect()
    gc.disable()
    try:
        spawn(resolver.gethostbyname, name).join()
        left = [each for each in gc.get_objects() if isinstance(each, (Attempt, Flight))]
    finally:
        gc.enable()

    assert left == []


def test_who_wants_more_joins_for_what_is_asked_and_asks_for_the_rest(server, resolver):
    (first,), held = ask_in_greenlets(resolver, server, 1)
    second = spawn(resolver.getaddrinfo, "www.test", 80, 0, STREAM)
    wait_all_parked()

    held.release()

    assert first.get() == "192.0.2.1"
    assert len(second.get()) == 2
    assert sorted(server.asked()) == ["A", "AAAA"]


def test_names_that_differ_in_case_alone_are_one_question(server, resolver):
    held = server.hold("www.test.")
    asking = [spawn(resolver.gethostbyname, name) for name in ("www.test", "WWW.Test", "www.test.")]
    wait_all_parked()

    held.release()
    joinall(asking)

    assert server.asked() == ["A"]


@pytest.mark.parametrize("killed", [0, 1, 9], ids=["the first", "the second", "the last"])
def test_a_killed_asker_does_not_take_the_flight_from_the_others(server, resolver, killed):
    asking, held = ask_in_greenlets(resolver, server)

    asking.pop(killed).kill()
    held.release()
    joinall(asking)

    assert {each.get() for each in asking} == {"192.0.2.1"}
    assert server.asked() == ["A"]


def test_when_the_last_asker_leaves_nothing_is_left(server, resolver, descriptors):
    resolver.gethostbyname("v4.test")
    before = descriptors()
    asking, held = ask_in_greenlets(resolver, server)

    for each in asking:
        each.kill()

    assert descriptors() == before
    held.release()
    assert resolver.gethostbyname("www.test") == "192.0.2.1"
    assert server.asked("www.test.") == ["A", "A"]


def test_a_killed_asker_of_another_question_leaves_the_rest_alone(server, resolver):
    asking, held, other = ask_two(resolver, server)

    other.kill()
    held.release()

    assert asking[0].get() == "192.0.2.1"


def test_a_question_that_is_given_up_is_forgotten_though_others_wait(server, resolver):
    asking, held, other = ask_two(resolver, server)

    other.kill()
    del other  # the error that ended it knows all that it was doing
    wait_all_parked()
    gc.collect()

    assert [repr(each) for each in gc.get_objects() if isinstance(each, Flight)] == ["<look-up of 'www.test' A>"]
    held.release()
    assert asking[0].get() == "192.0.2.1"


def test_the_hub_does_not_stay_for_a_question_that_is_given_up(server, resolver, descriptors):
    before = descriptors()
    asking, held, other = ask_two(resolver, server)

    other.kill()
    held.release()

    assert asking[0].get() == "192.0.2.1"
    assert get_hub().join(1)
    assert descriptors() == before


@pytest.mark.parametrize("kind", ["cares"])
def test_a_channel_does_not_gather_questions_that_were_given_up(server, make_resolver):
    resolver = make_resolver()
    asking, held = ask_in_greenlets(resolver, server, 1)
    server.behave("v4.test.", is_silent)

    for _ in range(200):
        with pytest.raises(Timeout), Timeout(0):
            resolver.gethostbyname("v4.test")

    channels = [each for each in gc.get_objects() if isinstance(each, Channel)]
    assert len(channels) > 1
    assert all(each.given_up <= 64 for each in channels)
    held.release()
    assert asking[0].get() == "192.0.2.1"


def test_a_failure_is_shared(server, make_resolver):
    resolver = make_resolver("options attempts:1\n")
    held = server.hold("nobody.test.")
    asking = [spawn(resolver.gethostbyname, "nobody.test") for _ in range(5)]
    wait_all_parked()

    held.release()
    joinall(asking)

    assert [each.exception.errno for each in asking] == [socket.EAI_NONAME] * 5
    assert server.asked() == ["A"]


def test_silence_is_shared_and_each_server_is_asked_once_an_attempt(server, second_server, make_resolver):
    servers = [(each.address, each.port) for each in (server, second_server)]
    resolver = make_resolver(nameservers=servers, timeout=0.03, attempts=2)
    for each in (server, second_server):
        each.behave("v4.test.", is_silent)

    asking = [spawn(resolver.gethostbyname, "v4.test") for _ in range(5)]
    joinall(asking)

    assert [each.exception.errno for each in asking] == [socket.EAI_AGAIN] * 5
    assert (server.asked(at_least=2), second_server.asked(at_least=2)) == (["A", "A"], ["A", "A"])


def test_if_the_asker_who_would_try_the_next_server_is_killed_another_one_does(server, second_server, make_resolver):
    servers = [(each.address, each.port) for each in (server, second_server)]
    resolver = make_resolver(nameservers=servers)
    held = server.hold("v4.test.")
    asking = [spawn(resolver.gethostbyname, "v4.test") for _ in range(3)]
    wait_all_parked()
    held.wait_until_asked()
    server.behave("v4.test.", fails)

    asking[0].kill()
    for asked in held.waiting():
        fails(asked)

    assert [each.get() for each in asking[1:]] == ["192.0.2.4"] * 2
    assert second_server.asked() == ["A"]


def test_a_timeout_of_one_asker_is_not_that_of_the_others(server, resolver):
    asking, held = ask_in_greenlets(resolver, server)

    with pytest.raises(Timeout), Timeout(0.02):
        resolver.gethostbyname("www.test")
    held.release()
    joinall(asking)

    assert {each.get() for each in asking} == {"192.0.2.1"}


def test_closing_the_resolver_fails_what_is_under_way_and_all_that_comes(server, resolver):
    asking, _ = ask_in_greenlets(resolver, server)

    resolver.close()
    joinall(asking)

    assert {each.exception.errno for each in asking} == {socket.EAI_AGAIN}
    with pytest.raises(socket.gaierror) as caught:
        resolver.gethostbyname("v4.test")
    assert caught.value.errno == socket.EAI_AGAIN


def test_when_nothing_is_asked_there_is_nothing_for_the_hub_to_wait_for(resolver):
    resolver.gethostbyname("www.test")

    assert get_hub().join(1)


class Broken:
    """A sender with a bug."""

    def send(self, attempt):
        spawn(self.fail, attempt)

    def fail(self, attempt):
        attempt.finish(ZeroDivisionError("a bug"))

    def close(self):
        pass


class Worse(Broken):
    """One that fails right away."""

    def send(self, attempt):
        raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("sender", [Broken, Worse])
def test_what_goes_wrong_in_a_flight_is_raised_in_each_who_waits_for_it(sender):
    flights = Flights(sender(), lambda *arguments: None)
    settings = Settings((Server.at("127.0.0.1"),), ())
    asking = [spawn(flights.ask, "name", "name", ("A",), settings) for _ in range(3)]

    for each in asking:
        with pytest.raises(ZeroDivisionError):
            each.get()
    assert flights._under_way == {}


def test_a_resolver_that_a_hub_uses_cannot_be_used_by_another(server, resolver):
    asking, held = ask_in_greenlets(resolver, server)
    raised = []

    def use():
        try:
            resolver.gethostbyname("v4.test")
        except InvalidThreadUseError as error:
            raised.append(error)
        get_hub().destroy()

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    held.release()

    assert "give the hub of each thread its own" in str(raised[0])
    joinall(asking)


# What is told of the cache


def test_the_cache_says_what_it_did(make_resolver):
    resolver = make_resolver(cache_size=2)

    for name in ("www.test", "www.test", "v4.test", "text.test", "www.test"):
        try:
            resolver.gethostbyname(name)
        except socket.gaierror:
            pass

    assert resolver.cache_info() == CacheInfo(hits=1, misses=4, shared=0, maxsize=2, currsize=2)
    resolver.cache_clear()
    assert resolver.cache_info() == CacheInfo(hits=1, misses=4, shared=0, maxsize=2, currsize=0)


@pytest.fixture
def hub(request):
    """The hub of this thread, which has its own resolver again afterwards."""
    hub = get_hub()
    before = hub.resolver
    yield hub
    hub.resolver = before


def test_the_module_tells_of_the_resolver_in_use(hub, make_resolver):
    hub.resolver = make_resolver()
    hub.resolver.gethostbyname("www.test")

    assert cache_info().currsize == 1
    assert cache_info(hub.resolver).currsize == 1
    cache_clear()
    assert cache_info().currsize == 0


@pytest.mark.parametrize("kind", ["cares"])
def test_a_resolver_without_a_cache_keeps_nothing(hub, kind):
    from hublet.core.resolvers import BlockingResolver

    hub.resolver = BlockingResolver()

    assert cache_info() == CacheInfo(0, 0, 0, 0, 0)
    cache_clear()


@pytest.mark.parametrize("size", [0, 7])
def test_the_size_of_the_cache_is_a_setting(resolver_class, monkeypatch, size):
    from hublet.core import config

    monkeypatch.setitem(config.__dict__, "dns_cache_size", size)

    assert resolver_class().cache_info().maxsize == size


def test_without_a_cache_each_look_up_asks(server, make_resolver):
    resolver = make_resolver(cache_size=0)

    for name in ("www.test", "www.test", "text.test", "text.test", "nobody.test", "nobody.test"):
        try:
            resolver.gethostbyname(name)
        except socket.gaierror:
            pass

    assert server.asked() == ["A"] * 6

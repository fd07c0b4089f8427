"""Resolvers and the hubs that they live in: each of the loops, several at once, forked ones, and their end."""

from __future__ import annotations

import importlib.util
import os
import socket
import threading

import pytest
from nameserver import is_silent, truncates

from hublet.core import Timeout, compiled, config, get_hub, joinall, spawn
from hublet.core.testing import wait_all_parked
from hublet.dns._channel import Channel
from hublet.dns._questions import Attempt, Question
from hublet.dns._resolv_conf import Server, Settings

LOOPS = {"native": compiled, "selectors": True, "pyuv": importlib.util.find_spec("pyuv") is not None}


def in_thread(function, *arguments):
    """Call *function* in a native thread of its own, which has a hub of its own, and return what it returns."""
    done = []

    def body():
        try:
            done.append((function(*arguments), None))
        except BaseException as error:
            done.append((None, error))
        finally:
            get_hub().destroy()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(30)
    ((result, error),) = done
    if error is not None:
        raise error
    return result


@pytest.fixture(params=LOOPS)
def loop(request, monkeypatch):
    """The name of a loop, which new hubs have."""
    if not LOOPS[request.param]:
        pytest.skip(f"the loop {request.param} is not there")
    monkeypatch.setitem(config.__dict__, "loop", request.param)
    return request.param


def test_names_are_looked_up_on_each_loop(server, make_resolver, loop):
    server.behave("v4.test.", truncates)
    server.add(*(f"host{i}.test. 60 A 192.0.2.{i}" for i in range(100)))

    def look_up():
        assert get_hub().loop.name == loop
        resolver = make_resolver(cache_size=0)
        found = [resolver.gethostbyname("v4.test"), resolver.gethostbyname("v4.test")]
        asking = [spawn(resolver.gethostbyname, f"host{i}.test") for i in range(100)]
        joinall(asking)
        resolver.close()
        return found + [each.get() for each in asking]

    assert in_thread(look_up) == ["192.0.2.4"] * 2 + [f"192.0.2.{i}" for i in range(100)]


def test_a_look_up_is_killed_on_each_loop(server, make_resolver, descriptors, loop):
    server.behave("v4.test.", is_silent)

    def look_up():
        resolver = make_resolver()
        resolver.gethostbyname("www.test")
        before = descriptors()
        asking = [spawn(resolver.gethostbyname, name) for name in ("v4.test", "v4.test.one")]
        wait_all_parked()
        for each in asking:
            each.kill()
        with pytest.raises(Timeout), Timeout(0.01):
            resolver.gethostbyname("v4.test")
        after = descriptors()
        found = resolver.gethostbyname("www.test"), get_hub().loop.waiting
        resolver.close()
        return before, after, found

    before, after, found = in_thread(look_up)

    assert after == before
    assert found == ("192.0.2.1", 0)


def test_nothing_polls_while_a_server_is_silent(server, make_resolver):
    server.behave("v4.test.", is_silent)
    resolver = make_resolver(timeout=0.2, attempts=1)
    resolver.gethostbyname("www.test")
    scheduler = get_hub().scheduler
    before = scheduler.turns

    with pytest.raises(socket.gaierror):
        resolver.gethostbyname("v4.test")

    assert scheduler.turns - before < 10


def test_many_hubs_look_up_at_once(server, make_resolver):
    server.add(*(f"host{i}.test. 60 A 192.0.2.{i}" for i in range(20)))
    found = []

    def look_up():
        resolver = make_resolver(cache_size=0)
        asking = [spawn(resolver.gethostbyname, f"host{i}.test") for i in range(20)]
        joinall(asking)
        resolver.close()
        found.append([each.get() for each in asking])

    threads = [threading.Thread(target=in_thread, args=(look_up,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert found == [[f"192.0.2.{i}" for i in range(20)]] * 5


def test_several_resolvers_in_one_hub_have_nothing_in_common(server, second_server, make_resolver):
    second_server.add("here.test. 60 A 192.0.2.50")
    server.add("here.test. 60 A 192.0.2.51")
    first = make_resolver()
    second = make_resolver(nameservers=[(second_server.address, second_server.port)])

    asking = [spawn(resolver.gethostbyname, "here.test") for resolver in (first, second)]
    joinall(asking)
    first.close()

    assert [each.get() for each in asking] == ["192.0.2.51", "192.0.2.50"]
    assert second.gethostbyname("v4.test") == "192.0.2.4"


def test_it_is_closed_with_its_hub(server, make_resolver, descriptors):
    server.behave("v4.test.", is_silent)
    make_resolver().gethostbyname("www.test")
    before = descriptors()

    def look_up():
        resolver = make_resolver(hub=get_hub())
        spawn(resolver.gethostbyname, "v4.test")
        wait_all_parked()
        return resolver

    resolver = in_thread(look_up)

    assert descriptors() == before
    with pytest.raises(socket.gaierror):
        resolver.gethostbyname("v4.test")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_looks_up_without_taking_what_its_parent_is_sent(server, make_resolver):
    resolver = make_resolver("options attempts:1\n", cache_size=0)
    held = server.hold("www.test.")
    asking = spawn(resolver.gethostbyname, "www.test")
    wait_all_parked()
    held.wait_until_asked()

    pid = os.fork()
    if pid == 0:
        try:
            with Timeout(10):
                os._exit(0 if resolver.gethostbyname("v4.test") == "192.0.2.4" else 1)
        finally:
            os._exit(2)
    status = os.waitpid(pid, 0)[1]
    held.release()

    assert os.waitstatus_to_exitcode(status) == 0
    assert asking.get() == "192.0.2.1"


def test_settings_may_change_while_questions_are_under_way(server, second_server, make_resolver, tmp_path):
    second_server.add("v4.test. 60 A 192.0.2.44")
    resolver = make_resolver(cache_size=0)
    held = server.hold("www.test.")
    asking = spawn(resolver.gethostbyname, "www.test")
    wait_all_parked()

    (tmp_path / "resolv.conf").write_text("options attempts:2 timeout:3\n")
    found = resolver.gethostbyname("v4.test")
    held.release()

    assert (found, asking.get()) == ("192.0.2.4", "192.0.2.1")


@pytest.fixture
def attempt_with(server):
    """Return a function that lets c-ares ask the server one question, and calls a function in its callback."""

    def attempt_with(function):
        target = Server.at(server.address, server.port)
        settings = Settings((target,), ())
        channel = Channel(target, settings, 64)
        attempt = Attempt(None, [Question("v4.test", "A")], target, settings, lambda attempt: function(channel))
        channel.send(attempt)
        get_hub().join(10)
        return channel, attempt.questions[0].answer

    return attempt_with


def test_ctrl_c_in_a_callback_of_c_ares_is_raised(attempt_with):
    def interrupt(channel):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt_with(interrupt)


def test_a_channel_may_be_closed_from_a_callback_of_c_ares(attempt_with, descriptors):
    before = descriptors()

    channel, answer = attempt_with(Channel.close)

    assert answer.values == ("192.0.2.4",)
    assert channel.is_closed
    assert descriptors() == before


@pytest.mark.parametrize("kind", ["cares"])
def test_c_ares_needs_no_thread_of_its_own(server, make_resolver):
    before = threading.active_count()

    resolver = make_resolver()
    resolver.gethostbyname("v4.test")
    resolver.close()

    assert threading.active_count() == before

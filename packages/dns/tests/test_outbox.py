"""Questions through c-ares go out together, once what is ready has run; what may happen to them before that."""

from __future__ import annotations

import importlib.util
import os
import socket

import pytest

from hublet.core import Timeout, joinall, sleep, spawn

IS_COMPILED = importlib.util.find_spec("hublet.dns._outbox") is not None

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="interpreted, c-ares sends each for itself")


@pytest.fixture
def kind() -> str:
    return "cares"


@pytest.fixture
def unused_address():
    """Return the address of a port at which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()


def test_a_resolver_that_is_closed_sends_nothing_that_it_has_not_sent_yet(server, make_resolver):
    resolver, another = make_resolver(), make_resolver()
    asking = spawn(resolver.gethostbyname, "www.test")
    sleep(0)  # it asks, and this one goes on before anything is sent

    resolver.close()

    with pytest.raises(socket.gaierror):
        asking.get()
    assert another.gethostbyname("v4.test") == "192.0.2.4"
    assert server.asked("www.test.") == []


def test_what_one_gives_up_does_not_keep_others_from_being_sent(server, make_resolver):
    resolver = make_resolver(cache_size=0)
    given_up = spawn(resolver.gethostbyname, "www.test")
    others = [spawn(resolver.gethostbyname, name) for name in ("v4.test", "host.one.test")]
    sleep(0)

    given_up.kill()

    assert [each.get() for each in others] == ["192.0.2.4", "192.0.2.11"]


def test_many_more_than_go_out_at_once_are_all_answered(server, make_resolver):
    resolver = make_resolver(cache_size=0)
    server.add(*(f"n{i}.test. 60 A 192.0.2.{i}" for i in range(100)))

    asking = [spawn(resolver.gethostbyname, f"n{i}.test") for i in range(100)]

    assert [each.get() for each in asking] == [f"192.0.2.{i}" for i in range(100)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_does_not_send_what_its_parent_has_asked(server, make_resolver):
    resolver = make_resolver(cache_size=0)
    asking = spawn(resolver.gethostbyname, "www.test")
    sleep(0)

    pid = os.fork()
    if pid == 0:
        try:
            with Timeout(10):
                sleep(0)  # now the parent's question would go out
                os._exit(0 if resolver.gethostbyname("v4.test") == "192.0.2.4" else 1)
        finally:
            os._exit(2)
    status = os.waitpid(pid, 0)[1]

    assert os.waitstatus_to_exitcode(status) == 0
    assert server.asked("www.test.") == []
    assert asking.get() == "192.0.2.1"


def test_many_look_ups_go_on_to_the_second_server_at_once_when_nobody_listens_at_the_first(
    server, make_resolver, unused_address
):
    resolver = make_resolver(nameservers=[unused_address, (server.address, server.port)], cache_size=0)

    with Timeout(4):
        asking = [spawn(resolver.gethostbyname, "v4.test" if i % 2 else "www.test") for i in range(100)]
        joinall(asking, raise_error=True)


def test_a_question_that_is_refused_when_it_is_sent_goes_on_to_the_second_server_at_once(
    server, make_resolver, unused_address
):
    resolver = make_resolver(nameservers=[unused_address, (server.address, server.port)], cache_size=0)
    first = spawn(resolver.gethostbyname, "www.test")
    sleep(0)
    second = spawn(resolver.gethostbyname, "v4.test")
    sleep(0)  # the first question has gone out, and the system has an error for whoever uses its socket next

    with Timeout(4):
        assert (first.get(), second.get()) == ("192.0.2.1", "192.0.2.4")

"""The resolvers that core has itself, and the choice among all that there are."""

from __future__ import annotations

import gc
import importlib.metadata
import socket
import threading
import weakref

import pytest

from hublet.core import config, get_hub, plugins, resolvers, spawn
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import assert_no_switch

QUESTIONS = {
    "getaddrinfo": ("127.0.0.1", 80, socket.AF_INET, socket.SOCK_STREAM, 0, 0),
    "gethostbyname": ("127.0.0.1",),
    "gethostbyname_ex": ("127.0.0.1",),
    "gethostbyaddr": ("127.0.0.1",),
    "getnameinfo": (("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV),
}


class Fake:
    """A resolver that a distribution might offer."""

    def __init__(self, hub: object) -> None:
        self.hub = hub
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution with a resolver named `fake`."""
    monkeypatch.setitem(plugins._groups, "hublet.core.resolvers", {"fake": _Point(Fake)})


class _Point:
    value = "somewhere:Fake"
    dist = None

    def __init__(self, loaded: object) -> None:
        self.loaded = loaded

    def load(self) -> object:
        return self.loaded


@pytest.fixture
def fresh_hub(monkeypatch: pytest.MonkeyPatch):
    """The hub as if nobody had asked it for a resolver."""
    hub = get_hub()
    before, hub._resolver = hub._resolver, None
    yield hub
    hub._resolver = before


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", [resolvers.BlockingResolver, resolvers.ThreadResolver])
def test_it_answers_as_the_functions_of_socket_do(kind: type, question: str):
    resolver = kind(get_hub())

    assert getattr(resolver, question)(*QUESTIONS[question]) == getattr(socket, question)(*QUESTIONS[question])


@pytest.mark.parametrize("kind", [resolvers.BlockingResolver, resolvers.ThreadResolver])
def test_it_takes_the_defaults_of_getaddrinfo(kind: type):
    resolver = kind(get_hub())

    assert resolver.getaddrinfo("127.0.0.1", 80) == socket.getaddrinfo("127.0.0.1", 80)
    assert resolver.getaddrinfo("127.0.0.1", None, flags=socket.AI_NUMERICHOST)


@pytest.mark.parametrize("kind", [resolvers.BlockingResolver, resolvers.ThreadResolver])
def test_it_raises_as_the_functions_of_socket_do(kind: type):
    resolver = kind(get_hub())

    with pytest.raises(socket.gaierror):
        resolver.getaddrinfo("no address", 80, flags=socket.AI_NUMERICHOST)
    with pytest.raises(TypeError):
        resolver.gethostbyname(42)
    with pytest.raises(OverflowError):
        resolver.getnameinfo(("127.0.0.1", 1 << 100), 0)


def test_the_thread_resolver_asks_in_a_native_thread(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(resolvers, "_gethostbyname", lambda name: asked.append(threading.get_ident()) or name)

    assert resolvers.ThreadResolver().gethostbyname("name") == "name"

    assert asked != [threading.get_ident()]


def test_others_run_while_the_thread_resolver_asks(monkeypatch: pytest.MonkeyPatch):
    go = threading.Event()
    monkeypatch.setattr(resolvers, "_gethostbyname", lambda name: go.wait(10) and name)
    asking = spawn(resolvers.ThreadResolver().gethostbyname, "name")

    assert spawn(lambda: "not blocked").get() == "not blocked"

    go.set()
    assert asking.get() == "name"


def test_the_blocking_resolver_does_not_switch():
    with assert_no_switch():
        assert resolvers.BlockingResolver().gethostbyname("127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize("kind", [resolvers.BlockingResolver, resolvers.ThreadResolver])
def test_closing_it_twice_is_harmless(kind: type):
    resolver = kind()

    resolver.close()
    resolver.close()


# The choice


def test_the_known_ones_are_those_of_core_and_of_what_is_installed(plugin: None):
    assert resolvers.known() == ["blocking", "fake", "thread"]


@pytest.mark.parametrize(("name", "kind"), [("blocking", resolvers.BlockingResolver), ("thread", resolvers.ThreadResolver)])
def test_those_of_core_are_entry_points_too(name, kind):
    (point,) = importlib.metadata.entry_points(group="hublet.core.resolvers", name=name)

    assert point.load() is kind


def test_those_of_core_are_there_without_metadata(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(plugins._groups, "hublet.core.resolvers", {})

    assert resolvers.known() == ["blocking", "thread"]
    assert type(resolvers.make_resolver(get_hub(), "thread")) is resolvers.ThreadResolver


def test_the_configured_one_is_made(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(config.__dict__, "resolver", "blocking")

    assert type(resolvers.make_resolver(get_hub())) is resolvers.BlockingResolver


def test_by_default_it_is_the_one_with_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HUBLET_RESOLVER", raising=False)
    monkeypatch.delitem(config.__dict__, "resolver", raising=False)

    assert type(resolvers.make_resolver(get_hub())) is resolvers.ThreadResolver


def test_a_plug_in_is_made_for_the_hub(plugin: None):
    resolver = resolvers.make_resolver(get_hub(), "fake")

    assert type(resolver) is Fake
    assert resolver.hub is get_hub()


def test_an_unknown_name_is_an_error_that_lists_the_known(plugin: None):
    with pytest.raises(ValueError, match="'nonsense'.*blocking, fake, thread.*hublet-dns"):
        resolvers.make_resolver(get_hub(), "nonsense")


def test_the_hub_makes_its_resolver_once(fresh_hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(config.__dict__, "resolver", "blocking")

    assert type(fresh_hub.resolver) is resolvers.BlockingResolver
    assert fresh_hub.resolver is fresh_hub.resolver


def test_the_resolver_of_the_hub_can_be_assigned(fresh_hub):
    mine = Fake(fresh_hub)

    fresh_hub.resolver = mine

    assert fresh_hub.resolver is mine


def test_use_changes_the_resolver_of_the_hub(fresh_hub, plugin: None):
    resolver = resolvers.use("fake")

    assert fresh_hub.resolver is resolver
    assert type(resolver) is Fake


def test_the_resolver_is_closed_with_its_hub(plugin: None):
    made = []

    def body() -> None:
        made.append(resolvers.use("fake"))
        get_hub().destroy()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

    assert made[0].closed == 1


def test_a_resolver_that_was_replaced_is_not_kept(fresh_hub, plugin: None):
    replaced = [weakref.ref(resolvers.use("fake")) for _ in range(3)]

    resolvers.use("fake")

    gc.collect()
    assert [each() for each in replaced] == [None] * 3


def test_a_resolver_that_was_replaced_can_be_used_until_the_end_of_its_hub(plugin: None):
    closed = []

    def body() -> None:
        replaced = resolvers.use("fake")
        resolvers.use("fake")
        closed.append(replaced.closed)
        get_hub().destroy()
        closed.append(replaced.closed)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

    assert closed == [0, 1]


def test_importing_the_resolvers_makes_no_hub():
    seen = []
    thread = threading.Thread(target=lambda: (resolvers.known(), seen.append(get_hub_if_exists())))
    thread.start()
    thread.join()

    assert seen == [None]

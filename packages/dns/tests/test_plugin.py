"""The resolver as a plug-in of core: found by name, made with a hub, closed with it, and needing nothing it should not."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import weakref

import pytest

from hublet.core import resolvers, spawn
from hublet.core.lowlevel import get_hub
from hublet.core.testing import wait_all_parked


def run(program, **variables):
    """Run *program* in a Python of its own, with environment *variables*, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.fixture
def hub():
    """The hub of this thread, which has its own resolver again afterwards."""
    hub = get_hub()
    before = hub.resolver
    yield hub
    hub.resolver = before


def test_it_is_found_by_its_name(hub, kind, resolver_class):
    if kind not in resolvers.known():
        pytest.skip("hublet-dns is not installed but run from its sources")

    assert type(resolvers.use(kind)) is resolver_class
    assert type(hub.resolver) is resolver_class


def test_it_can_be_chosen_by_the_environment(kind):
    program = "from hublet.core import get_hub; print(get_hub().resolver.__module__)"

    assert run(program, HUBLET_RESOLVER=kind) == f"hublet.dns.{kind}"


def test_it_can_be_the_resolver_of_a_hub(hub, resolver):
    hub.resolver = resolver

    assert get_hub().resolver.gethostbyname("v4.test") == "192.0.2.4"


def test_one_that_was_replaced_is_gone_after_its_last_look_up(hub, server, resolver_class, descriptors):
    before = descriptors()
    held = server.hold("v4.test.")
    hub.resolver = resolver_class(hub, nameservers=[(server.address, server.port)])
    replaced = weakref.ref(hub.resolver)
    asking = spawn(lambda: hub.resolver.gethostbyname("v4.test"))
    wait_all_parked()
    held.wait_until_asked()

    hub.resolver = resolvers.BlockingResolver()
    gc.collect()
    held.release()

    assert asking.get() == "192.0.2.4"
    assert descriptors() == before
    assert replaced() is None


def test_it_needs_nothing_of_hublet_but_core(kind, server):
    program = f"""
import sys
for other in ("sync", "pool", "net", "process", "monkey"):
    sys.modules["hublet." + other] = None
from importlib import import_module
resolver = import_module("hublet.dns.{kind}").Resolver(nameservers=[({server.address!r}, {server.port})])
print(resolver.gethostbyname("v4.test"))
"""

    assert run(program) == "192.0.2.4"


@pytest.mark.parametrize(("kind", "library"), [("dnspython", "dns"), ("cares", "pycares")])
def test_without_its_library_the_error_names_what_to_install(kind, library):
    program = f"""
import sys
sys.modules["{library}"] = None
from hublet.core import resolvers
try:
    resolvers.use("{kind}")
except ImportError as error:
    print(error)
"""
    if kind not in resolvers.known():
        pytest.skip("hublet-dns is not installed but run from its sources")

    assert f"pip install 'hublet-dns[{kind}]'" in run(program)


def test_nothing_of_dnspython_is_loaded_that_has_sockets():
    program = """
import sys
import hublet.dns.dnspython
hublet.dns.dnspython.Resolver(None)
print([name for name in ("dns.query", "dns.resolver", "dns.asyncquery", "ssl", "asyncio") if name in sys.modules])
"""

    assert run(program) == "[]"


def test_it_works_when_it_is_made_after_socket_was_patched(server, make_resolver, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a resolver must not ask what it stands for")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "__init__", refuse)
    resolver = make_resolver()

    assert resolver.gethostbyname("v4.test") == "192.0.2.4"
    assert resolver.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
    assert resolver.getnameinfo(("192.0.2.1", 80), 0) == ("www.test", "http")


def test_a_name_server_must_be_an_address(resolver_class):
    with pytest.raises(OSError):
        resolver_class(nameservers=[("ns.test", 53)])


@pytest.mark.parametrize("name", ["hidden.onion", "HIDDEN.onion.", "onion"])
def test_onion_names_are_never_asked_for(server, resolver, name):
    with pytest.raises(socket.gaierror) as caught:
        resolver.gethostbyname(name)

    assert caught.value.errno == socket.EAI_NONAME
    assert server.questions == []


@pytest.mark.parametrize("name", ["localhost.", "at.localhost", "LOCALHOST."])
def test_localhost_is_never_asked_for(server, resolver, name):
    found = resolver.getaddrinfo(name, 80, type=socket.SOCK_STREAM)

    assert sorted(row[4][0] for row in found) == ["127.0.0.1", "::1"]
    assert resolver.gethostbyname(name) == "127.0.0.1"
    assert server.questions == []


def test_the_hosts_file_comes_first(server, make_resolver):
    resolver = make_resolver(hosts="192.0.2.77 www.test other\n")

    assert resolver.gethostbyname_ex("www.test") == ("www.test", ["other"], ["192.0.2.77"])
    assert resolver.gethostbyaddr("192.0.2.77") == ("www.test", ["other"], ["192.0.2.77"])
    assert server.questions == []
    # It says nothing of the other family, so that is asked for.
    assert resolver.getaddrinfo("www.test", 80, socket.AF_INET6)[0][4][0] == "2001:db8::1"


def test_a_name_is_searched_for_in_the_domains(server, make_resolver):
    resolver = make_resolver("search one.test two.test\noptions attempts:1\n")

    assert resolver.gethostbyname_ex("host") == ("host.one.test", [], ["192.0.2.11"])
    assert resolver.gethostbyname("only") == "192.0.2.13"
    with pytest.raises(socket.gaierror):
        resolver.gethostbyname("host.")


def test_a_name_that_is_too_long_with_a_domain_is_none(make_resolver):
    resolver = make_resolver("search one.test\n")

    with pytest.raises(socket.gaierror) as caught:
        resolver.gethostbyname(".".join(["x" * 60] * 4) + ".abcdef")

    assert caught.value.errno == socket.EAI_NONAME

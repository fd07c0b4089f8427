"""What the tests of resolvers share: a name server on loopback, and resolvers that ask it and read files of their own."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nameserver import ZONE, NameServer

from hublet.dns import cares, dnspython
from hublet.dns._resolver import NetworkResolver

RESOLVERS = {"dnspython": dnspython.Resolver, "cares": cares.Resolver}


@pytest.fixture(params=RESOLVERS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return the name of a resolver that asks name servers: a test that uses it shows the same of each."""
    return request.param


@pytest.fixture
def resolver_class(kind: str) -> type[NetworkResolver]:
    """Return the class of that resolver."""
    return RESOLVERS[kind]


@pytest.fixture
def server() -> Iterator[NameServer]:
    """Return a name server that knows `ZONE`."""
    server = NameServer()
    server.add(*ZONE)
    yield server
    server.close()


@pytest.fixture
def second_server() -> Iterator[NameServer]:
    """Return another one."""
    server = NameServer()
    server.add(*ZONE)
    yield server
    server.close()


@pytest.fixture
def make_resolver(kind: str, server: NameServer, tmp_path: Path) -> Iterator[Callable[..., NetworkResolver]]:
    """Return a function that makes a resolver, which asks `server` unless told otherwise, and knows files of the test's."""
    made = []

    def make(
        conf: str = "options attempts:1\n", hosts: str = "127.0.0.1 localhost\n", kind: str = kind, **options: object
    ) -> NetworkResolver:
        (tmp_path / "resolv.conf").write_text(conf)
        (tmp_path / "hosts").write_text(hosts)
        options.setdefault("nameservers", [(server.address, server.port)])
        resolver = RESOLVERS[kind](resolv_conf=str(tmp_path / "resolv.conf"), hosts=str(tmp_path / "hosts"), **options)
        made.append(resolver)
        return resolver

    yield make
    for resolver in made:
        resolver.close()


@pytest.fixture
def resolver(make_resolver: Callable[..., NetworkResolver]) -> NetworkResolver:
    """Return a resolver that asks `server` and keeps nothing."""
    return make_resolver(cache_size=0)


@pytest.fixture
def descriptors() -> Callable[[], set[str]]:
    """Return a function that lists the open descriptors of this process."""

    def listed() -> set[str]:
        gc.collect()
        return set(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))

    return listed

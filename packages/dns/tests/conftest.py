"""What the tests of resolvers share: a name server on loopback, and resolvers that ask it and read files of their own."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nameserver import NameServer  # noqa: E402  (only now can it be found)

from hublet.dns.dnspython import Resolver  # noqa: E402

ZONE = (
    "test. 60 SOA ns.test. root.test. 1 2 3 4 30",
    "www.test. 60 A 192.0.2.1",
    "www.test. 60 AAAA 2001:db8::1",
    "v4.test. 60 A 192.0.2.4",
    "v6.test. 60 AAAA 2001:db8::6",
    "text.test. 60 TXT only",
    "alias.test. 60 CNAME second.test.",
    "second.test. 60 CNAME v4.test.",
    "round.test. 60 CNAME about.test.",
    "about.test. 60 CNAME round.test.",
    "host.one.test. 60 A 192.0.2.11",
    "host.two.test. 60 A 192.0.2.12",
    "only.two.test. 60 A 192.0.2.13",
    "1.2.0.192.in-addr.arpa. 60 PTR www.test.",
    "4.2.0.192.in-addr.arpa. 60 CNAME 4.elsewhere.test.",
    "4.elsewhere.test. 60 PTR v4.test.",
    "7.2.0.192.in-addr.arpa. 60 TXT none",
    "8.2.0.192.in-addr.arpa. 60 PTR no!name.test.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 PTR www.test.",
)


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
def make_resolver(server: NameServer, tmp_path: Path) -> Iterator[Callable[..., Resolver]]:
    """Return a function that makes a resolver, which asks `server` unless told otherwise, and knows files of the test's."""
    made = []

    def make(conf: str = "options attempts:1\n", hosts: str = "127.0.0.1 localhost\n", **options: object) -> Resolver:
        (tmp_path / "resolv.conf").write_text(conf)
        (tmp_path / "hosts").write_text(hosts)
        options.setdefault("nameservers", [(server.address, server.port)])
        resolver = Resolver(resolv_conf=str(tmp_path / "resolv.conf"), hosts=str(tmp_path / "hosts"), **options)
        made.append(resolver)
        return resolver

    yield make
    for resolver in made:
        resolver.close()


@pytest.fixture
def resolver(make_resolver: Callable[..., Resolver]) -> Resolver:
    """Return a resolver that asks `server` and keeps nothing."""
    return make_resolver(cache_size=0)


@pytest.fixture
def descriptors() -> Callable[[], set[str]]:
    """Return a function that lists the open descriptors of this process."""

    def listed() -> set[str]:
        gc.collect()
        return set(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))

    return listed

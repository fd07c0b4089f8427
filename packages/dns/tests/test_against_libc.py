"""The same calls to the C library and to the resolver: the same results, or the same exceptions with the same numbers."""

from __future__ import annotations

import platform
import socket

import pytest
import side_by_side

from hublet.dns._hosts import Hosts

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="compared with glibc, whose rules are followed")


@pytest.fixture
def ours(resolver_class):
    """Return a resolver that would find nobody to ask."""
    return resolver_class(nameservers=[("127.0.0.1", 1)], attempts=1)


def test_what_needs_no_name_server_is_as_in_the_c_library(ours):
    count, found = side_by_side.differences(ours, side_by_side.without_name_server())

    assert found == []
    assert count > 1000


def test_localhost_is_as_in_the_c_library(ours):
    hosts = Hosts()
    if hosts.by_name("localhost", socket.AF_INET) is None or hosts.by_address("127.0.0.1") is None:
        pytest.skip("this machine's hosts file does not know localhost, so the C library would ask for it")

    assert side_by_side.differences(ours, side_by_side.of_localhost())[1] == []


@pytest.mark.parametrize("kind", ["cares"])
def test_what_a_name_server_answers_is_the_same_for_both(server, make_resolver):
    """That it is the same in the C library too takes a network of its own: `nox -s dns_table`."""
    side_by_side.fill(server)
    first, second = (
        make_resolver(side_by_side.CONF, side_by_side.HOSTS, kind, cache_size=0) for kind in ("dnspython", "cares")
    )

    count, found = side_by_side.differences(second, side_by_side.with_name_server(), first)

    assert found == []
    assert count > 2500


@pytest.mark.parametrize("kind", ["cares"])
def test_what_a_server_does_wrong_is_told_in_the_same_way_by_both(server, make_resolver):
    """As above."""
    side_by_side.fill(server)
    first, second = (
        make_resolver(side_by_side.CONF, side_by_side.HOSTS, kind, cache_size=0) for kind in ("dnspython", "cares")
    )

    assert side_by_side.differences_at_once(second, side_by_side.with_bad_servers(), first) == []

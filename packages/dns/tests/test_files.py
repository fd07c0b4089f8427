"""The hosts file, `resolv.conf`, and that changes of them are seen."""

from __future__ import annotations

import os
import socket

import pytest

from hublet.dns._hosts import Hosts
from hublet.dns._resolv_conf import ResolvConf, Server

AF_INET, AF_INET6, AF_UNSPEC = socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC

HOSTS = """\
# a comment
127.0.0.1 localhost
::1 localhost ip6-localhost   # and another
192.0.2.1   Server.test server

2001:db8::1 server.test six
192.0.2.2 second server
::ffff:192.0.2.3 mapped
192.0.2.300 wrong
not.an.address wrong
192.0.2.9
"""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Without what would stand for the file."""
    monkeypatch.delenv("LOCALDOMAIN", raising=False)
    monkeypatch.delenv("RES_OPTIONS", raising=False)
    monkeypatch.setattr("_socket.gethostname", lambda: "machine")


@pytest.fixture
def hosts(tmp_path):
    """The file above."""
    (tmp_path / "hosts").write_text(HOSTS)
    return Hosts(str(tmp_path / "hosts"))


@pytest.fixture
def settings_of(tmp_path):
    """Return a function that returns what a `resolv.conf` with a text says."""

    def settings(text, **fixed):
        (tmp_path / "resolv.conf").write_text(text)
        return ResolvConf(str(tmp_path / "resolv.conf"), **fixed).get()

    return settings


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("server", AF_UNSPEC, ("Server.test", ["server", "server", "second"], ["192.0.2.1", "192.0.2.2"])),
        ("SERVER.TEST", AF_UNSPEC, ("Server.test", ["server", "six", "server.test"], ["192.0.2.1", "2001:db8::1"])),
        ("server.test", AF_INET, ("Server.test", ["server"], ["192.0.2.1"])),
        ("server.test", AF_INET6, ("server.test", ["six"], ["2001:db8::1"])),
        ("six", AF_INET, None),
        ("localhost", AF_UNSPEC, ("localhost", ["ip6-localhost"], ["127.0.0.1", "::1"])),
        ("localhost", AF_INET, ("localhost", ["ip6-localhost"], ["127.0.0.1", "127.0.0.1"])),
        ("mapped", AF_INET, ("mapped", [], ["192.0.2.3"])),
        ("mapped", AF_INET6, ("mapped", [], ["::ffff:192.0.2.3"])),
        ("wrong", AF_UNSPEC, None),
        ("server.test.", AF_UNSPEC, None),
        ("nobody", AF_UNSPEC, None),
    ],
)
def test_hosts_are_found_by_name(hosts, name, family, expected):
    found = hosts.by_name(name, family)

    assert (found and found.as_tuple()) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", ("Server.test", ["server"], ["192.0.2.1"])),
        ("2001:DB8:0::1", ("server.test", ["six"], ["2001:DB8:0::1"])),
        ("::1", ("localhost", ["ip6-localhost"], ["::1"])),
        ("192.0.2.3", ("mapped", [], ["192.0.2.3"])),
        ("192.0.2.9", None),
        ("192.0.2.77", None),
    ],
)
def test_hosts_are_found_by_address(hosts, address, expected):
    found = hosts.by_address(address)

    assert (found and found.as_tuple()) == expected


def test_a_hosts_file_that_changes_is_read_again(tmp_path, hosts):
    assert hosts.by_name("later", AF_INET) is None
    path = tmp_path / "hosts"

    path.write_text("192.0.2.5 later\n")
    assert hosts.by_name("later", AF_INET).addresses == ["192.0.2.5"]
    # Of the same size and time, but another file: as editors do it.
    times = os.stat(path)
    (tmp_path / "new").write_text("192.0.2.6 later\n")
    os.utime(tmp_path / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    (tmp_path / "new").replace(path)
    assert hosts.by_name("later", AF_INET).addresses == ["192.0.2.6"]


def test_a_hosts_file_that_does_not_change_is_read_once(tmp_path, hosts, monkeypatch):
    hosts.by_name("server", AF_INET)
    monkeypatch.setattr("hublet.dns._watched._open", lambda *arguments, **options: pytest.fail("it was read again"))

    hosts.by_name("server", AF_INET)


def test_without_a_hosts_file_nobody_is_known(tmp_path):
    hosts = Hosts(str(tmp_path / "nothing"))

    assert hosts.by_name("localhost", AF_INET) is None
    (tmp_path / "nothing").write_text("192.0.2.5 something\n")
    assert hosts.by_name("something", AF_INET).addresses == ["192.0.2.5"]
    (tmp_path / "nothing").unlink()
    assert hosts.by_name("something", AF_INET) is None


def test_resolv_conf_says_whom_to_ask(settings_of):
    settings = settings_of("# one\n; two\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\n nameserver 192.0.2.9\n")

    assert settings.servers == (
        Server(AF_INET, ("192.0.2.1", 53)),
        Server(AF_INET6, ("2001:db8::1", 53, 0, 0)),
    )


def test_at_most_three_servers_are_asked(settings_of):
    text = "".join(f"nameserver 192.0.2.{i}\n" for i in range(1, 6))

    assert [server.address[0] for server in settings_of(text).servers] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def test_what_is_no_address_is_passed_over(settings_of):
    assert settings_of("nameserver here\nnameserver 192.0.2.1\n").servers == (Server(AF_INET, ("192.0.2.1", 53)),)


def test_without_servers_this_machine_is_asked(settings_of):
    assert settings_of("").servers == (Server(AF_INET, ("127.0.0.1", 53)),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("search one.test two.test.\n", ("one.test", "two.test")),
        ("search one.test\nsearch two.test\n", ("two.test",)),
        ("search one.test\ndomain two.test three.test\n", ("two.test",)),
        ("domain one.test\n", ("one.test",)),
        ("search .\n", ("",)),
        ("", ()),
    ],
)
def test_resolv_conf_says_which_domains_to_search(settings_of, text, expected):
    assert settings_of(text).search == expected


def test_without_a_domain_that_of_this_machine_is_searched(settings_of, monkeypatch):
    monkeypatch.setattr("_socket.gethostname", lambda: "machine.own.test")

    assert settings_of("").search == ("own.test",)


def test_options_are_read_and_kept_within_bounds(settings_of):
    def options_of(text):
        found = settings_of(text)
        return found.ndots, found.timeout, found.attempts, found.rotate, found.use_tcp, found.edns

    text = "options ndots:3 timeout:7\noptions attempts:4 rotate use-vc edns0 unknown ndots:x\n"

    assert options_of(text) == (3, 7, 4, True, True, True)
    assert options_of("options ndots:99 timeout:99 attempts:99\n")[:3] == (15, 30, 5)
    assert options_of("options timeout:0 attempts:0\n")[1:3] == (1, 1)
    assert options_of("") == (1, 5, 2, False, False, False)


def test_the_environment_stands_for_the_file(settings_of, monkeypatch):
    monkeypatch.setenv("LOCALDOMAIN", "three.test four.test")
    monkeypatch.setenv("RES_OPTIONS", "ndots:4 rotate")

    settings = settings_of("search one.test\noptions ndots:2\n")

    assert settings.search == ("three.test", "four.test")
    assert (settings.ndots, settings.rotate) == (4, True)


def test_what_is_given_stands_for_the_file(settings_of):
    server = Server.at("192.0.2.5", 5353)

    settings = settings_of("nameserver 192.0.2.1\noptions timeout:7\n", servers=(server,), timeout=0.5, attempts=None)

    assert (settings.servers, settings.timeout, settings.attempts) == ((server,), 0.5, 2)


def test_a_resolv_conf_that_changes_is_read_again(tmp_path):
    path = tmp_path / "resolv.conf"
    conf = ResolvConf(str(path))
    assert (conf.get().ndots, conf.version) == (1, 1)

    path.write_text("options ndots:5\n")

    assert (conf.get().ndots, conf.version) == (5, 2)
    assert (conf.get().ndots, conf.version) == (5, 2)

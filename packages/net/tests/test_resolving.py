"""Names of hosts: asked of the hub's resolver, beside everything else, and numbers of nobody."""

from __future__ import annotations

import errno
import socket as stdlib

import pytest

from hublet.core import get_hub, spawn
from hublet.core.lowlevel import Waiter, get_hub_if_exists
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.net import socket


class Slow:
    """A resolver that answers when the test says so."""

    def __init__(self):
        self.asked = []
        self.waiters = []

    def _ask(self, *question):
        self.asked.append(question)
        waiter = Waiter(question)
        self.waiters.append(waiter)
        waiter.park()
        return waiter.value

    def getaddrinfo(self, *args):
        return self._ask("getaddrinfo", *args)

    def gethostbyname(self, *args):
        return self._ask("gethostbyname", *args)

    def gethostbyname_ex(self, *args):
        return self._ask("gethostbyname_ex", *args)

    def gethostbyaddr(self, *args):
        return self._ask("gethostbyaddr", *args)

    def getnameinfo(self, *args):
        return self._ask("getnameinfo", *args)

    def close(self):
        pass

    def answer(self, value):
        wait_all_parked()
        self.waiters.pop(0).unpark(value)


@pytest.fixture
def resolver():
    hub = get_hub()
    before, hub.resolver = hub.resolver, Slow()
    yield hub.resolver
    hub.resolver = before


def found(host, port=0):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]


@pytest.mark.parametrize(
    ("function", "args", "answer"),
    [
        (socket.getaddrinfo, ("host.test", 80), found("192.0.2.1", 80)),
        (socket.gethostbyname, ("host.test",), "192.0.2.1"),
        (socket.gethostbyname_ex, ("host.test",), ("host.test", [], ["192.0.2.1"])),
        (socket.gethostbyaddr, ("192.0.2.1",), ("host.test", [], ["192.0.2.1"])),
        (socket.getnameinfo, (("192.0.2.1", 80), 0), ("host.test", "http")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_resolver_of_the_hub_is_asked_while_others_run(resolver, function, args, answer):
    asking = spawn(function, *args)
    wait_all_parked()
    assert not asking.ready()

    resolver.answer(answer)

    assert asking.get() == answer
    assert resolver.asked[0][: 1 + len(args)] == (function.__name__, *args)


def test_getfqdn_takes_the_first_name_with_a_dot(resolver):
    asking = spawn(socket.getfqdn, "192.0.2.1")
    resolver.answer(("host", ["alias", "host.example.org", "other.example.org"], ["192.0.2.1"]))

    assert asking.get() == "host.example.org"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("getaddrinfo", ("127.0.0.1", 80)),
        ("getaddrinfo", (b"127.0.0.1", b"80")),
        ("getaddrinfo", ("::1", "80", 0, stdlib.SOCK_STREAM)),
        ("getaddrinfo", (None, 80, stdlib.AF_INET, stdlib.SOCK_STREAM, 0, stdlib.AI_PASSIVE)),
        ("getaddrinfo", ("127.1", None, stdlib.AF_INET, stdlib.SOCK_DGRAM)),
        ("gethostbyname", ("127.0.0.1",)),
        ("gethostbyname", ("",)),
        ("gethostbyname", ("<broadcast>",)),
        ("getnameinfo", (("127.0.0.1", 80), stdlib.NI_NUMERICHOST | stdlib.NI_NUMERICSERV)),
    ],
)
def test_numbers_are_looked_up_without_asking_anybody(resolver, function, args):
    with assert_no_switch():
        answer = getattr(socket, function)(*args)

    assert answer == getattr(stdlib, function)(*args)
    assert repr(answer) == repr(getattr(stdlib, function)(*args)), "enumerations included"
    assert resolver.asked == []


@pytest.mark.parametrize(
    "args",
    [
        ("::1", 80, stdlib.AF_INET),
        ("127.0.0.1", 80, stdlib.AF_INET6),
        ("host.test", 80, 0, 0, 0, stdlib.AI_NUMERICHOST),
        ("127.0.0.1", 80, 0, 12345),
    ],
)
def test_numbers_that_are_wrong_are_an_error_without_asking_anybody(resolver, args):
    with assert_no_switch(), pytest.raises(socket.gaierror) as ours:
        socket.getaddrinfo(*args)
    with pytest.raises(socket.gaierror) as original:
        stdlib.getaddrinfo(*args)

    assert ours.value.args == original.value.args
    assert resolver.asked == []


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("getaddrinfo", ("localhost", 80)),
        ("getaddrinfo", ("localhost", "http", 0, stdlib.SOCK_STREAM)),
        ("getaddrinfo", ("127.0.0.1", "http", 0, stdlib.SOCK_STREAM)),
        ("getaddrinfo", ("127.0.0.1", "no such service")),
        ("getaddrinfo", ("host.invalid", 80)),
        ("getaddrinfo", ("::1", 80, stdlib.AF_INET)),
        ("getaddrinfo", ("host.invalid", 80, 0, 0, 0, stdlib.AI_NUMERICHOST)),
        ("getaddrinfo", (None, None)),
        ("getaddrinfo", ("localhost", 80, 12345)),
        ("getaddrinfo", ("x" * 70 + ".test", 80)),
        ("getaddrinfo", (1, 2)),
        ("getaddrinfo", ("localhost", 1.5)),
        ("getaddrinfo", ("127.0.0.1", 10**30)),
        ("gethostbyname", ("localhost",)),
        ("gethostbyname", (1,)),
        ("gethostbyname", ("host.invalid",)),
        ("gethostbyname_ex", ("localhost",)),
        ("gethostbyname_ex", (None,)),
        ("gethostbyaddr", ("127.0.0.1",)),
        ("gethostbyaddr", (b"127.0.0.1",)),
        ("gethostbyaddr", (127,)),
        ("getnameinfo", (("127.0.0.1", 80), 0)),
        ("getnameinfo", (("localhost", 80), stdlib.NI_NUMERICHOST)),
        ("getnameinfo", ("127.0.0.1", 0)),
        ("getnameinfo", (("127.0.0.1", 80), "0")),
        ("getfqdn", ()),
        ("getfqdn", ("127.0.0.1",)),
        ("getfqdn", ("host.invalid",)),
    ],
)
def test_answers_and_errors_are_the_originals(function, args):
    def outcome(module):
        try:
            return getattr(module, function)(*args)
        except Exception as error:
            return type(error), error.args if isinstance(error, OSError) else None

    assert outcome(socket) == outcome(stdlib)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1\0.example.org",
        b"127.0.0.1\0.example.org",
        bytearray(b"127.0.0.1\0"),
        "\0",
        "b\xfccher\0.invalid",
        "a..b",
        b"a..b",
        ".",
        "x" * 70 + ".invalid",
        "\xfc" * 70 + ".invalid",
        "\ud800",
        "a..b\xfc",
        "b\xfccher.invalid",
        b"\xff.invalid",
        bytearray(b"127.0.0.1"),
        1,
        None,
    ],
    ids=ascii,
)
@pytest.mark.parametrize("call", ["connect", "connect_ex", "bind", "sendto"])
def test_what_is_wrong_with_the_name_of_a_host_is_what_the_original_says(call, host):
    def outcome(module):
        with module.socket(type=module.SOCK_DGRAM) as sock:
            try:
                return getattr(sock, call)(*[b"x"] * (call == "sendto"), (host, 0 if call == "bind" else 9))
            except Exception as error:
                return type(error), str(error)

    assert outcome(socket) == outcome(stdlib)


@pytest.mark.parametrize("host", ["127.0.0.1\0.example.org", "\ud800"])
def test_what_is_no_name_of_a_host_is_refused_without_asking_anybody(resolver, host):
    with socket.socket() as sock, pytest.raises(TypeError), assert_no_switch():
        sock.connect((host, 80))

    assert resolver.asked == []


def test_connecting_to_a_name_asks_the_resolver(resolver, listener):
    host, port = listener.getsockname()
    with socket.socket() as sock:
        connecting = spawn(sock.connect, ("host.test", port))

        resolver.answer(found(host))
        connecting.get()

        assert sock.getpeername() == (host, port)
        assert resolver.asked == [("getaddrinfo", "host.test", None, socket.AF_INET, 0, 0, 0)]


def test_sending_to_a_name_asks_the_resolver(resolver):
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", 0))
        address = ("host.test", one.getsockname()[1])
        sending = spawn(other.sendto, b"first", address)
        resolver.answer(found("127.0.0.1"))
        sending.get()
        sending = spawn(other.sendmsg, [b"second"], [], 0, address)
        resolver.answer(found("127.0.0.1"))
        sending.get()

        assert [one.recv(100), one.recv(100)] == [b"first", b"second"]


def test_binding_to_a_name_asks_the_resolver(resolver):
    with socket.socket() as sock:
        binding = spawn(sock.bind, ("host.test", 0))
        resolver.answer(found("127.0.0.1"))
        binding.get()

        assert sock.getsockname()[0] == "127.0.0.1"


def test_a_resolver_that_finds_nothing_is_an_error(resolver):
    def connect():
        with socket.socket() as sock, pytest.raises(socket.gaierror, match=r"host\.test") as caught:
            sock.connect(("host.test", 80))
        return caught.value.errno

    connecting = spawn(connect)
    resolver.answer([])

    assert connecting.get() == socket.EAI_NONAME


@pytest.mark.skipif(not hasattr(stdlib, "AF_PACKET"), reason="no packet sockets here")
def test_the_name_of_an_interface_is_no_name_of_a_host(resolver):
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    except PermissionError:
        pytest.skip("packet sockets are not allowed here")
    with sock, assert_no_switch():
        sock.bind(("lo", 0))

    assert resolver.asked == []


@pytest.mark.parametrize("host", ["", "<broadcast>", "127.0.0.1", "0.0.0.0"])
def test_what_stands_for_an_address_is_no_name(resolver, host):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        with assert_no_switch():
            error = sock.connect_ex((host, 9))

        assert error in (0, errno.ENETUNREACH)
        assert resolver.asked == []


def test_the_rest_of_an_ipv6_address_is_kept(resolver):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        connecting = spawn(sock.connect, ("host.test", 9, 0, 1))
        resolver.answer([(socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", 0, 0, 0))])
        connecting.get()

        assert sock.getpeername() == ("::1", 9, 0, 0)


def test_a_thread_without_a_hub_asks_by_itself(in_thread):
    def ask():
        return socket.gethostbyname("localhost"), socket.getaddrinfo("localhost", 80), get_hub_if_exists()

    assert in_thread(ask)() == (stdlib.gethostbyname("localhost"), stdlib.getaddrinfo("localhost", 80), None)

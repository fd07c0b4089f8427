"""Servers: where they listen, how they start handlers, how they stop, and what they do when something fails."""

from __future__ import annotations

import errno
import gc
import os
import pathlib
import socket as stdlib
import struct
import sys
from contextlib import contextmanager

import pytest

import hublet.net
from hublet.core import Timeout, get_hub, getcurrent, sleep, spawn, spawn_raw
from hublet.core.errors import BlockingSwitchOutError
from hublet.core.lowlevel import ParkingLot, deadline_in, wait_readable
from hublet.core.testing import wait_all_parked
from hublet.net import select, selectors, socket
from hublet.net._transfer import compiled as transfer_is_compiled
from hublet.net.server import BaseServer, DatagramServer, StreamServer

LOCAL = ("127.0.0.1", 0)


def echo(sock, address):
    while data := sock.recv(1000):
        sock.sendall(data)


def upper(sock, address):
    sock.sendall(sock.recv(1000).upper())


class Gate:
    """What handlers wait at until it is opened."""

    def __init__(self):
        self._is_open, self._waiting = False, ParkingLot()

    def wait(self):
        if not self._is_open:
            self._waiting.park()

    def open(self):
        self._is_open = True
        self._waiting.unpark_all()


@pytest.fixture
def serve():
    """Make a server and start it; it is stopped after the test, and its handlers are killed."""
    servers = []

    def serve(handle, listener=LOCAL, kind=StreamServer, **options):
        server = kind(listener, handle, **options)
        servers.append(server)
        server.start()
        return server

    yield serve
    for server in servers:
        server.drain(deadline_in(0))


def connected(server):
    sock = socket.socket(server.family, socket.SOCK_STREAM)
    sock.connect(server.address)
    return sock


def ask(server, data=b"hello"):
    with connected(server) as sock:
        sock.sendall(data)
        return sock.recv(1000)


# Where they listen


@pytest.mark.parametrize(
    ("listener", "family", "address"),
    [
        (8080, stdlib.AF_INET, ("", 8080)),
        ("8080", stdlib.AF_INET, ("", 8080)),
        (":8080", stdlib.AF_INET, ("", 8080)),
        ("*:8080", stdlib.AF_INET, ("", 8080)),
        ("localhost:80", stdlib.AF_INET, ("localhost", 80)),
        ("[::1]:80", stdlib.AF_INET6, ("::1", 80)),
        (("10.0.0.1", 80), stdlib.AF_INET, ("10.0.0.1", 80)),
        ((None, "80"), stdlib.AF_INET, ("", 80)),
        (("::", 80), stdlib.AF_INET6, ("::", 80)),
        (("fe80::1", 80, 0, 2), stdlib.AF_INET6, ("fe80::1", 80, 0, 2)),
        ("/run/x", stdlib.AF_UNIX, "/run/x"),
        ("unix:x", stdlib.AF_UNIX, "x"),
        (b"x", stdlib.AF_UNIX, b"x"),
        ("\0x", stdlib.AF_UNIX, "\0x"),
        (pathlib.Path("x"), stdlib.AF_UNIX, "x"),
    ],
)
def test_an_address_may_be_written_in_many_ways(listener, family, address):
    server = StreamServer(listener, echo)

    assert (server.family, server.address) == (family, address)
    assert server.closed and not server.started


@pytest.mark.parametrize("listener", ["localhost", "", ("localhost",), None, 1.5, True, (1, 2), "a:b"])
def test_what_is_no_address_is_refused(listener):
    with pytest.raises((TypeError, ValueError), match="address|host|listen"):
        StreamServer(listener, echo)


def test_a_connection_is_served_by_tcp(serve):
    server = serve(echo)

    assert ask(server) == b"hello"
    assert server.server_host == "127.0.0.1"
    assert server.server_port == server.socket.getsockname()[1] > 0


@pytest.mark.skipif(not stdlib.has_dualstack_ipv6(), reason="no IPv6 here")
def test_every_address_includes_ipv4(serve):
    server = serve(echo, ("::", 0))

    with socket.create_connection(("127.0.0.1", server.server_port)) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"
    with socket.create_connection(("::1", server.server_port)) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"


def test_a_unix_socket_is_served_and_its_file_removed(serve, tmp_path):
    path = tmp_path / "socket"
    server = serve(echo, path)

    assert ask(server) == b"hello"
    assert (server.server_host, server.server_port) == (str(path), None)
    server.close()
    assert not path.exists()


def test_an_abstract_name_is_served(serve):
    server = serve(echo, f"\0hublet-server-{os.getpid()}")

    assert ask(server) == b"hello"


def test_the_file_of_a_dead_server_is_replaced(serve, tmp_path):
    path = tmp_path / "socket"
    with stdlib.socket(stdlib.AF_UNIX) as dead:
        dead.bind(str(path))

    assert ask(serve(echo, path)) == b"hello"


def test_the_file_of_a_living_server_is_not_replaced(serve, tmp_path):
    path = tmp_path / "socket"
    first = serve(echo, path)

    with pytest.raises(OSError, match="while attempting to bind") as caught:
        serve(upper, path)

    assert caught.value.errno == errno.EADDRINUSE
    assert ask(first) == b"hello"


def test_a_file_that_has_taken_the_place_of_its_own_is_left(serve, tmp_path):
    path = tmp_path / "socket"
    server = serve(echo, path)
    path.unlink()
    path.write_text("precious")

    server.close()

    assert path.read_text() == "precious"


@pytest.mark.parametrize("make", [socket.create_server, stdlib.create_server])
def test_a_socket_that_listens_already_is_used(serve, make):
    with make(LOCAL) as listener:
        server = serve(echo, listener)

        assert server.socket is listener
        assert ask(server) == b"hello"
        server.close()
        with pytest.raises(ValueError, match="new server"):
            server.start()


@pytest.mark.parametrize(
    ("kind", "sort"),
    [(StreamServer, "SOCK_DGRAM"), (DatagramServer, "SOCK_STREAM"), (DatagramServer, "SOCK_SEQPACKET")],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_socket_of_the_wrong_kind_is_refused(kind, sort):
    with socket.socket(socket.AF_UNIX, getattr(socket, sort)) as given:
        with pytest.raises(TypeError, match=f"not for a {kind.__name__}"):
            kind(given, echo)


def test_messages_of_a_connection_are_served_by_the_socket_that_is_given(serve, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "server"))
        listener.listen()
        server = serve(echo, listener)

        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.connect(str(tmp_path / "server"))
            sock.sendall(b"hello")
            assert sock.recv(100) == b"hello"
        server.close()


def test_a_backlog_is_not_for_a_socket_that_listens_already():
    with socket.create_server(LOCAL) as listener, pytest.raises(TypeError, match="backlog"):
        StreamServer(listener, echo, backlog=5)


def test_a_listener_is_made_as_a_server_would():
    with StreamServer.get_listener(LOCAL, backlog=1) as listener, DatagramServer.get_listener(LOCAL) as receiver:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        assert receiver.type == socket.SOCK_DGRAM


def test_servers_that_say_so_share_a_port(serve):
    one = serve(echo, reuse_port=True)
    other = serve(echo, one.address, reuse_port=True)

    assert one.address == other.address
    assert [ask(one) for _ in range(10)] == [b"hello"] * 10
    with pytest.raises(OSError, match="in use"):
        serve(echo, one.address)


def test_the_servers_are_names_of_the_package():
    assert hublet.net.StreamServer is StreamServer
    assert hublet.net.DatagramServer is DatagramServer
    assert hublet.net.BaseServer is BaseServer
    with pytest.raises(AttributeError, match="nonsense"):
        hublet.net.nonsense  # noqa: B018


# How they start handlers


class Pool:
    """What a server needs of a pool."""

    def __init__(self, size):
        self.size, self.running, self.left = size, set(), ParkingLot()

    def spawn(self, function, *args):
        self.wait_available()
        greenlet = spawn(function, *args)
        self.running.add(greenlet)
        greenlet.rawlink(self._leave)
        return greenlet

    def _leave(self, greenlet):
        self.running.discard(greenlet)
        self.left.unpark()

    def full(self):
        return len(self.running) >= self.size

    def wait_available(self):
        while self.full():
            self.left.park()


SPAWNS = {
    "default": lambda: "default",
    "raw": lambda: "raw",
    "a number": lambda: 2,
    "a pool": lambda: Pool(2),
    "the method of a pool": lambda: Pool(2).spawn,
    "spawn": lambda: spawn,
    "spawn_raw": lambda: spawn_raw,
    "a function": lambda: lambda function, *args: spawn(function, *args) and None,
}


@pytest.mark.parametrize("kind", SPAWNS)
def test_handlers_run_beside_each_other(serve, kind):
    server = serve(echo, spawn=SPAWNS[kind]())

    with connected(server) as one, connected(server) as other:
        one.sendall(b"one")
        other.sendall(b"other")
        assert (other.recv(100), one.recv(100)) == (b"other", b"one")

    wait_all_parked()
    assert "handlers=0" in repr(server)


@pytest.mark.parametrize("kind", ["a number", "a pool", "the method of a pool"])
def test_while_all_handlers_are_busy_nothing_is_accepted(serve, kind):
    server = serve(echo, spawn=SPAWNS[kind]())
    one, two, three = (connected(server) for _ in range(3))
    three.sendall(b"three")
    wait_all_parked()
    assert server.full()
    assert "handlers=2" in repr(server)

    one.close()

    assert three.recv(100) == b"three"
    two.close()
    three.close()


def test_a_number_is_a_pool_of_that_size(serve):
    server = serve(echo, spawn=2)

    with connected(server):
        wait_all_parked()
        assert (len(server.pool), server.pool.size, server.pool.free_count(), server.pool.full()) == (1, 2, 1, False)
        assert server.pool.wait_available() == 1


def test_without_spawn_the_handler_runs_in_the_hub_and_must_not_wait(serve, reports):
    def handle(sock, address):
        sock.sendall(b"at once")
        sock.recv(100)

    server = serve(handle, spawn=None)

    with connected(server) as sock:
        assert sock.recv(100) == b"at once"
        assert sock.recv(100) == b""

    assert [type(each) for each in reports.take_errors()] == [BlockingSwitchOutError]


def test_a_subclass_may_have_the_handler_as_a_method(serve):
    class Upper(StreamServer):
        def handle(self, sock, address):
            upper(sock, address)

    assert ask(serve(None, kind=Upper)) == b"HELLO"


def test_a_handler_is_told_who_has_connected(serve):
    server = serve(lambda sock, address: sock.sendall(repr(address).encode()))

    with connected(server) as sock:
        assert sock.recv(100).decode() == repr(sock.getsockname())


@pytest.mark.parametrize("handle", [None, 1])
def test_a_server_needs_a_handle(handle):
    with pytest.raises(TypeError, match="handle"):
        StreamServer(LOCAL, handle)


@pytest.mark.parametrize("spawn", ["fast", -1, 1.5, True, object()])
def test_what_cannot_start_handlers_is_refused(spawn):
    with pytest.raises((TypeError, ValueError), match="spawn|negative"):
        StreamServer(LOCAL, echo, spawn=spawn)


def test_the_handler_can_be_changed(serve):
    server = serve(echo)
    server.set_handle(upper)

    assert ask(server) == b"HELLO"


def test_the_connection_is_closed_when_its_handler_is_finished(serve):
    kept = []

    def handle(sock, address):
        kept.append(sock)

    server = serve(handle)

    with connected(server) as sock:
        assert sock.recv(100) == b""
    assert kept[0].fileno() == -1


def test_an_error_in_a_handler_is_reported_and_closes_its_connection_only(serve, reports):
    def handle(sock, address):
        if sock.recv(100) == b"fail":
            raise KeyError("oops")
        sock.sendall(b"fine")

    server = serve(handle)

    assert ask(server, b"fail") == b""
    assert ask(server) == b"fine"
    assert [repr(each) for each in reports.take_errors()] == ["KeyError('oops')"]


@pytest.mark.skipif(not transfer_is_compiled, reason="interpreted, core's own frames hold the errors that go through them")
@pytest.mark.parametrize("kind", ["default", "a number", "raw"])
def test_what_a_handler_that_fails_has_opened_does_not_wait_for_the_collector(serve, kind):
    def handle(sock, address):
        raise LookupError(sock.makefile("rb"))

    hub = get_hub()
    gc.collect()
    gc.disable()
    try:
        hub.handle_error = lambda *error: None
        server = serve(handle, spawn=SPAWNS[kind]())
        for _ in range(3):
            with connected(server):
                wait_all_parked()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [each for each in gc.garbage if isinstance(each, LookupError)] == []
    finally:
        del hub.handle_error
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_no_more_are_accepted_at_once_than_allowed(serve):
    class OneByOne(StreamServer):
        max_accept = 1

    served = []
    server = serve(lambda sock, address: served.append(address), kind=OneByOne)
    server.stop_accepting()
    clients = [connected(server) for _ in range(3)]
    server.start_accepting()
    seen = []

    for _ in range(6):
        sleep(0)
        seen.append(len(served))

    assert {1, 2, 3} <= set(seen)
    for each in clients:
        each.close()


def test_max_accept_must_be_possible():
    class Never(StreamServer):
        max_accept = 0

    with pytest.raises(ValueError, match="max_accept"):
        Never(LOCAL, echo)


# Accepting or not


def test_what_comes_while_nothing_is_accepted_is_served_later(serve):
    server = serve(echo)
    server.stop_accepting()
    with connected(server) as sock:
        sock.sendall(b"hello")
        wait_all_parked()
        assert "handlers=0" in repr(server) and server.started

        server.start_accepting()
        server.start_accepting()

        assert sock.recv(100) == b"hello"


def test_stopping_to_accept_holds_for_a_connection_that_has_just_come(serve):
    served = []
    server = serve(lambda sock, address: served.append(address))
    wait_all_parked()
    with connected(server):
        server.stop_accepting()
        wait_all_parked()

        assert served == []


def test_the_listener_can_be_used_as_soon_as_nothing_is_accepted(serve):
    server = serve(echo)
    wait_all_parked()
    server.stop_accepting()
    server.start_accepting()
    wait_all_parked()

    assert ask(server) == b"hello"


# When something fails


def test_without_descriptors_the_listener_is_kept_and_looked_at_less_and_less_often(serve, reports, exhaust, clock):
    server = serve(echo)
    with connected(server) as early, socket.socket() as late:
        wait_all_parked()
        give_back = exhaust()
        late.connect(server.address)
        late.sendall(b"late")
        before = clock.now()

        sleep(10)

        errors = reports.take_errors()
        assert {each.errno for each in errors} == {errno.EMFILE}
        assert 10 <= len(errors) <= 18  # after 10 ms, doubled up to a second
        assert clock.now() == before + 10
        early.sendall(b"hello")
        assert early.recv(100) == b"hello"

        give_back()

        assert late.recv(100) == b"late"
        assert reports.take_errors() == []
        assert ask(server) == b"hello"


def test_the_first_error_of_a_program_may_be_that_it_has_no_descriptors(script):
    pytest.importorskip("resource")
    printed = script(
        """
        import io, os, resource, sys
        from hublet.core import Timeout
        from hublet.core.lowlevel import get_hub
        from hublet.core.testing import wait_all_parked
        from hublet.net import StreamServer, socket

        def echo(sock, address):
            sock.sendall(sock.recv(100))

        server = StreamServer(("127.0.0.1", 0), echo)
        server.start()
        sys.stderr = stream = io.StringIO()
        with socket.socket() as client, Timeout(20):
            wait_all_parked()
            resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
            taken = []
            try:
                while True:
                    taken.append(os.dup(0))
            except OSError:
                pass
            client.connect(server.address)
            client.sendall(b"hello")
            wait_all_parked()
            for each in taken:
                os.close(each)
            print(client.recv(100), "Too many open files" in stream.getvalue())
        """
    )

    assert printed == "b'hello' True"


def test_a_report_that_fails_does_not_end_the_accepting(serve, monkeypatch):
    failures, shown = [MemoryError("no room")], []

    def start(function, *args):
        if failures:
            raise failures.pop()
        return spawn(function, *args)

    def fail(*args):
        raise RuntimeError("logging is broken")

    server = serve(echo, spawn=start)
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: shown.append(error))
    monkeypatch.setattr(get_hub(), "handle_error", fail)
    with connected(server) as sock:
        assert sock.recv(100) == b""
    monkeypatch.undo()

    assert ask(server) == b"hello"
    assert [repr(each) for each in shown] == ["RuntimeError('logging is broken')"]


def test_a_connection_is_closed_if_no_handler_can_be_started(serve, reports, clock):
    failures = [MemoryError("no room")]

    def start(function, *args):
        if failures:
            raise failures.pop()
        return spawn(function, *args)

    server = serve(echo, spawn=start)
    with connected(server) as sock:
        assert sock.recv(100) == b""
    assert [type(each) for each in reports.take_errors()] == [MemoryError]

    assert ask(server) == b"hello"


def test_a_server_whose_socket_is_gone_closes_itself(serve, reports):
    with socket.create_server(LOCAL) as listener:
        server = serve(echo, listener)
        waiting = spawn(server.serve_forever)
        wait_all_parked()
        listener.close()
        waiting.get()

    assert server.closed
    assert [each.errno for each in reports.take_errors()] == [errno.EBADF]


def test_a_client_that_resets_before_it_is_accepted_harms_nobody(serve, reports):
    server = serve(echo)
    server.stop_accepting()
    for _ in range(3):
        with connected(server) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.start_accepting()

    assert ask(server) == b"hello"
    assert {type(each) for each in reports.take_errors()} <= {ConnectionResetError}


def test_a_listener_that_loses_every_connection_keeps_nobody_from_running(serve, reports, clock):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lost:  # whose accept says what it says of lost connections
        server = serve(echo)
        real, server.socket = server.socket, lost
        wait_all_parked()
        server.stop_accepting()
        server.start_accepting()
        before = clock.now()

        sleep(10)

        errors = reports.take_errors()
        assert {each.errno for each in errors} == {errno.EOPNOTSUPP}
        assert 10 <= len(errors) <= 18
        assert clock.now() == before + 10
        server.socket = real


def test_an_address_in_use_is_said_at_the_start_and_leaves_the_server_closed(serve):
    with socket.create_server(LOCAL) as listener:
        server = StreamServer(listener.getsockname(), echo)
        with pytest.raises(OSError, match="while attempting to bind"):
            server.start()

    assert server.closed and not server.started


# How they stop


def test_a_closed_server_lets_its_handlers_go_on(serve):
    server = serve(echo)
    with connected(server) as sock:
        wait_all_parked()
        address = server.address
        server.close()

        assert server.closed and not server.started
        with pytest.raises(AttributeError, match="no socket"):
            server.socket  # noqa: B018
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


def test_a_server_made_with_an_address_can_start_again(serve):
    server = serve(echo)
    server.stop()
    server.start()

    assert ask(server) == b"hello"


def test_stopping_waits_for_the_handlers_of_a_pool_and_then_kills_them(serve, clock):
    server = serve(echo, spawn=5)
    with connected(server) as sock:
        wait_all_parked()
        before = clock.now()
        server.stop(timeout=3)

        assert clock.now() == before + 3
        assert sock.recv(100) == b""


def test_stopping_ends_as_soon_as_the_handlers_have(serve, clock):
    server = serve(upper, spawn=5)
    with connected(server) as sock:
        wait_all_parked()
        stopping = spawn(server.stop, 3)
        wait_all_parked()
        before = clock.now()
        sock.sendall(b"hello")

        assert sock.recv(100) == b"HELLO"
        stopping.get()
        assert clock.now() == before


def test_stopping_leaves_handlers_that_are_in_no_pool(serve):
    server = serve(echo)
    with connected(server) as sock:
        wait_all_parked()
        server.stop(timeout=0)
        sock.sendall(b"hello")

        assert sock.recv(100) == b"hello"


def test_a_handler_may_stop_its_server(serve):
    def handle(sock, address):
        server.stop(timeout=5)
        sock.sendall(b"stopped")

    server = serve(handle, spawn=5)
    with connected(server) as sock:
        assert sock.recv(100) == b"stopped"
    assert server.closed


def test_serving_forever_ends_when_the_server_is_closed():
    server = StreamServer(LOCAL, echo)
    serving = spawn(server.serve_forever)
    wait_all_parked()
    assert ask(server) == b"hello"
    assert not serving.ready()

    server.close()

    assert serving.get() is None


def test_serving_forever_stops_the_server_whatever_ends_it():
    server = StreamServer(LOCAL, echo)
    with Timeout(0.01, False):
        server.serve_forever()

    assert server.closed


def test_a_with_block_stops_the_server():
    with StreamServer(LOCAL, echo) as server:
        server.start()
        assert ask(server) == b"hello"

    assert server.closed


def test_something_can_be_done_before_each_start(serve):
    class Hooked(StreamServer):
        starts = 0

        def pre_start_hook(self):
            assert self.closed
            self.starts += 1

    server = serve(echo, kind=Hooked)
    server.stop()
    server.start()

    assert server.starts == 2


@pytest.mark.parametrize("kind", [stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM], ids=["stream", "datagram"])
def test_one_with_a_socket_of_the_standard_library_leaves_its_descriptor_to_the_next(serve, kind):
    listener = stdlib.socket(stdlib.AF_INET, kind)
    listener.bind(LOCAL)
    if kind == stdlib.SOCK_STREAM:
        listener.listen()
    server = serve(upper, listener, StreamServer if kind == stdlib.SOCK_STREAM else DatagramServer)
    number = listener.fileno()
    wait_all_parked()

    server.stop()
    reader, writer = os.pipe()
    os.dup2(reader, number)
    spawn(os.write, writer, b"x")
    try:
        assert wait_readable(number, deadline_in(10))
    finally:
        for each in {reader, writer, number}:  # the first is likely to have been given that number
            os.close(each)


# Draining


def test_draining_ends_idle_connections_at_once(serve, clock):
    server = serve(echo)
    with connected(server) as fresh, connected(server) as answered:
        answered.sendall(b"hello")
        assert answered.recv(100) == b"hello"
        wait_all_parked()
        before = clock.now()

        assert server.drain(before + 100) is True

        assert clock.now() == before
        assert (fresh.recv(100), answered.recv(100)) == (b"", b"")


def test_draining_lets_handlers_finish_what_they_have_begun(serve, clock):
    def handle(sock, address):
        for _ in range(2):
            request = b""
            while not request.endswith(b"\n"):
                part = sock.recv(100)
                if not part:
                    return
                request += part
            sock.sendall(request.upper())

    server = serve(handle)
    with connected(server) as sock:
        sock.sendall(b"half")
        wait_all_parked()
        draining = spawn(server.drain, clock.now() + 100)
        wait_all_parked()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address)
        sleep(5)
        assert not draining.ready()

        sock.sendall(b" and the rest\n")

        assert sock.recv(100) == b"HALF AND THE REST\n"
        assert sock.recv(100) == b""
        assert draining.get() is True


@pytest.mark.parametrize("how", ["select", "selectors"])
def test_who_waits_in_select_is_not_idle(serve, clock, how):
    received = []

    def handle(sock, address):
        if how == "select":
            select.select([sock], [], [])
        else:
            with selectors.DefaultSelector() as selector:
                selector.register(sock, selectors.EVENT_READ)
                selector.select()
        received.append(sock.recv(100))

    server = serve(handle)
    with connected(server) as sock:
        wait_all_parked()
        draining = spawn(server.drain, clock.now() + 100)
        sleep(5)
        assert not draining.ready()

        sock.sendall(b"hello")

        assert draining.get() is True
    assert received == [b"hello"]


def test_draining_serves_who_has_connected_before(serve):
    server = serve(echo)
    wait_all_parked()
    clients = [connected(server) for _ in range(5)]
    for each in clients:
        each.sendall(b"hello")

    assert server.drain(deadline_in(10)) is True

    for each in clients:
        assert each.recv(100) == b"hello"
        each.close()


@pytest.mark.parametrize("kind", ["default", "raw", "a number", "a pool", "a function"])
def test_draining_kills_at_the_deadline(serve, clock, kind):
    ended = []

    def handle(sock, address):
        try:
            sleep(1000)
        finally:
            ended.append(sock)

    server = serve(handle, spawn=SPAWNS[kind]())
    with connected(server) as sock:
        wait_all_parked()
        before = clock.now()

        assert server.drain(before + 3) is False

        assert clock.now() == pytest.approx(before + 3)
        assert len(ended) == 1
        assert sock.recv(100) == b""


def test_draining_takes_the_connection_from_a_handler_that_does_not_die(serve, clock):
    errors = []

    def handle(sock, address):
        sock.recv(4)
        for _ in range(2):
            try:
                sock.recv(100)
            except BaseException as error:
                errors.append(error)

    server = serve(handle)
    with connected(server) as sock:
        sock.sendall(b"half")
        wait_all_parked()

        assert server.drain(clock.now() + 3) is False
        wait_all_parked()

        assert sock.recv(100) == b""
        assert errors[1].errno == errno.EBADF


@pytest.mark.parametrize("kind", ["default", "raw"])
def test_a_handler_that_is_killed_before_it_began_leaves_no_connection_open(serve, kind):
    server = serve(echo, spawn=kind)
    server.stop_accepting()
    with connected(server) as sock:
        server.do_handle(*server.do_read())
        server._handlers.kill(None)

        assert sock.recv(100) == b""
    assert "handlers=0" in repr(server)


def test_serving_forever_goes_on_until_the_server_is_drained(clock):
    def handle(sock, address):
        sock.recv(100)
        sleep(5)
        sock.sendall(b"slowly")

    server = StreamServer(LOCAL, handle)
    serving = spawn(server.serve_forever)
    wait_all_parked()
    with connected(server) as sock:
        sock.sendall(b"x")
        wait_all_parked()
        draining = spawn(server.drain, clock.now() + 100)
        wait_all_parked()
        assert not serving.ready()

        assert sock.recv(100) == b"slowly"
        serving.get()
        assert draining.get() is True


def test_a_handler_may_drain_its_server(serve, clock):
    def handle(sock, address):
        sock.sendall(b"%r" % server.drain(clock.now() + 5))

    server = serve(handle)
    with connected(server) as sock:
        assert sock.recv(100) == b"True"


def test_a_protocol_may_say_when_it_is_idle(serve, clock):
    class Patient(StreamServer):
        def is_idle(self, sock, *args):
            return False

    server = serve(echo, kind=Patient)
    with connected(server):
        wait_all_parked()
        before = clock.now()

        assert server.drain(before + 3) is False
        assert clock.now() == pytest.approx(before + 3)


# Datagrams


def asker(server):
    sock = socket.socket(server.family, socket.SOCK_DGRAM)
    sock.connect(server.address)
    return sock


@pytest.mark.parametrize("kind", ["default", "raw", "a number", "a pool"])
def test_datagrams_are_answered(serve, kind):
    server = serve(
        lambda data, address: server.sendto(data.upper(), address), kind=DatagramServer, spawn=SPAWNS[kind]()
    )

    with asker(server) as sock:
        for data in (b"hello", b"", b"x" * 60_000):
            sock.send(data)
            assert sock.recv(70_000) == data.upper()


def test_datagrams_are_answered_in_the_hub(serve):
    server = serve(lambda data, address: server.sendto(data, address), kind=DatagramServer, spawn=None)

    with asker(server) as sock:
        sock.send(b"hello")
        assert sock.recv(100) == b"hello"


def test_datagrams_come_by_unix_sockets(serve, tmp_path):
    got = []
    server = serve(lambda data, address: got.append((data, address)), tmp_path / "server", DatagramServer)

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "client"))
        sock.sendto(b"hello", server.address)
        wait_all_parked()

    assert got == [(b"hello", str(tmp_path / "client"))]


def test_many_greenlets_may_answer_at_once(serve, tmp_path):
    server = serve(lambda data, address: None, tmp_path / "server", DatagramServer)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.bind(str(tmp_path / "slow"))
        senders = [spawn(server.sendto, b"%d" % number, str(tmp_path / "slow")) for number in range(500)]
        wait_all_parked()

        got = {int(slow.recv(100)) for _ in range(500)}

    assert got == set(range(500))
    assert [each.get() for each in senders] == [len(b"%d" % number) for number in range(500)]


def test_an_answer_that_nobody_takes_is_no_end(serve):
    server = serve(lambda data, address: server.sendto(data, address), kind=DatagramServer)
    with asker(server) as gone:
        gone.send(b"x")
    wait_all_parked()

    with asker(server) as sock:
        sock.send(b"hello")
        assert sock.recv(100) == b"hello"


def test_a_datagram_handler_that_fails_is_reported(serve, reports):
    def handle(data, address):
        raise KeyError(getcurrent() and data)

    server = serve(handle, kind=DatagramServer)
    with asker(server) as sock:
        sock.send(b"hello")
        wait_all_parked()

    assert [repr(each) for each in reports.take_errors()] == ["KeyError(b'hello')"]


def test_draining_a_datagram_server_waits_for_its_handlers(serve, clock):
    done = []

    def handle(data, address):
        sleep(2)
        done.append(data)

    server = serve(handle, kind=DatagramServer)
    with asker(server) as sock:
        sock.send(b"hello")

        assert server.drain(clock.now() + 5) is True

    assert done == [b"hello"]
    assert server.closed


@pytest.fixture(params=["drain", "stop"])
def end(request):
    """Each way to end a server whose handlers are given some seconds."""

    def end(server, seconds):
        if request.param == "drain":
            server.drain(deadline_in(seconds))
        else:
            server.stop(seconds)

    return end


@pytest.fixture
def while_it_ends(end):
    """Do something while a server ends and a handler waits at a gate, which is opened after it."""

    @contextmanager
    def while_it_ends(server, gate):
        wait_all_parked()
        ending = spawn(end, server, 20)
        wait_all_parked()
        yield
        gate.open()
        ending.get()

    return while_it_ends


def test_a_datagram_is_answered_although_the_server_ends(serve, while_it_ends):
    go_on, errors = Gate(), []

    def handle(data, address):
        go_on.wait()
        try:
            server.sendto(data.upper(), address)
        except Exception as error:
            errors.append(error)

    server = serve(handle, kind=DatagramServer, spawn=5)
    with asker(server) as sock:
        sock.send(b"hello")
        with while_it_ends(server, go_on):
            assert not server.started

        assert errors == []
        assert sock.recv(100) == b"HELLO"
        assert server.closed


def test_a_datagram_handler_that_is_killed_may_say_so(serve, end):
    def handle(data, address):
        try:
            sleep(1000)
        finally:
            server.sendto(b"killed", address)

    server = serve(handle, kind=DatagramServer, spawn=5)
    with asker(server) as sock:
        sock.send(b"hello")
        wait_all_parked()
        end(server, 0)

        assert sock.recv(100) == b"killed"
        assert server.closed


def test_a_datagram_server_that_ends_takes_nothing_more(serve, while_it_ends):
    go_on, got = Gate(), []

    def handle(data, address):
        got.append(data)
        go_on.wait()

    server = serve(handle, kind=DatagramServer, spawn=5)
    with asker(server) as sock:
        sock.send(b"hello")
        with while_it_ends(server, go_on):
            sock.send(b"too late")
            wait_all_parked()

    assert got == [b"hello"]


def test_a_datagram_server_that_is_started_while_it_ends_goes_on(serve, while_it_ends):
    go_on = Gate()

    def handle(data, address):
        if data == b"wait":
            go_on.wait()
        server.sendto(data, address)

    server = serve(handle, kind=DatagramServer, spawn=5)
    with asker(server) as sock:
        sock.send(b"wait")
        with while_it_ends(server, go_on):
            server.start()

        assert sock.recv(100) == b"wait"
        sock.send(b"hello")
        assert sock.recv(100) == b"hello"

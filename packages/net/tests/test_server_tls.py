"""`StreamServer` with TLS: the handshake in the handler's greenlet, within its time, and the end of it all."""

from __future__ import annotations

import ssl as stdlib_ssl
from contextlib import suppress

import pytest

from hublet.core import sleep, spawn
from hublet.core.errors import BlockingSwitchOutError
from hublet.core.lowlevel import deadline_in
from hublet.core.testing import wait_all_parked
from hublet.net import StreamServer, socket, ssl

LOCAL = ("127.0.0.1", 0)


def echo(sock, address):
    while data := sock.recv(1000):
        sock.sendall(data)


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error


@pytest.fixture
def serve(server_context):
    servers = []

    def serve(handle=echo, listener=LOCAL, **options):
        server = StreamServer(listener, handle, **(options or {"ssl_context": server_context}))
        servers.append(server)
        server.start()
        return server

    yield serve
    for server in servers:
        server.drain(deadline_in(0))


@pytest.fixture
def connected(client_context):
    def connected(server):
        plain = socket.socket(server.family)
        plain.connect(server.address)
        return client_context.wrap_socket(plain, server_hostname="localhost")

    return connected


@pytest.fixture(params=["tcp", "unix"])
def listener(request, tmp_path):
    """Each kind of address to listen at."""
    return LOCAL if request.param == "tcp" else tmp_path / "server"


def test_connections_are_wrapped(serve, connected):
    server = serve()

    with connected(server) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"
    assert server.ssl_enabled


def test_files_make_a_context(serve, connected, authority, tmp_path):
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    server = serve(certfile=str(tmp_path / "both.pem"))

    with connected(server) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"


def test_tls_without_a_certificate_is_refused():
    with pytest.raises(TypeError, match="certfile"):
        StreamServer(LOCAL, echo, ciphers="ALL")


def test_without_spawn_nothing_is_said_without_tls(serve, server_context, reports):
    called = []
    server = serve(lambda *args: called.append(args), spawn=None, ssl_context=server_context)

    with socket.create_connection(server.address) as sock:
        assert sock.recv(100) == b""

    assert called == []
    assert [type(each) for each in reports.take_errors()] == [BlockingSwitchOutError]


def test_without_spawn_the_handler_may_shake_hands_as_far_as_that_does_not_wait(serve, server_context):
    called = []

    def handle(sock, address):
        sock.setblocking(False)
        called.append((type(sock), error_of(sock.do_handshake)))

    server = serve(handle, spawn=None, ssl_context=server_context, do_handshake_on_connect=False)

    with socket.create_connection(server.address) as sock:
        assert sock.recv(100) == b""

    ((kind, error),) = called
    assert kind is ssl.SSLSocket
    assert isinstance(error, ssl.SSLWantReadError)


def test_what_is_no_handshake_closes_that_connection_only(serve, connected, reports):
    server = serve()

    with socket.create_connection(server.address) as rude:
        rude.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with suppress(ConnectionResetError):
            while rude.recv(100):
                pass
    with connected(server) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"

    assert [isinstance(each, stdlib_ssl.SSLError) for each in reports.take_errors()] == [True]


def test_a_client_that_never_shakes_hands_is_given_up(serve, reports, clock):
    server = serve()
    with socket.create_connection(server.address) as silent:
        wait_all_parked()
        before = clock.now()

        assert silent.recv(100) == b""

        assert clock.now() == pytest.approx(before + server.handshake_timeout)
    assert [type(each) for each in reports.take_errors()] == [TimeoutError]


def test_a_slow_handshake_holds_up_nobody(serve, connected):
    server = serve()

    with socket.create_connection(server.address):
        wait_all_parked()
        with connected(server) as sock:
            sock.sendall(b"hello")
            assert sock.recv(100) == b"hello"
        server.drain(deadline_in(0))


def test_draining_waits_for_handshakes_until_the_deadline(serve, connected, clock):
    server = serve()
    with socket.create_connection(server.address) as silent:
        wait_all_parked()
        before = clock.now()

        assert server.drain(before + 3) is False

        assert clock.now() == pytest.approx(before + 3)
        assert silent.recv(100) == b""


def test_draining_serves_who_shakes_hands_meanwhile(serve, client_context):
    def handle(sock, address):
        sock.sendall(sock.recv(100).upper())

    server = serve(handle)
    with socket.create_connection(server.address) as plain:
        wait_all_parked()
        draining = spawn(server.drain, deadline_in(20))
        wait_all_parked()
        assert not draining.ready()

        with client_context.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(b"hello")
            assert sock.recv(100) == b"HELLO"

        assert draining.get() is True


def test_draining_ends_idle_connections(serve, connected, listener):
    server = serve(listener=listener)
    with connected(server) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"
        wait_all_parked()

        assert server.drain(deadline_in(20)) is True

        assert sock.recv(100) == b""


def test_draining_ends_a_connection_whose_message_came_just_before(serve, connected, tmp_path):
    server = serve(listener=tmp_path / "server")
    with connected(server) as sock:
        sock.sendall(b"one")
        assert sock.recv(100) == b"one"
        wait_all_parked()

        sock.sendall(b"two")

        assert server.drain(deadline_in(2)) is True
        assert sock.recv(100) == b"two"
        assert sock.recv(100) == b""


def test_draining_lets_a_message_be_finished_that_came_by_a_unix_socket(serve, connected, tmp_path):
    def handle(sock, address):
        while not (request := sock.recv(100)).endswith(b"\n"):
            sock.recv_into(bytearray(1))
        sock.sendall(request.upper())

    server = serve(handle, tmp_path / "server")
    with connected(server) as sock:
        sock.sendall(b"half")
        wait_all_parked()
        draining = spawn(server.drain, deadline_in(20))
        wait_all_parked()
        assert not draining.ready()

        sock.sendall(b"-")
        sock.sendall(b"and half\n")

        assert sock.recv(100) == b"AND HALF\n"
        assert draining.get() is True


def test_draining_lets_a_message_be_finished(serve, connected):
    arrived = []

    def handle(sock, address):
        request = b""
        while not request.endswith(b"\n"):
            part = sock.recv(100)
            if not part:
                return
            request += part
            arrived.append(part)
        sock.sendall(request.upper())

    server = serve(handle)
    with connected(server) as sock:
        wait_all_parked()
        sleep(0.05)  # the system counts in milliseconds, and its clock ticks every few
        sock.sendall(b"half")
        while not arrived:
            sleep(0.001)  # the system may take its time to deliver it
        draining = spawn(server.drain, deadline_in(20))
        sleep(0.2)
        assert not draining.ready()

        sock.sendall(b" and half\n")

        assert sock.recv(100) == b"HALF AND HALF\n"
        assert draining.get() is True

"""Servers that speak TLS."""

from __future__ import annotations

import pytest

from hublet.core import spawn
from hublet.core.lowlevel import deadline_in
from hublet.core.testing import wait_all_parked
from hublet.net import StreamServer, socket


@pytest.fixture
def serve(server_context):
    """Start a TLS server on a free port; it is stopped after the test."""
    servers = []

    def serve(handle, **options):
        server = StreamServer(("127.0.0.1", 0), handle, ssl_context=server_context, **options)
        servers.append(server)
        server.start()
        return server

    yield serve
    for server in servers:
        server.drain(deadline_in(0))


@pytest.fixture
def connect(client_context):
    made = []

    def connect(server):
        sock = socket.create_connection(server.address)
        made.append(client_context.wrap_socket(sock, server_hostname="localhost"))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def echo_lines(sock, address):
    for line in sock.makefile("rb"):
        sock.sendall(line.upper())


def test_a_server_speaks_tls(serve, connect):
    server = serve(echo_lines)
    clients = [connect(server) for _ in range(3)]

    for client in clients:
        client.sendall(b"hello\n")
    assert [client.recv(100) for client in clients] == [b"HELLO\n"] * 3
    assert server.ssl_enabled


def test_draining_ends_idle_connections_and_lets_the_others_finish(serve, connect):
    begun, ended = [], []

    def handle(sock, address):
        begun.append(address)
        echo_lines(sock, address)
        ended.append(address)

    server = serve(handle)
    fresh, answered, busy = (connect(server) for _ in range(3))
    answered.sendall(b"hello\n")
    assert answered.recv(100) == b"HELLO\n"
    busy.sendall(b"half")
    while len(begun) < 3 or not has_received(server, busy):
        wait_all_parked()

    draining = spawn(server.drain, deadline_in(20))
    assert (fresh.recv(100), answered.recv(100)) == (b"", b"")
    wait_all_parked()
    assert not draining.ready()
    busy.sendall(b" and the rest\n")

    assert busy.recv(100) == b"HALF AND THE REST\n"
    assert draining.get() is True
    assert len(ended) == 3


def has_received(server, client):
    """Say whether the handler of a client has received something and not answered it."""
    return any(not sock._answered for _, (sock, _) in server._handlers.items() if sock.getpeername() == client.getsockname())


def test_a_handler_that_is_drained_can_still_say_goodbye(serve, connect):
    begun = []

    def handle(sock, address):
        begun.append(address)
        buffer = bytearray(10)
        assert sock.recv(100) == sock.recv(100) == b"" and sock.recv_into(buffer) == 0
        sock.sendall(b"goodbye")

    server = serve(handle)
    client = connect(server)
    while not begun:
        wait_all_parked()

    assert server.drain(deadline_in(20)) is True

    assert client.recv(100) == b"goodbye"
    assert client.recv(100) == b""


def test_garbage_ends_its_own_connection_only(serve, connect, reports):
    server = serve(echo_lines)
    with socket.create_connection(server.address) as bad:
        bad.sendall(b"GET / HTTP/1.0\r\n\r\n")
        good = connect(server)
        good.sendall(b"hello\n")
        assert good.recv(100) == b"HELLO\n"
        try:
            while bad.recv(100):
                pass
        except ConnectionError:
            pass
    wait_all_parked()
    assert all(isinstance(each, OSError) for each in reports.take_errors())

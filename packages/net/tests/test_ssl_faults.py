"""TLS with peers that misbehave: on real sockets, and whatever happens, each call ends, at the latest by its deadline."""

from __future__ import annotations

import socket as stdlib
import struct

import pytest

from hublet.core import Timeout, fail_after, sleep, spawn
from hublet.core.testing import wait_all_parked
from hublet.net import socket, ssl

FAILURES = (ssl.SSLError, ConnectionError, TimeoutError)


@pytest.fixture(autouse=True)
def _by_a_deadline_of_the_hub():
    with fail_after(10):
        yield


def error_of(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except BaseException as error:
        return error


def reset(sock):
    """Close with a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.fixture
def plain():
    """A TCP connection, ours on both ends."""
    with stdlib.create_server(("127.0.0.1", 0)) as listener:
        one = stdlib.create_connection(listener.getsockname())
        other, _ = listener.accept()
    pair = socket.socket(fileno=one.detach()), socket.socket(fileno=other.detach())
    yield pair
    for each in pair:
        each.close()


class Tap:
    """A peer of a TLS server or client that speaks TLS in memory, so that a test can cut and change what is sent."""

    def __init__(self, context, sock, server_side):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server_side else "localhost"
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side, server_hostname=name)
        self.sock = sock
        self.sent = 0

    def shake(self, limit=None):
        """Shake hands, at most with *limit* bytes of ours; say whether it came to its end."""
        while True:
            try:
                self.tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = self.outgoing.read()
            if limit is not None and self.sent + len(data) >= limit:
                self.sock.sendall(data[: limit - self.sent])
                return False
            self.sent += len(data)
            self.sock.sendall(data)
            if done:
                return True
            received = self.sock.recv(65536)
            if not received:
                return False
            self.incoming.write(received)

    def record(self, data):
        self.tls.write(data)
        return self.outgoing.read()


GARBAGE = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10,
    "zeros": bytes(100_000),
    "a record of nothing known": b"\xff\x03\x03\x40\x00" + b"x" * 20_000,
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "a handshake of nonsense": b"\x16\x03\x01\x00\x10\x01\x00\x00\x0c" + b"\x01" * 12,
    "a record too long": b"\x16\x03\x01\xff\xff" + bytes(70_000),
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("side", ["server", "client"])
def test_garbage_instead_of_a_handshake_is_an_error(plain, client_context, server_context, garbage, side):
    one, other = plain
    sending = spawn(error_of, other.sendall, GARBAGE[garbage])
    context, options = (server_context, {"server_side": True}) if side == "server" else (client_context, {})
    if side == "client":
        options["server_hostname"] = "localhost"

    error = error_of(context.wrap_socket, one, **options)

    assert isinstance(error, (ssl.SSLError, ConnectionResetError))
    assert one.fileno() == -1
    other.close()
    sending.get()


@pytest.mark.parametrize("ending", ["close", "reset", "silence"])
@pytest.mark.parametrize("side", ["server", "client"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.97])
def test_a_handshake_that_is_cut_off_anywhere_ends(plain, client_context, server_context, ending, side, share):
    one, other = plain
    one.settimeout(0.2)
    ours, theirs = (server_context, client_context) if side == "server" else (client_context, server_context)
    limit = 1 + int(share * (600 if side == "server" else 900))
    tap = Tap(theirs, other, side == "client")
    options = {"server_side": True} if side == "server" else {"server_hostname": "localhost"}
    shaking = spawn(error_of, ours.wrap_socket, one, **options)

    assert tap.shake(limit) is False
    if ending == "close":
        other.close()
    elif ending == "reset":
        reset(other)
    error = shaking.get()

    if ending == "silence":
        assert isinstance(error, TimeoutError) and "handshake operation timed out" in str(error)
    else:
        assert isinstance(error, (ssl.SSLError, ConnectionError)), error
    assert one.fileno() == -1, "what could not be wrapped must not stay open"


def test_a_handshake_in_single_bytes_comes_to_its_end(plain, client_context, server_context):
    one, other = plain
    other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tap = Tap(client_context, other, server_side=False)
    whole, tap.sock = other, type("OneByOne", (), {})()

    def sendall(data):
        for position in range(len(data)):
            whole.sendall(data[position : position + 1])
            if position % 50 == 0:
                sleep(0)

    tap.sock.sendall, tap.sock.recv = sendall, whole.recv
    shaking = spawn(server_context.wrap_socket, one, server_side=True)

    assert tap.shake() is True
    with shaking.get() as server:
        sendall(tap.record(b"hello"))
        received = b""
        while len(received) < 5:
            received += server.recv(5 - len(received))
        assert received == b"hello"


@pytest.fixture
def tapped(plain, client_context, server_context):
    """A server's end, and a client whose records pass through the test's hands."""
    one, other = plain
    tap = Tap(client_context, other, server_side=False)
    shaking = spawn(server_context.wrap_socket, one, server_side=True)
    assert tap.shake() is True
    server = shaking.get()
    yield server, tap
    server.close()


@pytest.mark.parametrize("ending", ["close", "reset", "silence"])
@pytest.mark.parametrize("cut", [3, 10, -1])
def test_a_record_that_is_cut_off_ends_the_read(tapped, ending, cut):
    server, tap = tapped
    server.settimeout(0.2)
    server.suppress_ragged_eofs = False
    tap.sock.sendall(tap.record(b"hello")[:cut])
    reading = spawn(error_of, server.recv, 100)
    wait_all_parked()

    if ending == "close":
        tap.sock.close()
    elif ending == "reset":
        reset(tap.sock)

    # Some versions of OpenSSL take a reset for an end.
    ended = {"close": ssl.SSLEOFError, "reset": (ConnectionResetError, ssl.SSLEOFError), "silence": TimeoutError}
    assert isinstance(reading.get(), ended[ending]), reading.value


def test_after_a_time_out_in_a_record_the_rest_is_read(tapped):
    server, tap = tapped
    record = tap.record(b"hello")
    tap.sock.sendall(record[:10])
    server.settimeout(0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            server.recv(100)
    server.settimeout(5)

    spawn(tap.sock.sendall, record[10:])

    assert server.recv(100) == b"hello"


def test_a_record_that_was_changed_on_the_way_is_an_error_and_the_end(tapped):
    server, tap = tapped
    record = bytearray(tap.record(b"hello"))
    record[-1] ^= 1
    tap.sock.sendall(record)

    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC|DECRYPTION_FAILED"):
        server.recv(100)

    server.settimeout(5)
    again = error_of(server.recv, 100)
    assert again is None or isinstance(again, ssl.SSLError), "asked again, it does not wait for more"


def test_garbage_between_records_is_an_error(tapped):
    server, tap = tapped
    tap.sock.sendall(tap.record(b"hello") + GARBAGE["http"])

    assert server.recv(100) == b"hello"
    with pytest.raises(ssl.SSLError):
        server.recv(100)


# Phases of a connection


@pytest.mark.parametrize("phase", ["reading", "writing", "unwrapping"])
def test_a_reset_ends_whatever_waits(handshake, plain, phase):
    client, server = handshake(plain, suppress_ragged_eofs=False)
    waits = {"reading": (client.recv, 10), "writing": (client.sendall, bytes(50_000_000)), "unwrapping": (client.unwrap,)}
    waiting = spawn(error_of, *waits[phase])
    wait_all_parked()
    assert not waiting.ready()

    reset(server)

    assert isinstance(waiting.get(), (ConnectionError, ssl.SSLError)), waiting.value


def test_half_closed_by_the_peer_it_can_still_be_written_to(handshake, plain):
    client, server = handshake(plain)
    spawn(error_of, client.unwrap)  # says goodbye, and goes on to wait for the other's
    assert server.recv(10) == b"", "the peer has said goodbye"
    assert server.recv(10) == b"", "asked again, it does not wait for more"

    server.sendall(b"still here")

    spawn(error_of, server.unwrap).get()


def test_shut_down_for_writing_below_tls_it_can_still_be_read(handshake, plain):
    client, server = handshake(plain)
    stdlib.socket.shutdown(client, stdlib.SHUT_WR)  # not the method of TLS sockets, which takes TLS off
    server.sendall(b"hello")

    assert client.recv(10) == b"hello"
    assert server.recv(10) == b"", "a ragged end"
    assert server.recv(10) == b"", "asked again, it does not wait for more"
    assert isinstance(error_of(client.sendall, b"x"), (BrokenPipeError, ssl.SSLError))


def test_a_slow_reader_gets_everything(handshake, plain):
    client, server = handshake(plain)
    sending = spawn(client.sendall, b"x" * 20_000_000)
    wait_all_parked()
    assert not sending.ready()

    received = 0
    while received < 20_000_000:
        received += len(server.recv(1000 if received < 1_000_000 else 100_000))

    sending.get()
    assert received == 20_000_000


def test_a_reader_that_never_reads_ends_the_writer_by_its_deadline(handshake, plain):
    client, server = handshake(plain)
    client.settimeout(0.1)

    with pytest.raises(TimeoutError, match="write operation timed out"):
        client.sendall(bytes(100_000_000))


def test_a_peer_that_vanishes_without_a_word_ends_every_call_by_its_deadline(handshake, plain):
    client, server = handshake(plain)
    client.settimeout(0.05)

    for call in (lambda: client.recv(10), client.unwrap):
        with pytest.raises(TimeoutError):
            call()
    with pytest.raises(Timeout), Timeout(0.05):
        client.settimeout(None)
        client.unwrap()


def test_many_bad_clients_do_not_harm_a_good_one(client_context, server_context):
    outcomes = []

    def serve(connection):
        try:
            connection.settimeout(0.5)
            with server_context.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(tls.recv(100).upper())
        except FAILURES as error:
            outcomes.append(type(error))

    def accept():
        while True:
            connection, _ = listener.accept()
            spawn(serve, connection)

    def misbehave(number):
        with socket.create_connection(listener.getsockname()) as bad:
            error_of(bad.sendall, [*GARBAGE.values()][number % len(GARBAGE)][: 10 + number * 100])
            if number % 3 == 0:
                reset(bad)
            elif number % 3 == 1:
                error_of(bad.recv, 1000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = spawn(accept)
        bad = [spawn(misbehave, number) for number in range(30)]
        with socket.create_connection(listener.getsockname()) as good:
            with client_context.wrap_socket(good, server_hostname="localhost") as tls:
                tls.sendall(b"hello")
                assert tls.recv(100) == b"HELLO"
        for each in bad:
            each.get()
        while len(outcomes) < 30:
            sleep(0.01)
        accepting.kill()
    assert len(outcomes) == 30

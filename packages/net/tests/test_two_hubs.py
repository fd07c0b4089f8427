"""Two native threads, each with a hub, and one socket: it belongs to the one that waits for it first."""

from __future__ import annotations

import errno
import os
import socket as stdlib
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from hublet.core import GreenletExit, get_hub, getcurrent, spawn
from hublet.core.errors import ConcurrentObjectUseError, InvalidThreadUseError
from hublet.core.lowlevel import ParkingLot, deadline_in, get_hub_if_exists
from hublet.core.testing import wait_all_parked
from hublet.net import socket
from hublet.net.server import DatagramServer, StreamServer

MUCH = os.urandom(1 << 16) * 64


def outcome_of(function, *args):
    """Return what the call returned or raised, and the native thread's hub."""
    try:
        return function(*args), get_hub_if_exists()
    except Exception as error:
        return error, get_hub_if_exists()


def error_of(function, *args):
    return outcome_of(function, *args)[0]


def take(sock, size):
    """Receive that many bytes of one of our sockets or of the standard library's."""
    data = bytearray()
    while len(data) < size:
        data += sock.recv(size - len(data))
    return data


# Each way to wait: what is prepared before each call, the call, what ends its wait, and what that call returns then.


def way(sock, call, feed, result, prepare=lambda: None):
    return SimpleNamespace(sock=sock, call=call, feed=feed, result=result, prepare=prepare)


def receiving(call, result, kind=stdlib.SOCK_STREAM):
    def make(stack, request):
        one, other = map(stack.enter_context, socket.socketpair(type=kind))
        return way(one, lambda: call(one), lambda: other.send(b"x"), result)

    return make


def receiving_by_udp(stack, request):
    one, other = (stack.enter_context(socket.socket(type=stdlib.SOCK_DGRAM)) for _ in range(2))
    for each in (one, other):
        each.bind(("127.0.0.1", 0))
    call = lambda: one.recvfrom(10)  # noqa: E731
    return way(one, call, lambda: other.sendto(b"x", one.getsockname()), (b"x", other.getsockname()))


def sending(call, result):
    def make(stack, request):
        one, other = map(stack.enter_context, socket.socketpair())
        full = request.getfixturevalue("full")
        filled = []

        def make_room():
            while filled:
                take(other, filled.pop())

        def prepare():
            other.setblocking(False)
            while True:  # what the call before has sent
                try:
                    other.recv(1 << 20)
                except BlockingIOError:
                    break
            other.setblocking(True)
            filled.append(full(one))

        return way(one, lambda: call(one), make_room, result, prepare)

    return make


def accepting(stack, request):
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def accept():
        with listener.accept()[0] as sock:
            return sock.recv(10)

    def come():
        with stdlib.create_connection(listener.getsockname()) as sock:
            sock.sendall(b"x")

    return way(listener, accept, come, b"x")


def reading_tls(stack, request):
    client, server = request.getfixturevalue("nobodys_tls")
    return way(client, lambda: client.recv(10), lambda: server.sendall(b"x"), b"x")


def reading_tls_into(stack, request):
    client, server = request.getfixturevalue("nobodys_tls")
    return way(client, lambda: client.recv_into(bytearray(10)), lambda: server.sendall(b"x"), 1)


WAYS = {
    "recv": receiving(lambda sock: sock.recv(10), b"x"),
    "recv_into": receiving(lambda sock: sock.recv_into(bytearray(10)), 1),
    "recvfrom": receiving(lambda sock: sock.recvfrom(10)[0], b"x"),
    "recvfrom_into": receiving(lambda sock: sock.recvfrom_into(bytearray(10))[0], 1),
    "recvmsg": receiving(lambda sock: sock.recvmsg(10)[0], b"x"),
    "recv, datagrams": receiving(lambda sock: sock.recv(10), b"x", stdlib.SOCK_DGRAM),
    "recvfrom, udp": receiving_by_udp,
    "accept": accepting,
    "send": sending(lambda sock: sock.send(b"x"), 1),
    "sendall": sending(lambda sock: sock.sendall(b"x"), None),
    "sendmsg": sending(lambda sock: sock.sendmsg([b"x"]), 1),
    "tls recv": reading_tls,
    "tls recv_into": reading_tls_into,
}


@pytest.fixture
def nobodys_tls(handshake, in_thread, with_hub):
    """The two ends of a TLS connection, for which a hub that has ended has waited."""
    return in_thread(with_hub, handshake)()


@pytest.fixture(params=WAYS)
def waiting(request):
    """Each way to wait for a socket."""
    with ExitStack() as stack:
        yield WAYS[request.param](stack, request)


def test_a_socket_that_one_hub_has_waited_for_is_refused_in_another_even_when_it_is_idle(waiting, in_thread, with_hub):
    waiting.prepare()
    here = spawn(waiting.call)
    wait_all_parked()
    waiting.feed()
    here.get()
    waiting.prepare()

    error, hub = in_thread(with_hub, outcome_of, waiting.call)()

    assert isinstance(error, InvalidThreadUseError)
    for each in (waiting.sock, get_hub(), hub):
        assert repr(each) in str(error)
    here = spawn(waiting.call)
    wait_all_parked()
    waiting.feed()
    assert here.get() == waiting.result


def test_a_socket_that_nobody_has_waited_for_yet_may_be_used_in_any_hub(waiting, elsewhere):
    waiting.prepare()
    join = elsewhere(waiting.call)
    waiting.feed()

    assert join() == waiting.result


def test_a_socket_is_free_again_when_its_hub_has_ended(waiting, elsewhere):
    for _ in range(2):
        waiting.prepare()
        join = elsewhere(waiting.call)
        waiting.feed()
        assert join() == waiting.result

    waiting.prepare()
    here = spawn(waiting.call)
    wait_all_parked()
    waiting.feed()
    assert here.get() == waiting.result


def test_a_socket_is_handed_to_another_hub_by_its_number(unix_pair, in_thread, with_hub):
    one, other = unix_pair
    here = spawn(one.recv, 10)
    wait_all_parked()
    other.sendall(b"here")
    assert here.get() == b"here"

    def take_over(fd):
        with socket.socket(fileno=fd) as taken:
            spawn(other.sendall, b"there")
            return taken.recv(10)

    assert in_thread(with_hub, take_over, one.detach())() == b"there"


def test_a_socket_is_not_detached_in_another_hub_than_its_own(unix_pair, in_thread, with_hub):
    one, other = unix_pair
    here = spawn(one.recv, 10)
    wait_all_parked()
    other.sendall(b"x")
    here.get()

    error = in_thread(with_hub, lambda: (get_hub(), error_of(one.detach))[1])()

    assert isinstance(error, InvalidThreadUseError)
    assert one.fileno() >= 0


def test_who_would_wait_in_a_second_hub_is_told_of_both_threads_and_nothing_is_lost(waiting, in_thread, with_hub):
    waiting.prepare()
    here = spawn(waiting.call)
    wait_all_parked()

    error, hub = in_thread(with_hub, outcome_of, waiting.call)()

    assert isinstance(error, InvalidThreadUseError)
    for each in (waiting.sock, get_hub(), hub):
        assert repr(each) in str(error)
    assert not here.ready()
    waiting.feed()
    assert here.get() == waiting.result


def test_who_would_wait_here_for_what_another_hub_waits_for_is_told_so(waiting, elsewhere):
    waiting.prepare()
    join = elsewhere(waiting.call)

    error = error_of(waiting.call)

    assert isinstance(error, InvalidThreadUseError)
    waiting.feed()
    assert join() == waiting.result


def test_a_socket_that_is_waited_for_elsewhere_can_be_closed_here(waiting, elsewhere):
    waiting.prepare()
    join = elsewhere(error_of, waiting.call)

    waiting.sock.close()

    assert join().errno == errno.EBADF


def test_what_need_not_wait_is_not_refused(unix_pair, elsewhere):
    one, other = unix_pair
    join = elsewhere(one.recv, 10)

    assert isinstance(error_of(one.recv, 10, socket.MSG_DONTWAIT), BlockingIOError)
    one.sendall(b"from here")
    other.sendall(b"x")

    assert join() == b"x"
    assert other.recv(10) == b"from here"


def test_to_wait_here_in_one_direction_while_another_hub_waits_in_the_other_is_refused(unix_pair, elsewhere, full):
    one, other = unix_pair
    full(one)
    join = elsewhere(one.recv, 10)

    error = error_of(one.sendall, b"x")

    assert isinstance(error, InvalidThreadUseError)
    other.sendall(b"x")
    assert join() == b"x"


def test_connecting_ends_in_the_hub_in_which_it_began(in_thread, with_hub):
    with stdlib.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        queued = stack.enter_context(stdlib.create_connection(listener.getsockname()))
        sock = stack.enter_context(socket.socket())
        sock.settimeout(0.01)
        assert isinstance(error_of(sock.connect, listener.getsockname()), TimeoutError)
        sock.settimeout(None)

        assert isinstance(
            in_thread(with_hub, error_of, sock.connect, listener.getsockname())(), InvalidThreadUseError
        )
        connecting = spawn(sock.connect, listener.getsockname())
        wait_all_parked()
        assert stack.enter_context(listener.accept()[0]).getpeername() == queued.getsockname()

        assert connecting.get() is None
        assert stack.enter_context(listener.accept()[0]).getpeername() == sock.getsockname()


def test_what_waits_for_room_at_a_receiver_is_in_nobodys_hub(full_receiver, elsewhere):
    receiver, sender, path, sent = full_receiver
    here, there = spawn(sender.sendto, b"last", path), elsewhere(sender.sendto, b"last", path)

    received = [receiver.recv(100) for _ in range(sent + 2)]

    assert received[-2:] == [b"last"] * 2
    assert here.get() == there() == 4


# TLS


def test_a_handshake_may_wait_in_another_hub(client_context, server_context, unix_pair, elsewhere):
    one, other = unix_pair
    server = server_context.wrap_socket(other, server_side=True, do_handshake_on_connect=False)
    client = client_context.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False)
    with server, client:
        join = elsewhere(client.do_handshake)
        refused = error_of(client.do_handshake)
        server.do_handshake()
        join()
        client.sendall(b"hello")

        assert isinstance(refused, InvalidThreadUseError)
        assert server.recv(10) == b"hello"


def test_a_goodbye_may_be_waited_for_in_another_hub(nobodys_tls, elsewhere):
    client, server = nobodys_tls
    join = elsewhere(client.unwrap)
    refused = error_of(client.unwrap)

    with server.unwrap() as plain, join() as other:
        assert isinstance(refused, InvalidThreadUseError)
        plain.sendall(b"in the clear")
        assert other.recv(100) == b"in the clear"


def test_who_writes_while_another_hub_waits_in_the_middle_of_a_record_is_told_of_both(nobodys_tls, elsewhere):
    client, server = nobodys_tls
    join = elsewhere(lambda: client.sendall(MUCH))

    error = error_of(client.sendall, b"x")

    assert isinstance(error, ConcurrentObjectUseError)
    assert repr(getcurrent()) in str(error) and str(error).count(__file__) == 2
    assert take(server, len(MUCH)) == MUCH
    join()
    client.sendall(b"and more")
    assert server.recv(10) == b"and more"


def test_a_tls_connection_loses_nothing_when_its_hub_ends_and_another_goes_on(nobodys_tls, elsewhere):
    client, server = nobodys_tls
    for _ in range(2):
        sending = elsewhere(client.sendall, MUCH)
        assert take(server, len(MUCH)) == MUCH
        sending()
    sending = spawn(client.sendall, MUCH)
    assert take(server, len(MUCH)) == MUCH
    sending.get()


# Servers


@pytest.fixture(params=[socket.create_server, stdlib.create_server], ids=["ours", "the standard library's"])
def served_elsewhere(request, elsewhere):
    """Serve in another thread; return the server, and what waits for that thread."""
    with ExitStack() as stack:

        def served_elsewhere(handle, spawn):
            listener = stack.enter_context(request.param(("127.0.0.1", 0)))
            server = StreamServer(listener, handle, spawn=spawn)
            return server, elsewhere(server.serve_forever)

        yield served_elsewhere


@pytest.mark.parametrize("spawn_by", ["default", "raw", 5])
@pytest.mark.parametrize("how", ["close", "stop", "drain"])
def test_a_server_is_ended_by_another_thread(how, spawn_by, served_elsewhere):
    server, join = served_elsewhere(lambda sock, address: sock.sendall(sock.recv(10)), spawn_by)
    fd = server.socket.fileno()
    with stdlib.create_connection(server.address) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"
        assert client.recv(10) == b""

    getattr(server, how)()
    join()

    assert server.closed and not server.started
    with pytest.raises(ConnectionRefusedError):
        stdlib.create_connection(server.address)
    with pytest.raises(OSError):
        os.fstat(fd)


@pytest.mark.parametrize("spawn_by", ["default", "raw", 5])
def test_handlers_of_a_server_are_killed_by_another_thread(spawn_by, served_elsewhere):
    ended = []

    def wait_for_ever(sock, address):
        sock.sendall(b"hello")
        try:
            ParkingLot().park()
        except GreenletExit:
            ended.append(address)

    server, join = served_elsewhere(wait_for_ever, spawn_by)
    with stdlib.create_connection(server.address) as client:
        assert client.recv(10) == b"hello"

        assert server.drain(deadline_in(0.01)) is False

        assert client.recv(10) == b""
        assert ended == [client.getsockname()]
    join()


def test_idle_connections_of_a_server_are_ended_by_another_thread(served_elsewhere):
    def echo(sock, address):
        while data := sock.recv(10):
            sock.sendall(data)

    server, join = served_elsewhere(echo, "default")
    with stdlib.create_connection(server.address) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"

        assert server.drain(deadline_in(20)) is True

        assert client.recv(10) == b""
    join()


def test_a_server_of_datagrams_is_ended_by_another_thread(elsewhere):
    server = DatagramServer(("127.0.0.1", 0), lambda data, address: server.sendto(data.upper(), address))
    join = elsewhere(server.serve_forever)
    with socket.socket(type=stdlib.SOCK_DGRAM) as client:
        client.sendto(b"hello", server.address)
        assert client.recv(10) == b"HELLO"

    server.stop()
    join()

    assert server.closed

"""Making connections: `connect`, `connect_ex`, `accept`, and the functions that make sockets."""

from __future__ import annotations

import errno
import gc
import os
import select
import socket as stdlib
import sys
from contextlib import contextmanager

import pytest

from hublet.core import GreenletExit, Timeout, spawn, spawn_later
from hublet.core.lowlevel import WRITE, get_hub, handle_for
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.net import socket
from hublet.net._racing import interleave
from hublet.net._transfer import compiled as transfer_is_compiled

REFUSED = ("127.0.0.1", 1)


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error


@pytest.fixture
def deaf():
    """The address of a listener whose queue is full: whoever connects waits, and is never told anything."""
    with stdlib.create_server(("127.0.0.1", 0), backlog=0) as listener:
        clients = []
        while True:
            client = stdlib.socket()
            client.setblocking(False)
            clients.append(client)
            client.connect_ex(listener.getsockname())
            if not select.select([], [client], [], 0.1)[1]:
                break
        yield listener.getsockname()
        for client in clients:
            client.close()


# Connecting


def test_connecting_and_accepting_let_each_other_run(listener):
    server = spawn(listener.accept)
    wait_all_parked()

    with socket.socket() as client:
        client.connect(listener.getsockname())
        accepted, address = server.get()

        assert type(accepted) is socket.socket
        assert address == client.getsockname()
        accepted.sendall(b"hello")
        assert client.recv(100) == b"hello"
        accepted.close()


def test_others_run_while_a_connection_is_made(deaf, clock):
    with socket.socket() as sock:
        sock.settimeout(5)
        before = clock.now()
        ran = []
        spawn_later(1, lambda: ran.append(clock.now() - before))

        with pytest.raises(TimeoutError, match="^timed out$"):
            sock.connect(deaf)

        assert ran == [1]
        assert clock.now() == before + 5


def test_a_spurious_wake_up_is_no_connection(deaf, clock):
    with socket.socket() as sock:
        sock.settimeout(5)
        before = clock.now()
        spawn_later(1, lambda: get_hub().call_soon(handle_for(sock.fileno()).ready, WRITE))

        with pytest.raises(TimeoutError):
            sock.connect(deaf)

        assert clock.now() == before + 5


def test_a_refused_connection_raises_what_the_original_raises():
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError) as caught:
        sock.connect(REFUSED)

    assert caught.value.errno == errno.ECONNREFUSED
    assert caught.value.strerror == os.strerror(errno.ECONNREFUSED)


@pytest.mark.skipif(not transfer_is_compiled, reason="interpreted, Python makes the system calls, and an event of each")
@pytest.mark.parametrize("connect", [socket.socket.connect, socket.socket.connect_ex])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_connecting_is_one_event_for_audit_hooks_as_the_originals_is(host, connect):
    if ":" in host and not stdlib.has_ipv6:
        pytest.skip("no IPv6 here")
    heard = []
    is_listening = True

    def hear(event, args):  # for ever
        if is_listening and event == "socket.connect":
            heard.append(args)

    sys.addaudithook(hear)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener, socket.socket(family) as client:
        address = listener.getsockname()
        connect(client, address)
        is_listening = False

    assert heard == [(client, address)]


def test_a_connected_socket_cannot_be_connected_again(listener):
    with socket.create_connection(listener.getsockname()) as sock:
        with pytest.raises(OSError) as caught:
            sock.connect(listener.getsockname())

        assert caught.value.errno == errno.EISCONN
        assert sock.connect_ex(listener.getsockname()) == errno.EISCONN


def test_a_non_blocking_connect_begins_and_is_finished_later(listener):
    with socket.socket() as sock:
        sock.setblocking(False)
        with assert_no_switch():
            begun = sock.connect_ex(listener.getsockname())
        socket.wait_write(sock, timeout=5)

        assert begun == errno.EINPROGRESS
        assert sock.connect_ex(listener.getsockname()) in (0, errno.EISCONN)


def test_a_connection_that_was_begun_without_waiting_can_be_waited_for(listener):
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        sock.setblocking(True)

        assert sock.connect_ex(listener.getsockname()) in (0, errno.EISCONN)
        assert sock.getpeername() == listener.getsockname()


def test_connect_ex_returns_the_number_of_the_error(listener, deaf, clock):
    with socket.socket() as refused, socket.socket() as connected, socket.socket() as late:
        late.settimeout(1)

        assert refused.connect_ex(REFUSED) == errno.ECONNREFUSED
        assert connected.connect_ex(listener.getsockname()) == 0
        assert late.connect_ex(deaf) == errno.EAGAIN


def test_connect_ex_raises_what_is_wrong_with_the_address():
    with socket.socket() as sock:
        with pytest.raises(socket.gaierror):
            sock.connect_ex(("host.invalid", 80))
        with pytest.raises(OverflowError):
            sock.connect_ex(("127.0.0.1", 65536))
        with pytest.raises(TypeError):
            sock.connect_ex("127.0.0.1")


def test_connect_ex_returns_that_the_socket_was_closed_while_it_waited(deaf):
    with socket.socket() as sock:
        connecting = spawn(sock.connect_ex, deaf)
        wait_all_parked()

        sock.close()

        assert connecting.get() == errno.EBADF


@pytest.mark.parametrize("address", [None, "x", ("x",), (1, 80), ("127.0.0.1", 70000), ("127.0.0.1", "80"), ("", 1, 2)])
@pytest.mark.parametrize("call", ["connect", "connect_ex"])
def test_a_wrong_address_is_an_error_in_the_words_of_the_original(call, address):
    def outcome(module):
        with module.socket() as sock, pytest.raises((TypeError, OverflowError)) as caught:
            getattr(sock, call)(address)
        return caught.type, str(caught.value)

    assert outcome(socket) == outcome(stdlib)


def test_connect_ex_does_not_call_an_overridden_connect(listener):
    class Proxied(socket.socket):
        def connect(self, address):
            raise AssertionError("connect was called")

    with Proxied() as sock:
        assert sock.connect_ex(listener.getsockname()) == 0


def test_a_kill_ends_the_wait_for_a_connection(deaf):
    with socket.socket() as sock:
        victim = spawn(sock.connect, deaf)
        wait_all_parked()

        victim.kill()

        assert isinstance(victim.value, GreenletExit)


def test_closing_wakes_who_connects_with_ebadf(deaf):
    with socket.socket() as sock:
        connecting = spawn(error_of, sock.connect, deaf)
        wait_all_parked()

        sock.close()

        assert connecting.get().errno == errno.EBADF


def fill_the_queue_of(path):
    """Connect to the Unix listener at *path* until it takes no more; return the sockets, the last of which was refused."""
    early = [socket.socket(socket.AF_UNIX)]
    early[0].setblocking(False)
    while early[-1].connect_ex(path) != errno.EAGAIN:
        early.append(socket.socket(socket.AF_UNIX))
        early[-1].setblocking(False)
    return early


def test_closing_ends_the_wait_for_a_unix_listener_whose_queue_is_full_with_ebadf(tmp_path):
    path = str(tmp_path / "listener")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as late:
        listener.bind(path)
        listener.listen(0)
        early = fill_the_queue_of(path)
        waiting = spawn(error_of, late.connect, path)
        wait_all_parked()

        late.close()

        assert waiting.get().errno == errno.EBADF
        for each in early:
            each.close()


def test_a_unix_listener_whose_queue_is_full_is_waited_for(tmp_path):
    path = str(tmp_path / "listener")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        early = []
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            if client.connect_ex(path) == errno.EAGAIN:
                client.close()
                break
            early.append(client)
        late = socket.socket(socket.AF_UNIX)
        waiting = spawn(late.connect, path)
        wait_all_parked()
        assert not waiting.ready()

        accepted = [listener.accept()[0] for _ in early]
        waiting.get()
        accepted.append(listener.accept()[0])
        accepted[-1].sendall(b"hello")

        assert late.recv(100) == b"hello"
        for each in [late, *early, *accepted]:
            each.close()


def test_a_unix_listener_whose_queue_stays_full_times_out(tmp_path, clock):
    path = str(tmp_path / "listener")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as late:
        listener.bind(path)
        listener.listen(0)
        early = fill_the_queue_of(path)
        late.settimeout(1.0)
        before = clock.now()

        with pytest.raises(TimeoutError, match="^timed out$"):
            late.connect(path)

        assert clock.now() == pytest.approx(before + 1.0)
        for each in early:
            each.close()


def test_an_abstract_name_is_no_name_of_a_host():
    name = f"\0hublet-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(name)
        listener.listen()
        client.connect(name)

        accepted, _ = listener.accept()

        assert listener.getsockname() == name.encode()
        accepted.close()


# create_connection and create_server


def test_create_connection_tries_one_address_after_the_other(listener):
    # What "localhost" stands for may begin with an address at which nobody listens.
    port = listener.getsockname()[1]

    with socket.create_connection(("localhost", port), timeout=3) as sock:
        assert sock.gettimeout() == 3
        assert sock.getpeername()[1] == port


def test_create_connection_binds_to_the_source_address(listener):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        source = probe.getsockname()

    with socket.create_connection(listener.getsockname(), source_address=source) as sock:
        assert sock.getsockname() == source


def test_create_connection_raises_the_last_error():
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(REFUSED)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_create_connection_raises_all_errors_if_asked_to():
    with pytest.raises(ExceptionGroup) as caught:  # noqa: F821
        socket.create_connection(REFUSED, all_errors=True)

    assert [type(each) for each in caught.value.exceptions] == [ConnectionRefusedError]


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="exception groups came with 3.11")
def test_create_connection_says_what_all_errors_needs():
    with pytest.raises(TypeError, match=r"3\.11"):
        socket.create_connection(REFUSED, all_errors=True)


def open_descriptors():
    gc.collect()
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture
def closing(deaf):
    """Check that what is done in a block leaves no descriptor open."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("counts descriptors in /proc")

    @contextmanager
    def closing():
        get_hub()
        wait_all_parked()
        with socket.socket() as warm, pytest.raises(TimeoutError):
            warm.settimeout(0.001)
            warm.connect(deaf)
        gc.disable()
        try:
            before = open_descriptors()
            yield
            assert open_descriptors() == before
        finally:
            gc.enable()

    return closing


@pytest.mark.parametrize("ending", ["a kill", "a timeout", "a refusal"])
def test_create_connection_closes_its_socket_whatever_ends_it(deaf, closing, ending):
    # Kept, with their tracebacks, which hold the frames, which would hold the socket.
    kept = None
    with closing():
        if ending == "a kill":
            kept = spawn(socket.create_connection, deaf)
            wait_all_parked()
            kept.kill()
        elif ending == "a timeout":
            with pytest.raises(Timeout) as kept, Timeout(0.01):
                socket.create_connection(deaf)
        else:
            with pytest.raises(ConnectionRefusedError) as kept:
                socket.create_connection(REFUSED)

    assert kept is not None


# Racing


class Several:
    """A resolver that knows one host, with several addresses."""

    def __init__(self, *addresses):
        self.addresses = addresses

    def getaddrinfo(self, host, port, *_):
        families = [socket.AF_INET if len(each) == 2 else socket.AF_INET6 for each in self.addresses]
        return [(family, socket.SOCK_STREAM, 6, "", each) for family, each in zip(families, self.addresses)]


@pytest.fixture
def several():
    """Let the name "several.test" have these addresses."""
    hub = get_hub()
    before = hub.resolver

    def several(*addresses):
        hub.resolver = Several(*addresses)
        return "several.test", 80

    yield several
    hub.resolver = before


def test_the_next_address_is_tried_when_the_first_has_not_answered_in_time(several, deaf, listener, clock):
    before = clock.now()

    with socket.create_connection(several(deaf, listener.getsockname())) as sock:
        assert sock.getpeername() == listener.getsockname()

    assert clock.now() == pytest.approx(before + 0.25)


def test_the_next_address_is_tried_as_soon_as_one_has_failed(several, listener, clock):
    before = clock.now()

    with socket.create_connection(several(REFUSED, REFUSED, listener.getsockname())) as sock:
        assert sock.getpeername() == listener.getsockname()

    assert clock.now() == before


def test_how_long_to_wait_for_one_address_can_be_chosen(several, deaf, listener, clock):
    before = clock.now()

    with socket.create_connection(several(deaf, listener.getsockname()), happy_eyeballs_delay=3):
        assert clock.now() == pytest.approx(before + 3)


def test_addresses_can_be_tried_one_after_the_other(several, deaf, listener, clock):
    before = clock.now()
    address = several(deaf, listener.getsockname())

    with socket.create_connection(address, timeout=7, happy_eyeballs_delay=None) as sock:
        assert sock.getpeername() == listener.getsockname()

    assert clock.now() == pytest.approx(before + 7)


def test_if_no_address_answers_the_last_error_is_raised(several, deaf, clock):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(several(REFUSED, REFUSED))
    with pytest.raises(TimeoutError, match="timed out"):
        socket.create_connection(several(REFUSED, deaf), timeout=2)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_if_no_address_answers_all_errors_may_be_raised_in_order(several, deaf, clock):
    with pytest.raises(ExceptionGroup) as caught:  # noqa: F821
        socket.create_connection(several(deaf, REFUSED), timeout=2, all_errors=True)

    assert [type(each) for each in caught.value.exceptions] == [TimeoutError, ConnectionRefusedError]


def test_what_is_wrong_with_every_address_is_raised_at_once(several):
    with pytest.raises(OverflowError):
        socket.create_connection(several(("127.0.0.1", 70000), ("127.0.0.1", 70000)))


def test_what_ends_an_attempt_ends_the_race(several, monkeypatch):
    class Enough(BaseException):
        pass

    def connect(sock, address):
        made.append(sock)
        raise Enough

    made = []
    monkeypatch.setattr(socket.socket, "connect", connect)

    with pytest.raises(Enough):
        socket.create_connection(several(REFUSED, REFUSED))

    assert [each.fileno() for each in made] == [-1]


@pytest.mark.skipif(not stdlib.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("listening", ["127.0.0.1", "::1"])
def test_of_two_families_the_one_that_answers_is_taken(several, listening):
    family = socket.AF_INET6 if ":" in listening else socket.AF_INET
    with socket.create_server((listening, 0), family=family) as listener:
        port = listener.getsockname()[1]

        with socket.create_connection(several(("::1", port, 0, 0), ("127.0.0.1", port))) as sock:
            assert sock.getpeername() == listener.getsockname()


@pytest.mark.parametrize("ending", ["a winner", "a timeout"])
def test_the_sockets_that_lose_a_race_are_closed(several, deaf, listener, closing, ending):
    with closing():
        if ending == "a winner":
            socket.create_connection(several(deaf, deaf, listener.getsockname()), happy_eyeballs_delay=0.001).close()
        else:
            with pytest.raises(Timeout), Timeout(0.02):
                socket.create_connection(several(deaf, deaf, deaf), happy_eyeballs_delay=0.001)
    wait_all_parked()


@pytest.mark.skipif(not transfer_is_compiled, reason="interpreted, an error that ends a wait is held by what has waited")
def test_the_sockets_that_lose_a_race_are_no_garbage(several, deaf, listener):
    def count_sockets():
        return sum(isinstance(each, socket.socket) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = count_sockets()
        socket.create_connection(several(deaf, listener.getsockname()), happy_eyeballs_delay=0.001).close()
        wait_all_parked()
        assert count_sockets() == before
    finally:
        gc.enable()


def test_families_take_turns():
    found = [(family, number) for number, family in enumerate([10, 10, 10, 2, 2, 1])]

    assert interleave(found) == [(10, 0), (2, 3), (1, 5), (10, 1), (2, 4), (10, 2)]


def test_create_server_listens_and_says_where_it_could_not(listener):
    address = listener.getsockname()

    with pytest.raises(OSError, match="while attempting to bind on address") as caught:
        socket.create_server(address)

    assert caught.value.errno == errno.EADDRINUSE
    assert type(listener) is socket.socket


def test_create_server_refuses_what_the_original_refuses():
    with pytest.raises(ValueError, match="AF_INET6"):
        socket.create_server(("127.0.0.1", 0), dualstack_ipv6=True)


def test_two_servers_may_share_a_port_if_both_say_so():
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as one:
        with socket.create_server(one.getsockname(), reuse_port=True) as other:
            assert one.getsockname() == other.getsockname()


def test_dualstack_is_as_the_original_says():
    assert socket.has_dualstack_ipv6() == stdlib.has_dualstack_ipv6()


# Others


def test_socketpair_and_fromfd_make_our_sockets():
    one, other = socket.socketpair()
    copy = socket.fromfd(other.fileno(), other.family, other.type)
    other.close()
    reader = spawn(copy.recv, 100)
    wait_all_parked()

    one.sendall(b"hello")

    assert reader.get() == b"hello"
    assert {type(one), type(other), type(copy)} == {socket.socket}
    one.close()
    copy.close()


@pytest.mark.skipif(not hasattr(stdlib, "send_fds"), reason="no descriptors over sockets here")
def test_descriptors_are_passed_over_a_socket(unix_pair):
    one, other = unix_pair
    receiver = spawn(socket.recv_fds, other, 100, 1)
    wait_all_parked()
    read_end, write_end = os.pipe()

    socket.send_fds(one, [b"here"], [write_end])
    data, (passed,), _, _ = receiver.get()
    os.write(passed, b"through")

    assert data == b"here"
    assert os.read(read_end, 100) == b"through"
    for each in (read_end, write_end, passed):
        os.close(each)


def test_every_public_name_of_the_original_is_here():
    public = [name for name in dir(stdlib) if not name.startswith("_")]

    assert [name for name in public if not hasattr(socket, name)] == []
    assert set(stdlib.__all__) <= set(socket.__all__)
    assert socket._GLOBAL_DEFAULT_TIMEOUT is stdlib._GLOBAL_DEFAULT_TIMEOUT
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        socket.nonsense  # noqa: B018

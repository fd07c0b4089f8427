"""Receiving, sending, timeouts and blocking modes: what `socket.socket` does, and that others run meanwhile."""

from __future__ import annotations

import array
import ctypes
import errno
import inspect
import io
import os
import pickle
import socket as stdlib
import struct
import sys
import threading
import weakref

import pytest

from hublet.core import Timeout, get_hub, getcurrent, joinall, sleep, spawn, spawn_later
from hublet.core.errors import ConcurrentObjectUseError
from hublet.core.lowlevel import READ, WRITE, handle_for
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.net import socket
from hublet.net._transfer import compiled as transfer_is_compiled


def into(method, *args):
    """Call a method that receives into a buffer; return what came, as `recv` does."""
    buffer = bytearray(100)
    count = method(buffer, *args)
    return bytes(buffer[: count if isinstance(count, int) else count[0]])


def error_of(function, *args):
    """Return what a call raises, where a greenlet would be reported for raising it."""
    try:
        function(*args)
    except BaseException as error:
        return error


def answer_of(function, *args):
    """Return what a call returns or raises."""
    try:
        return function(*args)
    except OSError as error:
        return error


class Structure(ctypes.Structure):
    _fields_ = [("number", ctypes.c_int), ("letter", ctypes.c_char)]


RECEIVERS = {
    "recv": lambda sock: sock.recv(100),
    "recv_into": lambda sock: into(sock.recv_into),
    "recvfrom": lambda sock: sock.recvfrom(100)[0],
    "recvfrom_into": lambda sock: into(sock.recvfrom_into),
    "recvmsg": lambda sock: sock.recvmsg(100)[0],
    "recvmsg_into": lambda sock: into(lambda buffer: sock.recvmsg_into(iter([buffer]))),
}
SENDERS = {
    "send": lambda sock, data: sock.send(data),
    "sendall": lambda sock, data: sock.sendall(data) or len(data),
    "sendmsg": lambda sock, data: sock.sendmsg(iter([data])),
}


@pytest.fixture(params=RECEIVERS)
def receive(request):
    return RECEIVERS[request.param]


@pytest.fixture(params=SENDERS)
def send(request):
    return SENDERS[request.param]


# Receiving


def test_a_greenlet_that_receives_waits_until_something_comes(pair, receive):
    one, other = pair
    reader = spawn(receive, one)
    wait_all_parked()
    assert not reader.ready()

    other.sendall(b"hello")

    assert reader.get() == b"hello"


def test_what_is_there_is_received_without_a_switch(pair, receive):
    one, other = pair
    other.sendall(b"hello")

    with assert_no_switch():
        assert receive(one) == b"hello"


def test_the_end_of_the_stream_ends_the_wait(pair, receive):
    one, other = pair
    reader = spawn(receive, one)
    wait_all_parked()

    other.close()

    assert reader.get() == b""


def test_shutting_down_ones_own_side_ends_the_wait(pair):
    one, _ = pair
    reader = spawn(one.recv, 100)
    wait_all_parked()

    one.shutdown(socket.SHUT_RD)

    assert reader.get() == b""


def test_one_may_read_while_another_writes(pair, full):
    one, other = pair
    size = full(one)
    reader, writer = spawn(one.recv, 100), spawn(one.sendall, b"y")
    wait_all_parked()
    assert not reader.ready() and not writer.ready()

    while size:
        size -= len(other.recv(size))
    other.sendall(b"hello")

    assert reader.get() == b"hello"
    assert writer.get() is None
    assert other.recv(10) == b"y"


def test_the_second_reader_of_one_socket_is_told_who_the_first_is(unix_pair):
    one, other = unix_pair
    first = spawn(one.recv, 100)
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError) as caught:
        one.recv(100)

    assert repr(first) in str(caught.value)
    assert repr(getcurrent()) in str(caught.value)
    other.sendall(b"for the first")
    assert first.get() == b"for the first"


def test_the_second_reader_of_one_socket_is_told_where_both_wait(unix_pair):
    one, other = unix_pair

    def read():
        line.append(inspect.currentframe().f_lineno + 1)
        return one.recv(100)

    line = []
    first = spawn(read)
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError) as caught:
        read()

    assert line[0] == line[1]
    assert str(caught.value).count(f" at {__file__}:{line[0]}") == 2
    other.sendall(b"for the first")
    assert first.get() == b"for the first"


def test_a_greenlet_that_is_killed_while_it_waits_leaves_the_socket_usable(pair):
    one, other = pair
    victim = spawn(one.recv, 100)
    wait_all_parked()

    victim.kill()
    other.sendall(b"hello")

    assert one.recv(100) == b"hello"


def test_the_timeout_of_somebody_else_passes_through(unix_pair, clock):
    one, _ = unix_pair
    one.settimeout(5)

    with pytest.raises(Timeout) as caught, Timeout(1) as timeout:
        one.recv(100)

    assert caught.value is timeout


def test_waitall_waits_for_all_of_it(pair):
    one, other = pair
    reader = spawn(one.recv, 10, socket.MSG_WAITALL)
    filler = bytearray(8)

    for part in (b"01234", b"56789", b"abc"):
        other.sendall(part)
        wait_all_parked()
    other.close()

    assert reader.get() == b"0123456789"
    assert one.recv_into(filler, 0, socket.MSG_WAITALL) == 3, "the end came first"
    assert filler == b"abc\0\0\0\0\0"


ALL = socket.MSG_WAITALL
GATHERERS = {
    "recv": lambda sock: sock.recv(10, ALL),
    "recv_into": lambda sock: into(sock.recv_into, 10, ALL),
    "recvfrom": lambda sock: sock.recvfrom(10, ALL)[0],
    "recvfrom_into": lambda sock: into(sock.recvfrom_into, 10, ALL),
    "recvmsg": lambda sock: sock.recvmsg(10, 0, ALL)[0],
    "recvmsg_into": lambda sock: gathered(sock, 3, 0, 7),
}


def gathered(sock, *sizes):
    buffers = [bytearray(size) for size in sizes]
    count = sock.recvmsg_into(buffers, 0, ALL)[0]
    return b"".join(buffers)[:count]


@pytest.mark.parametrize("gather", GATHERERS)
def test_everything_that_receives_waits_for_all_of_it_if_asked_to(pair, gather):
    one, other = pair
    reader = spawn(GATHERERS[gather], one)

    for part in (b"01", b"23456", b"789abc"):
        wait_all_parked()
        other.sendall(part)

    assert reader.get() == b"0123456789"
    assert one.recv(10) == b"abc"


@pytest.mark.parametrize("gather", GATHERERS)
def test_what_came_before_a_reset_is_not_lost_to_who_waits_for_more(listener, gather):
    with socket.create_connection(listener.getsockname()) as one:
        other, _ = listener.accept()
        reader = spawn(GATHERERS[gather], one)
        wait_all_parked()
        other.sendall(b"01234")
        wait_all_parked()

        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.close()

        assert reader.get() == b"01234"
        with pytest.raises(ConnectionResetError):
            one.recv(10)


def test_descriptors_that_come_with_a_part_end_the_wait_for_all_of_it(unix_pair):
    one, other = unix_pair
    reader = spawn(one.recvmsg, 10, socket.CMSG_SPACE(4), ALL)
    wait_all_parked()
    other.sendall(b"01")
    wait_all_parked()

    socket.send_fds(other, [b"23"], [other.fileno()])

    data, ((level, kind, content),), *_ = reader.get()
    assert (data, level, kind) == (b"0123", socket.SOL_SOCKET, socket.SCM_RIGHTS)
    os.close(int.from_bytes(content, sys.byteorder))


def test_waitall_with_a_count_that_does_not_fit_is_the_originals_error(pair):
    one, other = pair
    other.sendall(b"hello")

    for receive_into in (one.recv_into, one.recvfrom_into):
        with pytest.raises(ValueError, match="buffer"):
            receive_into(bytearray(3), 5, socket.MSG_WAITALL)


def test_dontwait_does_not_wait(pair, full):
    one, _ = pair
    full(one)

    with assert_no_switch():
        for call in (one.recv, one.recvfrom, one.recvmsg):
            with pytest.raises(BlockingIOError):
                call(10, *([0] if call == one.recvmsg else []), socket.MSG_DONTWAIT)
        for call in (one.send, one.sendall):
            with pytest.raises(BlockingIOError):
                call(b"x", socket.MSG_DONTWAIT)


NOTHING_ASKED_FOR = {
    "recv": lambda sock: sock.recv(0),
    "recv_into": lambda sock: sock.recv_into(bytearray()),
    "recvfrom": lambda sock: sock.recvfrom(0)[0],
    "recvfrom_into": lambda sock: sock.recvfrom_into(bytearray())[0],
    "recvmsg": lambda sock: sock.recvmsg(0)[0],
    "recvmsg_into": lambda sock: sock.recvmsg_into([bytearray()])[0],
}


@pytest.mark.parametrize("state", ["empty", "closed", "with a datagram"])
@pytest.mark.parametrize("ask", NOTHING_ASKED_FOR)
def test_to_receive_nothing_is_what_the_original_makes_of_it(ask, state):
    outcomes = []
    for module in (socket, stdlib):
        one, other = module.socketpair(type=module.SOCK_DGRAM if state == "with a datagram" else module.SOCK_STREAM)
        with one, other:
            one.settimeout(0)
            other.send(b"hello") if state == "with a datagram" else None
            one.close() if state == "closed" else None
            outcome = [repr(answer_of(NOTHING_ASKED_FOR[ask], one)), repr(answer_of(one.recv, 100))]
        outcomes.append(outcome)

    assert outcomes[0] == outcomes[1]


def test_to_receive_nothing_does_not_wait(pair):
    one, _ = pair
    with assert_no_switch():
        assert one.recv(0) == b""
        assert one.recv_into(bytearray()) == 0
        assert one.recv(0, socket.MSG_WAITALL) == b""


def test_the_error_queue_is_never_waited_for():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, assert_no_switch(), pytest.raises(BlockingIOError):
        sock.recvmsg(100, 100, stdlib.MSG_ERRQUEUE)


@pytest.mark.skipif(not transfer_is_compiled, reason="interpreted, Python makes the system calls")
def test_transfers_ask_the_system_nothing_about_the_socket(script):
    printed = script(
        """
        import ctypes, errno, platform, struct, sys
        from hublet.core import Timeout, spawn
        from hublet.core.testing import wait_all_parked
        from hublet.net import socket

        def bpf(code, if_so, if_not, value):
            return struct.pack("HBBI", code, if_so, if_not, value)

        def forbid(number):
            # Load the number of the system call; if it is that one, fail with EPERM, otherwise allow it.
            deny, allow = 0x50000 | errno.EPERM, 0x7FFF0000
            program = bpf(0x20, 0, 0, 0) + bpf(0x15, 0, 1, number) + bpf(0x06, 0, 0, deny) + bpf(0x06, 0, 0, allow)
            kept = ctypes.create_string_buffer(program, len(program))
            wanted = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept)))
            prctl = ctypes.CDLL(None).prctl
            return prctl(38, 1, 0, 0, 0) == prctl(22, 2, wanted, 0, 0) == 0

        def is_forbidden(sock):
            try:
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
            except PermissionError:
                return True

        def later(waiting, act):
            wait_all_parked()
            assert not waiting.ready()
            act()
            return waiting.get()

        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname())
        late = socket.socket()
        served, _ = listener.accept()
        getsockopt = {"x86_64": 55, "aarch64": 209}.get(platform.machine())
        if getsockopt is None or not forbid(getsockopt):
            sys.exit(print("no seccomp here"))
        assert is_forbidden(served)
        with Timeout(20):
            for receive in (served.recv, served.recvfrom, lambda size: served.recv_into(bytearray(size))):
                later(spawn(receive, 100), lambda: client.send(b"x"))
            size = 20_000_000
            later(spawn(client.sendall, bytes(size)), lambda: served.recv_into(bytearray(size), 0, socket.MSG_WAITALL))
            late.setblocking(False)
            accepted, _ = later(spawn(listener.accept), lambda: late.connect_ex(listener.getsockname()))
            accepted.sendall(b"y")
        print("nothing was asked")
        """
    )
    if printed == "no seccomp here":
        pytest.skip(printed)

    assert printed == "nothing was asked"


# Sending


def test_a_greenlet_that_sends_waits_until_there_is_room(pair, send, full):
    one, other = pair
    size = full(one)
    writer = spawn(send, one, b"hello")
    wait_all_parked()
    assert not writer.ready()

    while size:
        size -= len(other.recv(size))

    assert writer.get() == 5
    assert other.recv(100) == b"hello"


def test_sendall_sends_all_to_a_slow_reader(pair):
    one, other = pair
    data = bytes(range(256)) * 40960
    writer = spawn(one.sendall, data)
    received = bytearray()

    while len(received) < len(data):
        received += other.recv(10007)

    assert received == data
    assert writer.get() is None


@pytest.mark.parametrize(
    "data",
    [
        bytearray(b"hello"),
        memoryview(b"xhellox")[1:6],
        array.array("i", [1, 2, 3]),
        (ctypes.c_int * 3)(1, 2, 3),
        memoryview(b"abcd").cast("B", (2, 2)),
        Structure(1, b"x"),
        bytearray(),
        (ctypes.c_int * 0 * 3)(),
        b"",
    ],
    ids=lambda data: type(data).__name__,
)
def test_sendall_takes_all_that_has_a_buffer(unix_pair, full, data):
    one, other = unix_pair
    expected = bytes(memoryview(data).tobytes())
    size = full(one)
    writer = spawn(one.sendall, data)
    wait_all_parked()

    while size:
        size -= len(other.recv(size))
    writer.get()
    one.close()

    assert other.recv(100) == expected


def test_sendall_goes_on_where_the_kernel_left_off_in_any_buffer(unix_pair):
    one, other = unix_pair
    data = (ctypes.c_int * 500_000)(*range(500_000))
    writer = spawn(one.sendall, data)
    received = bytearray()

    while len(received) < ctypes.sizeof(data):
        received += other.recv(1 << 20)

    assert writer.get() is None
    assert received == bytes(data)


def test_sendall_counts_in_bytes(unix_pair):
    one, other = unix_pair
    probe, peer = socket.socketpair()
    probe.setblocking(False)
    first = probe.send(bytes(10_000_000))
    probe.close()
    peer.close()
    # As many items as the kernel will take bytes at first.
    writer = spawn(one.sendall, array.array("i", bytes(4 * first)))
    received = 0

    while received < 4 * first:
        received += len(other.recv(1 << 20))

    assert writer.get() is None


def test_sending_nothing_never_waits(pair, full):
    one, _ = pair
    full(one)

    with assert_no_switch():
        assert one.send(b"") == 0
        one.sendall(b"")


def test_sending_text_is_the_originals_error(pair, send):
    with pytest.raises(TypeError, match="bytes-like"):
        send(pair[0], "text")


def test_a_reset_ends_the_wait_of_both_directions(full):
    one = socket.socket()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one.connect(listener.getsockname())
        other, _ = listener.accept()
    full(one)
    reader, writer = spawn(error_of, one.recv, 100), spawn(error_of, one.sendall, b"x")
    wait_all_parked()

    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.close()

    errors = {type(reader.get()), type(writer.get())}
    assert ConnectionResetError in errors, "the kernel says it once"
    assert errors <= {ConnectionResetError, BrokenPipeError, type(None)}
    one.close()


# Modes and timeouts


def test_a_non_blocking_socket_raises_at_once(pair, receive, send, full):
    one, _ = pair
    full(one)
    one.setblocking(False)

    with assert_no_switch():
        with pytest.raises(BlockingIOError):
            receive(one)
        with pytest.raises(BlockingIOError):
            send(one, b"x")


def test_a_non_blocking_listener_raises_at_once(listener):
    listener.setblocking(False)

    with assert_no_switch(), pytest.raises(BlockingIOError):
        listener.accept()


def test_a_non_blocking_sendall_sends_what_fits(unix_pair):
    one, other = unix_pair
    one.setblocking(False)
    data = bytes(10_000_000)

    with assert_no_switch(), pytest.raises(BlockingIOError):
        one.sendall(data)

    assert 0 < len(other.recv(len(data))) < len(data)


def test_receiving_times_out(pair, receive, clock):
    one, _ = pair
    one.settimeout(2.5)
    before = clock.now()

    with pytest.raises(TimeoutError, match="^timed out$"):
        receive(one)

    assert clock.now() == before + 2.5


def test_sending_times_out(pair, send, full, clock):
    one, _ = pair
    full(one)
    one.settimeout(2.5)
    before = clock.now()

    with pytest.raises(TimeoutError, match="^timed out$"):
        send(one, b"x")

    assert clock.now() == before + 2.5


def test_accepting_times_out(listener, clock):
    listener.settimeout(2.5)
    before = clock.now()

    with pytest.raises(TimeoutError, match="^timed out$"):
        listener.accept()

    assert clock.now() == before + 2.5


def test_a_spurious_wake_up_grants_no_second_timeout(pair, receive, clock):
    one, _ = pair
    one.settimeout(1.0)
    before = clock.now()
    for moment in (0.5, 0.75):
        spawn_later(moment, lambda: get_hub().call_soon(handle_for(one.fileno()).ready, READ))

    with pytest.raises(TimeoutError):
        receive(one)

    assert clock.now() == before + 1.0


def test_the_timeout_of_sendall_is_for_all_of_it(unix_pair, clock):
    one, other = unix_pair
    one.settimeout(1.0)
    before = clock.now()

    def drip():
        while True:
            sleep(0.25)
            other.recv(100_000)

    reader = spawn(drip)
    with pytest.raises(TimeoutError):
        one.sendall(bytes(10_000_000))

    assert clock.now() == before + 1.0
    reader.kill()


@pytest.mark.parametrize("value", [None, 0, 1, 2.5, True, -1, -0.1, float("nan"), 1e30, 10**30, "1", 1j, b""])
def test_settimeout_takes_and_refuses_what_the_original_does(value):
    def outcome(sock):
        try:
            sock.settimeout(value)
        except Exception as error:
            return type(error)
        return sock.gettimeout(), sock.timeout, sock.getblocking()

    with socket.socket() as ours, stdlib.socket() as original:
        assert outcome(ours) == outcome(original)


def test_setblocking_sets_the_timeout():
    with socket.socket() as sock:
        sock.setblocking(False)
        assert (sock.gettimeout(), sock.getblocking()) == (0.0, False)

        sock.setblocking(True)
        assert (sock.gettimeout(), sock.getblocking()) == (None, True)


def test_a_timeout_that_is_set_while_another_waits_is_for_the_next_call(unix_pair, clock):
    one, other = unix_pair
    reader = spawn(one.recv, 100)
    wait_all_parked()

    one.settimeout(1.0)
    sleep(5.0)
    assert not reader.ready()

    other.sendall(b"hello")
    assert reader.get() == b"hello"


def test_a_mode_that_is_set_while_another_receives_is_for_the_next_call(pair, receive):
    one, other = pair
    reader = spawn(receive, one)
    wait_all_parked()

    one.setblocking(False)
    get_hub().call_soon(handle_for(one.fileno()).ready, READ)
    wait_all_parked()
    other.sendall(b"hello")

    assert reader.get() == b"hello"


def test_a_mode_that_is_set_while_another_sends_is_for_the_next_call(pair, send, full):
    one, other = pair
    left = full(one) + 5
    sender = spawn(send, one, b"hello")
    wait_all_parked()

    one.setblocking(False)
    get_hub().call_soon(handle_for(one.fileno()).ready, WRITE)
    wait_all_parked()
    while left:
        left -= len(other.recv(left))

    assert sender.get() == 5


def test_a_mode_that_is_set_while_another_accepts_is_for_the_next_call(listener):
    server = spawn(listener.accept)
    wait_all_parked()

    listener.setblocking(False)
    get_hub().call_soon(handle_for(listener.fileno()).ready, READ)
    wait_all_parked()

    with socket.create_connection(listener.getsockname()) as client, server.get()[0] as accepted:
        assert accepted.getpeername() == client.getsockname()


def test_a_mode_that_is_set_while_another_waits_for_a_receiver_is_for_the_next_call(full_receiver):
    receiver, sender, path, sent = full_receiver
    waiting = spawn(sender.sendto, b"hello", path)
    wait_all_parked()

    sender.setblocking(False)
    sleep(0.01)  # it looks again by the clock
    for _ in range(sent):
        receiver.recv(1)

    assert waiting.get() == 5


def test_the_default_timeout_is_that_of_new_sockets(listener):
    stdlib.setdefaulttimeout(1.5)
    try:
        with socket.socket() as made, socket.create_connection(listener.getsockname()) as connected:
            accepted, _ = listener.accept()
            timeouts = [each.gettimeout() for each in (made, connected, accepted)]
            accepted.close()
    finally:
        stdlib.setdefaulttimeout(None)

    assert timeouts == [1.5, 1.5, 1.5]


@pytest.mark.parametrize("timeout", [None, 0.0, 5.0])
def test_what_is_accepted_blocks_whatever_the_listener_does(listener, timeout):
    with socket.create_connection(listener.getsockname()):
        listener.settimeout(timeout)
        accepted, _ = listener.accept()

        assert accepted.gettimeout() is None
        accepted.close()


def test_sock_nonblock_is_non_blocking_mode():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        assert sock.gettimeout() == 0.0
        assert sock.type == socket.SOCK_STREAM


def test_a_blocking_descriptor_that_is_taken_over_does_not_block_the_thread(in_thread):
    one, other = stdlib.socketpair()
    with socket.socket(fileno=one.detach()) as sock, other:
        reader = spawn(sock.recv, 100)
        wait_all_parked()

        other.sendall(b"hello")

        assert reader.get() == b"hello"


# Fairness


def test_a_socket_that_always_has_something_lets_others_run(unix_pair):
    one, other = unix_pair
    other.sendall(b"x" * 1000)
    turns = []

    def count():
        while True:
            turns.append(None)
            sleep(0)

    counting = spawn(count)
    for _ in range(1000):
        one.recv(1)
    counting.kill()

    assert 10 < len(turns) < 100, "now and then, not each time"


def test_a_listener_that_always_has_connections_lets_others_run(listener):
    listener.listen(100)
    clients = [stdlib.create_connection(listener.getsockname()) for _ in range(60)]
    ran = threading.Event()
    spawn(ran.set)

    accepted = [listener.accept()[0] for _ in clients]

    assert ran.is_set()
    for each in [*clients, *accepted]:
        each.close()


def test_what_must_not_switch_may_use_sockets_that_have_something(unix_pair):
    one, other = unix_pair
    other.sendall(b"x" * 1000)

    with assert_no_switch():
        for _ in range(1000):
            assert one.recv(1) == b"x"


# Datagrams


def test_datagrams_go_both_ways():
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        reader = spawn(one.recvfrom, 100)
        wait_all_parked()

        other.sendto(b"hello", one.getsockname())
        data, address = reader.get()
        one.sendto(b"and back", 0, address)

        assert (data, address) == (b"hello", other.getsockname())
        assert other.recv(100) == b"and back"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere loopback is one address")
def test_datagrams_and_connections_from_several_hosts_are_told_apart():
    hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.1", "127.0.0.3"]
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.create_server(("127.0.0.1", 0)) as listener:
        receiver.bind(("127.0.0.1", 0))
        for host in hosts:
            with socket.socket(type=socket.SOCK_DGRAM) as sender:
                sender.bind((host, 0))
                sender.sendto(b"x", receiver.getsockname())
                assert receiver.recvfrom(100) == (b"x", sender.getsockname())
            with socket.create_connection(listener.getsockname(), source_address=(host, 0)) as client:
                accepted, address = listener.accept()
                accepted.close()
                assert address == client.getsockname()


def test_audit_hooks_hear_where_something_is_sent(script):
    printed = script(
        """
        import sys
        from hublet.net import socket

        heard = []
        sys.addaudithook(lambda event, args: event == "socket.sendto" and heard.append(args))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            address = sock.getsockname()
            sock.sendto(b"hello", address)
            sock.sendto(b"hello", 0, address)
            print(heard == [(sock, address), (sock, address)])
        """
    )

    assert printed == "True"


def test_the_wrong_number_of_arguments_to_sendto_is_the_originals_error():
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(TypeError, match="1 given"):
        sock.sendto(b"alone")


def test_a_full_queue_of_a_receiver_that_one_is_not_connected_to_is_waited_for(full_receiver):
    receiver, sender, path, sent = full_receiver
    writer = spawn(sender.sendto, b"last", path)
    wait_all_parked()
    assert not writer.ready()

    received = [receiver.recv(100) for _ in range(sent + 1)]

    assert received[-1] == b"last"
    assert writer.get() == 4


def test_a_full_queue_of_a_receiver_times_out(full_receiver, clock):
    _, sender, path, _ = full_receiver
    sender.settimeout(1.0)
    before = clock.now()

    with pytest.raises(TimeoutError, match="^timed out$"):
        sender.sendto(b"x", path)

    assert clock.now() == pytest.approx(before + 1.0)


def test_closing_ends_the_wait_for_a_full_queue_of_a_receiver_with_ebadf(full_receiver):
    _, sender, path, _ = full_receiver
    waiting = spawn(error_of, sender.sendto, b"last", path)
    wait_all_parked()

    sender.close()

    assert waiting.get().errno == errno.EBADF


# What a socket is


def test_it_has_no_dictionary_and_can_be_weakly_referenced():
    sock = socket.socket()
    reference = weakref.ref(sock)

    with pytest.raises(AttributeError):
        sock.surprise = 1
    sock.close()
    del sock

    assert reference() is None


def test_it_is_a_socket_of_the_standard_library():
    with socket.socket() as sock:
        assert isinstance(sock, stdlib.socket)
        assert isinstance(sock.family, socket.AddressFamily)
        assert isinstance(sock.type, socket.SocketKind)
        assert repr(sock).startswith(f"<hublet.net.socket.socket fd={sock.fileno()}, ")
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(sock)


def test_a_subclass_may_have_attributes_and_override_methods(unix_pair):
    class Counting(socket.socket):
        def recv(self, *args):
            self.calls = getattr(self, "calls", 0) + 1
            return super().recv(*args)

    one, other = unix_pair
    with Counting(fileno=one.detach()) as sock:
        other.sendall(b"hello")

        assert sock.recv(100) == b"hello"
        assert sock.calls == 1


def test_a_duplicate_has_the_same_timeout_and_its_own_life(unix_pair):
    one, other = unix_pair
    one.settimeout(7)

    twin = one.dup()
    one.close()
    other.sendall(b"hello")

    assert type(twin) is socket.socket
    assert twin.gettimeout() == 7
    assert twin.recv(100) == b"hello"
    twin.close()


# Files


def test_a_file_reads_lines_as_they_come(pair):
    one, other = pair
    with one.makefile("r", encoding="utf-8", newline="\n") as file:
        reader = spawn(file.readline)
        for part in ("zwölf", " Boxkämpfer\nund", "\n"):
            wait_all_parked()
            assert not reader.ready()
            other.sendall(part.encode())
            if "\n" in part:
                break

        assert reader.get() == "zwölf Boxkämpfer\n"


def test_a_file_keeps_the_descriptor_after_close(pair):
    one, other = pair
    file = one.makefile("rwb")
    one.close()
    other.sendall(b"still here\n")

    assert file.readline() == b"still here\n"
    file.write(b"and writes")
    file.flush()
    assert other.recv(100) == b"and writes"

    file.close()
    assert one.fileno() == -1
    assert other.recv(100) == b""


def test_a_file_waits_on_after_close(unix_pair):
    one, other = unix_pair
    file = one.makefile("rb")
    reader = spawn(file.readline)
    wait_all_parked()

    one.close()
    wait_all_parked()
    assert not reader.ready()
    other.sendall(b"hello\n")

    assert reader.get() == b"hello\n"
    file.close()


def test_sendfile_sends_a_file_to_a_slow_reader(pair, tmp_path):
    one, other = pair
    path = tmp_path / "data"
    path.write_bytes(bytes(range(256)) * 20_000)
    data = path.read_bytes()

    with path.open("rb") as file:
        writer = spawn(one.sendfile, file, 1000, 5_000_000)
        received = bytearray()
        while len(received) < 5_000_000:
            received += other.recv(100_003)

        assert writer.get() == 5_000_000
        assert file.tell() == 5_001_000
    assert received == data[1000:5_001_000]


@pytest.mark.skipif(not hasattr(os, "sendfile"), reason="the system has no such call")
def test_sendfile_lets_the_system_read_a_file_on_disk(pair, tmp_path):
    class Unread(io.FileIO):
        def read(self, size=-1):
            raise AssertionError("read here")

        readinto = readall = read

    one, other = pair
    path = tmp_path / "data"
    path.write_bytes(b"hello")

    with Unread(path) as file:
        assert one.sendfile(file) == 5
    assert other.recv(100) == b"hello"


def test_sendfile_sends_what_is_no_file_on_disk(pair):
    one, other = pair

    assert one.sendfile(io.BytesIO(b"hello")) == 5
    assert other.recv(100) == b"hello"


def test_sendfile_reads_what_the_system_call_does_not_take(pair, tmp_path):
    class Readable(io.BytesIO):
        mode = "rb"

        def fileno(self):
            return file.fileno()  # of which sendfile(2) cannot read

    one, other = pair
    path = tmp_path / "data"
    path.write_bytes(b"on disk")

    with path.open("ab") as file:
        assert one.sendfile(Readable(b"hello")) == 5

    assert other.recv(100) == b"hello"


def test_sendfile_has_the_timeout_for_each_wait(unix_pair, tmp_path, clock):
    one, other = unix_pair
    path = tmp_path / "data"
    path.write_bytes(bytes(1_500_000))
    one.settimeout(1.0)
    before = clock.now()

    def drip():
        received = 0
        while received < 1_500_000:
            sleep(0.75)
            received += len(other.recv(1_000_000))

    reader = spawn(drip)
    with path.open("rb") as file:
        assert one.sendfile(file) == 1_500_000

    reader.get()
    assert clock.now() > before + 1.0


def test_sendfile_times_out_and_says_how_far_it_came(unix_pair, tmp_path, clock):
    one, _ = unix_pair
    path = tmp_path / "data"
    path.write_bytes(bytes(5_000_000))
    one.settimeout(1.0)

    with path.open("rb") as file:
        with pytest.raises(TimeoutError):
            one.sendfile(file)

        assert 0 < file.tell() < 5_000_000


def test_sendfile_refuses_what_the_original_refuses(unix_pair, tmp_path):
    one, _ = unix_pair
    path = tmp_path / "data"
    path.write_bytes(b"hello")

    with path.open("r") as text, pytest.raises(ValueError, match="binary"):
        one.sendfile(text)
    one.setblocking(False)
    with path.open("rb") as file, pytest.raises(ValueError, match="non-blocking"):
        one.sendfile(file)


def test_both_directions_of_one_descriptor_have_a_slot_each(unix_pair, full):
    one, _ = unix_pair
    full(one)
    reader, writer = spawn(error_of, one.recv, 10), spawn(error_of, one.sendall, b"y")
    wait_all_parked()

    handle = handle_for(one.fileno())
    assert handle.reader is not None and handle.writer is not None
    handle.ready(READ | WRITE)  # as an error does
    wait_all_parked()
    assert handle.reader is not None and handle.writer is not None, "both tried again and wait again"

    one.close()
    joinall([reader, writer])


@pytest.mark.skipif(not hasattr(stdlib, "MSG_TRUNC"), reason="no MSG_TRUNC here")
@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("method", ["recv", "recvfrom"])
def test_the_length_of_a_datagram_can_be_asked_for(size, method):
    one, other = socket.socketpair(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)
    with one, other:
        one.send(b"x" * size)

        got = getattr(other, method)(1, socket.MSG_PEEK | socket.MSG_TRUNC)

        data = got[0] if method == "recvfrom" else got
        assert len(data) == size and data[:1] == b"x"
        assert other.recv(200_000) == b"x" * size

"""What a network does to those who trust it: resets, half closes, slow readers, one byte at a time, peers that vanish.

Every test ends by a deadline of the hub if what it waits for does not come.
"""

from __future__ import annotations

import errno
import os
import socket as stdlib
import struct
import subprocess
import sys
import time

import pytest

from hublet.core import joinall, sleep, spawn
from hublet.core.lowlevel import READ, deadline_in, wait_readable
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.net import StreamServer, socket


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error


def reset(sock):
    """Close a socket so that its peer gets a reset instead of an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.fixture
def tcp(listener):
    """Two of our sockets, connected to each other by TCP, that send at once."""
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    for each in (one, other):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    yield one, other
    one.close()
    other.close()


RECEIVERS = {
    "recv": lambda sock: sock.recv(100),
    "recv_into": lambda sock: sock.recv_into(bytearray(100)),
    "recvfrom": lambda sock: sock.recvfrom(100),
    "recvmsg": lambda sock: sock.recvmsg(100),
    "readline": lambda sock: sock.makefile("rb").readline(),
}


# Resets


@pytest.mark.parametrize("receive", RECEIVERS.values(), ids=RECEIVERS)
def test_a_reset_wakes_who_receives(tcp, receive):
    one, other = tcp
    waiting = spawn(error_of, receive, one)
    wait_all_parked()

    reset(other)

    assert waiting.get().errno == errno.ECONNRESET


@pytest.mark.parametrize("receive", RECEIVERS.values(), ids=RECEIVERS)
def test_a_reset_before_receiving_is_an_error(tcp, receive):
    one, other = tcp
    reset(other)

    assert error_of(receive, one).errno == errno.ECONNRESET
    assert one.recv(100) == b""


def test_a_reset_wakes_who_sends(tcp, full):
    one, other = tcp
    full(one)
    waiting = spawn(error_of, one.sendall, bytes(50_000_000))
    wait_all_parked()

    reset(other)

    assert waiting.get().errno in (errno.ECONNRESET, errno.EPIPE)
    assert error_of(one.send, b"x").errno == errno.EPIPE


def test_a_reset_wakes_who_sends_a_file(tcp, tmp_path):
    one, other = tcp
    path = tmp_path / "file"
    path.write_bytes(bytes(50_000_000))
    with path.open("rb") as file:
        waiting = spawn(error_of, one.sendfile, file)
        wait_all_parked()
        assert not waiting.ready()

        reset(other)

        assert waiting.get().errno in (errno.ECONNRESET, errno.EPIPE)
        assert file.tell() > 0, "and says how far it came"


def test_a_reset_after_data_is_not_missed(tcp):
    one, other = tcp
    reader = spawn(lambda: [error_of(one.recv, 100) or b"data", error_of(one.recv, 100)])
    wait_all_parked()
    other.sendall(b"x")
    wait_all_parked()

    reset(other)

    assert reader.get()[1].errno == errno.ECONNRESET


def test_a_reset_while_connecting_is_an_error(listener):
    address = listener.getsockname()
    listener.close()

    with socket.socket() as sock:
        assert error_of(sock.connect, address).errno == errno.ECONNREFUSED


def test_many_resets_leave_a_server_serving(reports):
    def echo(sock, address):
        while data := sock.recv(100):
            sock.sendall(data)

    with StreamServer(("127.0.0.1", 0), echo) as server:
        server.start()
        for number in range(100):
            sock = socket.create_connection(server.address)
            if number % 3:
                sock.sendall(b"x")
            if number % 3 == 2:
                sock.recv(100)
            reset(sock)
        with socket.create_connection(server.address) as sock:
            sock.sendall(b"hello")
            assert sock.recv(100) == b"hello"
        wait_all_parked()

    assert {each.errno for each in reports.take_errors()} <= {errno.ECONNRESET, errno.EPIPE}


# Ends


def test_after_a_half_close_the_other_direction_goes_on(pair):
    one, other = pair
    one.shutdown(socket.SHUT_WR)

    assert other.recv(100) == b""
    reader = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"still here")
    assert reader.get() == b"still here"
    assert error_of(one.send, b"x").errno == errno.EPIPE


@pytest.mark.parametrize("come_together", [True, False])
def test_an_end_after_data_is_not_missed(pair, come_together):
    one, other = pair

    def read():
        return [one.recv(100), one.recv(100), one.recv(100)]

    reader = spawn(read)
    wait_all_parked()
    other.sendall(b"last words")
    if not come_together:
        wait_all_parked()
    other.shutdown(socket.SHUT_WR)

    assert reader.get() == [b"last words", b"", b""]


def test_an_end_that_came_with_data_before_anybody_waited_is_not_missed(pair):
    one, other = pair
    one.settimeout(5)
    warm = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"warm")
    assert warm.get() == b"warm"
    other.sendall(b"data")
    other.close()
    wait_all_parked()

    assert [one.recv(100), one.recv(100)] == [b"data", b""]


# What has been emptied may be full again


def emptied(one, other):
    """Let *one* know that there is nothing more to receive."""
    reader = spawn(one.recv, 1000)
    wait_all_parked()
    other.sendall(b"first")
    assert reader.get() == b"first"


def test_what_comes_while_nobody_waits_is_received(pair):
    one, other = pair
    emptied(one, other)
    other.sendall(b"second")
    wait_all_parked()

    assert one.recv(100) == b"second"


LOOKS = {
    "wait_read": lambda sock: socket.wait_read(sock),
    "wait_readable": lambda sock: wait_readable(sock.fileno()),
    "a peek": lambda sock: sock.recv(1, socket.MSG_PEEK),
    "recvfrom": lambda sock: sock.recvfrom(1),
    "recvmsg": lambda sock: sock.recvmsg(1),
    "read": lambda sock: sock._wait(READ, None) or os.read(sock.fileno(), 1),
}


@pytest.mark.parametrize("look", LOOKS)
def test_what_somebody_else_has_been_told_of_is_received(pair, look):
    one, other = pair
    emptied(one, other)
    looking = spawn(LOOKS[look], one)
    wait_all_parked()
    other.sendall(b"second")
    looking.get()
    wait_all_parked()

    assert one.recv(100) in (b"second", b"econd")


def test_what_is_left_of_a_datagram_sized_read_is_received(pair):
    one, other = pair
    emptied(one, other)
    other.sendall(b"abcdef")

    assert [one.recv(2), one.recv(2), one.recv(2)] == [b"ab", b"cd", b"ef"]
    reader = spawn(one.recv, 2)
    wait_all_parked()
    other.sendall(b"gh")
    assert reader.get() == b"gh"


def test_urgent_data_hides_nothing_that_comes_behind_it(tcp):
    one, other = tcp
    emptied(one, other)
    reader = spawn(lambda: [one.recv(100), one.recv(100)])
    wait_all_parked()
    other.sendall(b"before")
    other.send(b"!", socket.MSG_OOB)
    other.sendall(b"after")

    assert b"".join(reader.get(timeout=5)) == b"beforeafter"


def test_a_timeout_of_zero_is_kept_by_what_is_emptied(pair):
    one, other = pair
    emptied(one, other)
    one.settimeout(0)

    with assert_no_switch():
        assert error_of(one.recv, 100).errno == errno.EAGAIN
    other.sendall(b"second")
    wait_all_parked()
    assert one.recv(100) == b"second"


def test_a_timeout_is_kept_by_what_is_emptied(pair, clock):
    one, other = pair
    emptied(one, other)
    one.settimeout(3)
    before = clock.now()

    assert str(error_of(one.recv, 100)) == "timed out"

    assert clock.now() == before + 3


def test_a_descriptor_that_moves_to_another_socket_is_asked_again(pair):
    one, other = pair
    emptied(one, other)
    with socket.socket(fileno=one.detach()) as successor:
        other.sendall(b"second")
        assert successor.recv(100) == b"second"


def test_a_number_that_is_used_again_at_once_is_asked_again(listener):
    for _ in range(20):
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
        emptied(one, other)
        other.sendall(b"too late")
        one.close()
        other.close()


# Slow and small


def test_a_slow_reader_is_waited_for_and_gets_everything(pair):
    one, other = pair
    data = os.urandom(3_000_000)
    sender = spawn(one.sendall, data)
    received = bytearray()
    while len(received) < len(data):
        wait_all_parked()
        assert not sender.ready() or len(data) - len(received) < 10_000_000
        received += other.recv(50_000)

    assert received == data
    assert sender.get() is None


def test_a_reader_that_never_reads_times_the_sender_out(pair, clock):
    one, _ = pair
    one.settimeout(2)
    before = clock.now()

    assert str(error_of(one.sendall, bytes(50_000_000))) == "timed out"

    assert clock.now() == before + 2


def test_one_deadline_holds_for_all_of_a_sendall_however_often_something_is_taken(pair, clock):
    one, other = pair
    one.settimeout(10)
    before = clock.now()
    sender = spawn(error_of, one.sendall, bytes(50_000_000))

    def drink():
        while not sender.ready():
            sleep(3)
            other.recv(100_000)

    drinker = spawn(drink)
    assert str(sender.get()) == "timed out"

    assert clock.now() == pytest.approx(before + 10)
    drinker.get()


def test_segments_of_one_byte_are_put_together(tcp):
    one, other = tcp
    line = b"GET / HTTP/1.1\r\n"

    def dribble():
        for number in range(len(line)):
            one.sendall(line[number : number + 1])
            sleep(0)
            wait_all_parked()

    sender = spawn(dribble)
    with other.makefile("rb") as file:
        assert file.readline() == line
    sender.get()


def test_all_of_a_buffer_is_waited_for_if_asked_for(tcp):
    one, other = tcp
    reader = spawn(one.recv, 10, socket.MSG_WAITALL)
    for part in (b"abc", b"defg", b"hij", b"klm"):
        wait_all_parked()
        other.sendall(part)

    assert reader.get() == b"abcdefghij"
    assert one.recv(100) == b"klm"


def test_a_flood_on_one_socket_does_not_starve_the_others(in_thread):
    ours, theirs = stdlib.socketpair()
    quiet, speaker = socket.socketpair()
    theirs.settimeout(20)

    def flood():
        try:
            while True:
                theirs.sendall(bytes(65536))
        except OSError:
            pass

    join = in_thread(flood)
    with socket.socket(fileno=ours.detach()) as sock:
        running = True

        def swallow():
            while running:
                sock.recv(1024)

        greedy = spawn(swallow)
        began = time.monotonic()
        for _ in range(50):
            speaker.send(b"x")
            assert quiet.recv(10) == b"x"
            sleep(0.001)
        took = time.monotonic() - began
        running = False
        greedy.get()
    join()
    theirs.close()
    quiet.close()
    speaker.close()
    assert took < 10


def test_a_great_send_lets_others_run(pair):
    one, other = pair
    turns = []

    def count():
        while not sender.ready():
            turns.append(None)
            sleep(0)

    def swallow():
        left = 20_000_000
        while left:
            left -= len(other.recv(1 << 20))

    sender = spawn(one.sendall, bytes(20_000_000))
    joinall([spawn(swallow), spawn(count), sender])

    assert len(turns) > 5


# Peers that vanish


def test_a_peer_process_that_is_killed_is_an_end_or_a_reset(listener):
    code = (
        "import socket, sys, time; sock = socket.create_connection(('127.0.0.1', int(sys.argv[1])));"
        "sock.sendall(b'hello'); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(listener.getsockname()[1])])
    try:
        sock, _ = listener.accept()
        with sock:
            assert sock.recv(100) == b"hello"
            waiting = spawn(sock.recv, 100)
            wait_all_parked()
            process.kill()

            assert waiting.get() == b""
    finally:
        process.kill()
        process.wait()


def test_a_peer_that_is_silent_is_given_up_after_the_timeout(pair, clock):
    one, _ = pair
    one.settimeout(60)
    before = clock.now()

    with pytest.raises(TimeoutError):
        one.recv(1)

    assert clock.now() == before + 60


def test_datagrams_to_nobody_are_told_to_a_connected_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.send(b"x")

        assert error_of(sock.recv, 100).errno == errno.ECONNREFUSED


def test_descriptors_that_run_out_while_accepting_are_an_error_and_lose_nobody(listener):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = socket.create_connection(listener.getsockname())
    client.sendall(b"hello")
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0) + 20, before[1]))
    try:
        with pytest.raises(OSError):
            while True:
                taken.append(os.dup(0))

        assert error_of(listener.accept).errno == errno.EMFILE

        os.close(taken.pop())
        accepted, _ = listener.accept()
        assert accepted.recv(100) == b"hello"
        accepted.close()
        client.close()
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_spurious_wake_up_grants_no_second_timeout(pair, clock):
    one, other = pair
    one.settimeout(4)
    before = clock.now()
    reader = spawn(error_of, one.recv, 100)

    def tease():
        for _ in range(3):
            sleep(1)
            other.send(b"x")
            os.read(one.fileno(), 100)  # taken before the reader comes to it

    teaser = spawn(tease)
    assert str(reader.get()) == "timed out"

    assert clock.now() == pytest.approx(before + 4)
    teaser.get()


def test_waiting_until_a_deadline_that_has_passed_asks_once(pair):
    one, other = pair
    other.sendall(b"x")
    one.settimeout(1e-9)

    assert one.recv(100) == b"x"
    assert deadline_in(0) is not None

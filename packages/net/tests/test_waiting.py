"""`wait_read` and its relatives: waiting for descriptors that belong to something else."""

from __future__ import annotations

import errno
import inspect
import os
import threading

import pytest

from hublet.core import getcurrent, spawn
from hublet.core.errors import ConcurrentObjectUseError, InvalidThreadUseError
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.net import select, socket


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            pass


def test_reading_is_waited_for(pipe):
    read_end, write_end = pipe
    waiting = spawn(socket.wait_read, read_end)
    wait_all_parked()
    assert not waiting.ready()

    os.write(write_end, b"x")

    assert waiting.get() is None


def test_writing_is_waited_for(unix_pair, full):
    one, other = unix_pair
    size = full(one)
    waiting = spawn(socket.wait_write, one)
    wait_all_parked()
    assert not waiting.ready()

    while size:
        size -= len(other.recv(size))

    assert waiting.get() is None


@pytest.mark.parametrize("what", ["reading", "writing"])
def test_either_is_waited_for(unix_pair, full, what):
    one, other = unix_pair
    size = full(one)
    waiting = spawn(socket.wait_readwrite, one.fileno())
    wait_all_parked()
    assert not waiting.ready()

    if what == "reading":
        other.send(b"x")
    else:
        while size:
            size -= len(other.recv(size))

    assert waiting.get() is None


def test_what_is_ready_is_not_waited_for(pipe):
    read_end, write_end = pipe
    os.write(write_end, b"x")

    with assert_no_switch():
        socket.wait_read(read_end)
        socket.wait_write(write_end)
        socket.wait_readwrite(read_end)


def test_a_timeout_raises_what_was_asked_for(pipe, clock):
    read_end, _ = pipe
    before = clock.now()

    with pytest.raises(TimeoutError, match="^timed out$"):
        socket.wait_read(read_end, timeout=1.5)
    with pytest.raises(KeyError):
        socket.wait_readwrite(read_end, 1.5, KeyError)

    assert clock.now() == before + 3


def test_a_descriptor_that_is_not_open_is_ebadf(pipe):
    os.close(pipe[0])

    assert error_of(socket.wait_read, pipe[0]).errno == errno.EBADF
    assert error_of(socket.wait_read, -1).errno == errno.EBADF


@pytest.mark.parametrize("first", [socket.wait_read, socket.wait_readwrite])
@pytest.mark.parametrize("second", [socket.wait_read, socket.wait_readwrite])
def test_the_second_who_waits_is_told_who_the_first_is_and_where_both_wait(pipe, first, second):
    def wait(how):
        line.append(inspect.currentframe().f_lineno + 1)
        how(pipe[0])

    line = []
    waiting = spawn(wait, first)
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError) as caught:
        wait(second)

    assert repr(waiting) in str(caught.value) and repr(getcurrent()) in str(caught.value)
    assert str(caught.value).count(f" at {__file__}:{line[0]}") == 2
    os.write(pipe[1], b"x")
    waiting.get()


@pytest.mark.parametrize("second", ["recv", "sendall"])
def test_who_waits_for_either_has_both_directions_for_itself(unix_pair, full, second):
    one, other = unix_pair
    full(one)
    waiting = spawn(socket.wait_readwrite, one)
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError, match="readable" if second == "recv" else "writable") as caught:
        one.recv(100) if second == "recv" else one.sendall(b"x")

    assert repr(waiting) in str(caught.value)
    other.sendall(b"x")
    waiting.get()
    assert one.recv(100) == b"x"


def test_who_waits_for_either_is_refused_by_who_writes_and_leaves_the_socket_usable(unix_pair, full):
    one, other = unix_pair
    size = full(one)
    writing = spawn(one.sendall, b"y")
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError, match=r" for descriptor \d+ to be readable or writable, but "):
        socket.wait_readwrite(one)

    reading = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"x")
    assert reading.get() == b"x"
    while size:
        size -= len(other.recv(size))
    writing.get()
    assert other.recv(100) == b"y"


def test_waiting_can_be_cancelled(unix_pair, full):
    one, _ = unix_pair
    full(one)
    reader, writer = spawn(error_of, socket.wait_read, one), spawn(error_of, one.sendall, b"x")
    wait_all_parked()

    socket.cancel_wait(one)

    assert reader.get().errno == writer.get().errno == errno.EBADF


def test_waiting_can_be_cancelled_with_an_error_of_ones_own(pipe):
    reader = spawn(error_of, socket.wait_read, pipe[0])
    wait_all_parked()

    socket.cancel_wait(pipe[0], KeyError("enough"))

    assert repr(reader.get()) == "KeyError('enough')"


def test_cancelling_what_nobody_waits_for_does_nothing(pipe):
    socket.cancel_wait(pipe[0])
    socket.cancel_wait(10**6)
    os.write(pipe[1], b"x")

    socket.wait_read(pipe[0])


def test_closing_our_socket_wakes_who_waits_for_its_descriptor(unix_pair):
    one, _ = unix_pair
    waiting = spawn(error_of, socket.wait_read, one.fileno())
    wait_all_parked()

    one.close()

    assert waiting.get().errno == errno.EBADF


def test_a_descriptor_that_is_closed_without_our_being_told_leaves_nothing_behind():
    for _ in range(3):  # the same numbers each time
        read_end, write_end = os.pipe()
        waiting = spawn(socket.wait_read, read_end)
        wait_all_parked()
        os.write(write_end, b"x")
        waiting.get()
        os.close(read_end)
        os.close(write_end)


def test_a_socket_goes_on_after_its_descriptor_was_waited_for(unix_pair):
    one, other = unix_pair
    for call in (one.recv, lambda size: (socket.wait_read(one), one.recv(size))[1]) * 2:
        reader = spawn(call, 100)
        wait_all_parked()
        other.sendall(b"hello")

        assert reader.get() == b"hello"


def test_in_a_thread_without_a_hub_it_blocks(pipe, in_thread):
    read_end, write_end = pipe

    def wait():
        late = error_of(socket.wait_read, read_end, 0.01)
        os.write(write_end, b"x")
        socket.wait_read(read_end, 5)
        return type(late), get_hub_if_exists()

    assert in_thread(wait)() == (TimeoutError, None)


@pytest.mark.parametrize("wait", [socket.wait_read, socket.wait_readwrite])
def test_in_two_hubs_it_is_waited_for_at_once(wait, unix_pair, full, elsewhere):
    one, other = unix_pair
    full(one)
    here, there = spawn(wait, one), elsewhere(wait, one)
    wait_all_parked()
    assert not here.ready()

    other.sendall(b"x")

    assert here.get() is there() is None


def test_in_two_hubs_a_socket_is_waited_for_until_it_is_writable(unix_pair, full, elsewhere):
    one, other = unix_pair
    size = full(one)
    here, there = spawn(one.sendall, b"x"), elsewhere(socket.wait_write, one)
    wait_all_parked()
    assert not here.ready()

    while size:
        size -= len(other.recv(size))

    assert here.get() is there() is None


@pytest.mark.parametrize("wait", [socket.wait_read, socket.wait_write, socket.wait_readwrite])
def test_closing_our_socket_wakes_who_waits_for_its_descriptor_in_other_hubs(wait, unix_pair, full, elsewhere):
    one, other = unix_pair
    full(one)
    fd = one.fileno()
    reading = spawn(error_of, one.recv, 10)
    wait_all_parked()
    there = [elsewhere(error_of, wait, fd) for _ in range(3)]

    one.close()

    assert reading.get().errno == errno.EBADF
    assert [each().errno for each in there] == [errno.EBADF] * 3
    with pytest.raises(OSError):
        os.fstat(fd)


def test_the_number_of_a_socket_is_not_free_before_every_hub_knows_that_it_is_closed(unix_pair, in_thread, with_hub):
    one, other = unix_pair
    fd = one.fileno()
    waits, go_on = threading.Event(), threading.Event()

    def wait():
        waiting = spawn(error_of, socket.wait_read, fd)
        wait_all_parked()
        waits.set()
        go_on.wait(30)  # without letting the hub run
        return waiting.get()

    join = in_thread(with_hub, wait)
    waits.wait(30)
    one.close()
    still_open = os.fstat(fd)
    go_on.set()

    assert still_open
    assert join().errno == errno.EBADF
    assert other.recv(10) == b"", "and it is closed indeed"


def test_a_hub_that_is_destroyed_closes_what_it_was_to_close(unix_pair, in_thread, with_hub):
    one, other = unix_pair
    waits, go_on = threading.Event(), threading.Event()

    def read():
        spawn(other.sendall, b"x")
        one.recv(10)
        waits.set()
        go_on.wait(30)  # without letting the hub run, which ends after it

    join = in_thread(with_hub, read)
    waits.wait(30)
    one.close()
    go_on.set()
    join()

    assert other.recv(10) == b""


def test_detaching_a_socket_that_another_hub_waits_for_is_refused(unix_pair, elsewhere):
    one, other = unix_pair
    there = elsewhere(socket.wait_read, one)

    error = error_of(one.detach)

    assert isinstance(error, InvalidThreadUseError)
    other.sendall(b"x")
    there()
    assert one.recv(10) == b"x"


def test_who_selects_is_in_nobodys_way_and_can_be_cancelled(unix_pair, full):
    one, other = unix_pair
    full(one)
    selecting = [spawn(error_of, select.select, [one], [], []) for _ in range(2)]
    wait_all_parked()
    waiting = spawn(error_of, socket.wait_readwrite, one)
    wait_all_parked()
    assert not waiting.ready()

    socket.cancel_wait(one)

    assert [each.get().errno for each in (*selecting, waiting)] == [errno.EBADF] * 3
    waiting = spawn(socket.wait_readwrite, one)
    wait_all_parked()
    other.sendall(b"x")
    waiting.get()

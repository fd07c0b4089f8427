"""Waiting for descriptors: one reader and one writer each, and nobody left waiting for what is closed."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
import threading
from collections.abc import Iterator

import pytest

from hublet.core import ConcurrentObjectUseError, GreenletExit, Timeout, config, get_hub, joinall, sleep, spawn
from hublet.core.lowlevel import (
    READ,
    WRITE,
    Waiter,
    add_onlooker,
    deadline_in,
    forget_fd,
    get_hub_if_exists,
    handle_for,
    notify_closing,
    remove_onlooker,
    wait_on_handle,
    wait_readable,
    wait_to_call,
    wait_writable,
)
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


@pytest.fixture
def ours(socketpair) -> socket.socket:
    return socketpair[0]


@pytest.fixture
def theirs(socketpair) -> socket.socket:
    return socketpair[1]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    for fd in ends:
        os.set_blocking(fd, False)
    yield ends
    for fd in ends:
        notify_closing(fd)
        try:
            os.close(fd)
        except OSError:
            pass  # the test has closed it


def fill(end: socket.socket) -> int:
    """Write until no more goes in; return how much did."""
    written = 0
    try:
        while True:
            written += end.send(bytes(65536))
    except BlockingIOError:
        return written


def drain(end: socket.socket) -> None:
    try:
        while end.recv(1 << 20):
            pass
    except BlockingIOError:
        pass


# Ready


def test_what_is_readable_already_does_not_switch(ours, theirs):
    theirs.send(b"x")

    with assert_no_switch():
        assert wait_readable(ours.fileno()) is True


def test_what_is_writable_already_does_not_switch(ours):
    with assert_no_switch():
        assert wait_writable(ours.fileno()) is True


def test_a_reader_parks_until_something_can_be_read(ours, theirs):
    log = []
    reader = spawn(lambda: (wait_readable(ours.fileno()), log.append(ours.recv(10))))
    wait_all_parked()
    assert log == []

    theirs.send(b"hello")
    reader.join()

    assert log == [b"hello"]


def test_a_writer_parks_until_something_can_be_written(ours, theirs):
    fill(ours)
    writer = spawn(wait_writable, ours.fileno())
    wait_all_parked()
    assert not writer.ready()

    drain(theirs)

    assert writer.get() is True


def test_one_may_read_and_another_write_at_once(ours, theirs):
    fill(ours)
    reader, writer = spawn(wait_readable, ours.fileno()), spawn(wait_writable, ours.fileno())
    wait_all_parked()

    theirs.send(b"x")
    assert reader.get() is True
    assert not writer.ready()

    drain(theirs)
    assert writer.get() is True


def test_the_end_of_a_stream_is_readable(ours, theirs):
    reader = spawn(wait_readable, ours.fileno())
    wait_all_parked()

    theirs.close()

    assert reader.get() is True
    assert ours.recv(10) == b""


def test_a_writer_whose_reader_goes_away_is_woken(pipe: tuple[int, int]):
    read_fd, write_fd = pipe
    try:
        while True:
            os.write(write_fd, bytes(65536))
    except BlockingIOError:
        pass
    writer = spawn(wait_writable, write_fd)
    wait_all_parked()

    os.close(read_fd)

    assert writer.get() is True
    with pytest.raises(BrokenPipeError):
        os.write(write_fd, b"x")


def test_it_can_be_waited_for_again_and_again(ours, theirs):
    def echo() -> None:
        for _ in range(100):
            wait_readable(ours.fileno())
            ours.send(ours.recv(10))

    def ask() -> list[bytes]:
        answers = []
        for i in range(100):
            theirs.send(b"%d" % i)
            wait_readable(theirs.fileno())
            answers.append(theirs.recv(10))
        return answers

    echoing, asking = spawn(echo), spawn(ask)
    joinall([echoing, asking], raise_error=True)

    assert asking.value == [b"%d" % i for i in range(100)]


def test_what_came_while_nobody_waited_is_not_missed(ours, theirs):
    for part in (b"one", b"two"):
        theirs.send(part)
        sleep(0.0001)  # the hub polls, and nobody wants to know
        assert wait_readable(ours.fileno()) is True
        assert ours.recv(10) == part


def test_many_descriptors_may_become_ready_together():
    pairs = [socket.socketpair() for _ in range(50)]
    order = []
    greenlets = [spawn(lambda i=i: (wait_readable(pairs[i][0].fileno()), order.append(i))) for i in range(50)]
    wait_all_parked()

    for _, end in pairs:
        end.send(b"x")
    joinall(greenlets)

    assert sorted(order) == list(range(50))
    for pair in pairs:
        for end in pair:
            notify_closing(end.fileno())
            end.close()


def test_regular_files_are_always_ready():
    with tempfile.TemporaryFile() as file, assert_no_switch():
        assert wait_readable(file.fileno()) is True
        assert wait_writable(file.fileno()) is True


# Not ready


@pytest.mark.parametrize("wait", [wait_readable, wait_writable])
def test_a_deadline_that_passes_first_gives_false(clock: FakeClock, ours, wait):
    fill(ours)
    start = clock.now()

    assert wait(ours.fileno(), deadline_in(5)) is False

    assert clock.now() == start + 5
    assert get_hub().loop.waiting == 0


def test_after_a_deadline_it_can_be_waited_for_again(clock: FakeClock, ours, theirs):
    assert wait_readable(ours.fileno(), deadline_in(1)) is False
    reader = spawn(wait_readable, ours.fileno())
    wait_all_parked()

    theirs.send(b"x")

    assert reader.get() is True


@pytest.mark.parametrize("end", ["kill", "timeout"])
def test_who_is_interrupted_makes_room_for_others(ours, theirs, end: str):
    if end == "kill":
        first = spawn(wait_readable, ours.fileno())
        wait_all_parked()
        first.kill()
        assert isinstance(first.value, GreenletExit)
    else:
        with pytest.raises(Timeout), Timeout(0.0001):
            wait_readable(ours.fileno())
    assert get_hub().loop.waiting == 0

    second = spawn(wait_readable, ours.fileno())
    wait_all_parked()
    theirs.send(b"x")

    assert second.get() is True


@pytest.mark.parametrize("event, wait", [(READ, wait_readable), (WRITE, wait_writable)])
def test_a_second_who_waits_for_the_same_is_refused_with_both_names(ours, event: int, wait):
    fill(ours)
    first, second = spawn(wait, ours.fileno()), spawn(wait, ours.fileno())
    get_hub().exception_stream = open(os.devnull, "w")
    try:
        second.join()
    finally:
        get_hub().exception_stream.close()
        del get_hub().exception_stream

    assert isinstance(second.exception, ConcurrentObjectUseError)
    for part in (first.name, second.name, str(ours.fileno())):
        assert part in str(second.exception)
    assert not first.ready()
    first.kill()


def test_who_is_refused_does_not_disturb_the_first(ours, theirs):
    first = spawn(wait_readable, ours.fileno())
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError):
        wait_readable(ours.fileno())
    theirs.send(b"x")

    assert first.get() is True


# Closing


@pytest.mark.parametrize("wait", [wait_readable, wait_writable])
def test_closing_wakes_who_waits_with_ebadf(ours, wait, reports):
    fill(ours)
    waiting = spawn(wait, ours.fileno())
    wait_all_parked()

    with assert_no_switch():
        notify_closing(ours.fileno())
    ours.close()

    with pytest.raises(OSError) as caught:
        waiting.get()
    assert caught.value.errno == errno.EBADF
    assert waiting.name in str(caught.value)
    reports.take()


def test_closing_wakes_reader_and_writer(ours, reports):
    fill(ours)
    greenlets = [spawn(wait_readable, ours.fileno()), spawn(wait_writable, ours.fileno())]
    wait_all_parked()

    notify_closing(ours.fileno())
    ours.close()
    joinall(greenlets)

    assert [greenlet.exception.errno for greenlet in greenlets] == [errno.EBADF] * 2
    assert get_hub().loop.waiting == 0
    reports.take()


def test_closing_what_nobody_waits_for_is_harmless(ours):
    notify_closing(ours.fileno())
    wait_readable(ours.fileno(), deadline_in(0))

    notify_closing(ours.fileno())
    notify_closing(ours.fileno())


def test_the_next_owner_of_a_number_starts_anew():
    for _ in range(5):
        ours, theirs = socket.socketpair()
        reader = spawn(wait_readable, ours.fileno())
        wait_all_parked()
        assert not reader.ready()
        theirs.send(b"x")
        assert reader.get() is True
        for end in (ours, theirs):
            notify_closing(end.fileno())
            end.close()


def test_waiting_for_a_closed_descriptor_is_an_error(ours):
    fd = ours.fileno()
    ours.close()

    with pytest.raises(OSError) as caught:
        wait_on_handle(handle_for(fd), READ, None)

    assert caught.value.errno == errno.EBADF
    assert fd not in get_hub().scheduler.handles


def test_closing_in_a_thread_without_a_hub_makes_none(ours):
    seen = []
    thread = threading.Thread(target=lambda: (notify_closing(ours.fileno()), forget_fd(1), seen.append(get_hub_if_exists())))
    thread.start()
    thread.join()

    assert seen == [None]


# Handles


def test_a_descriptor_has_one_handle(ours):
    handle = handle_for(ours.fileno())

    assert handle_for(ours.fileno()) is handle
    assert handle.fd == ours.fileno()


def test_a_forgotten_descriptor_gets_a_new_handle(ours):
    handle = handle_for(ours.fileno())

    forget_fd(ours.fileno())
    forget_fd(ours.fileno())

    assert handle.loop is None
    assert handle_for(ours.fileno()) is not handle


def test_a_handle_can_be_waited_on_directly(ours, theirs):
    handle = handle_for(ours.fileno())
    reader = spawn(wait_on_handle, handle, READ, None)
    wait_all_parked()

    theirs.send(b"x")

    assert reader.get() is True
    assert handle.reader is None


def test_the_reason_names_the_descriptor_and_the_direction(ours):
    reader = spawn(wait_readable, ours.fileno())
    wait_all_parked()

    handle = handle_for(ours.fileno())

    assert repr(handle.reader.reason) == f"descriptor {ours.fileno()} to be readable"
    reader.kill()


def test_waiting_leaves_nothing_behind(clock: FakeClock, ours, theirs, census):
    def waits() -> None:
        for _ in range(20):
            wait_readable(ours.fileno(), deadline_in(1))
            reader = spawn(wait_readable, ours.fileno())
            wait_all_parked()
            theirs.send(b"x")
            reader.join()
            drain(ours)

    waits()
    before = census()
    waits()

    assert census() - before == {}


# Looking on


def look(end: socket.socket, event: int = READ, timeout: float | None = None) -> bool:
    """Wait as `select` does: beside whoever else waits."""
    handle, waiter = handle_for(end.fileno()), Waiter("something to see")
    add_onlooker(handle, event, waiter)
    try:
        return waiter.park(deadline_in(timeout))
    finally:
        remove_onlooker(handle, event, waiter)


def waiting_there(end: socket.socket) -> tuple[object, object, int]:
    handle = handle_for(end.fileno())
    return handle.reader, handle.writer, get_hub().loop.waiting


@pytest.mark.parametrize("taker_first", [True, False])
def test_many_look_on_while_one_takes_and_all_are_woken(ours, theirs, taker_first):
    waits = [look, look, look]
    waits.insert(0 if taker_first else 3, lambda end: wait_readable(end.fileno()))
    waiting = [spawn(wait, ours) for wait in waits]
    wait_all_parked()
    assert get_hub().loop.waiting == 1

    theirs.send(b"x")

    assert [each.get() for each in joinall(waiting)] == [True] * 4
    assert waiting_there(ours) == (None, None, 0)


def test_many_look_on_for_writing(ours, theirs):
    fill(ours)
    waiting = [spawn(look, ours, WRITE), spawn(wait_writable, ours.fileno()), spawn(look, ours, WRITE)]
    wait_all_parked()

    drain(theirs)

    assert [each.get() for each in joinall(waiting)] == [True] * 3
    assert waiting_there(ours) == (None, None, 0)


@pytest.mark.parametrize("order", ["taker first", "onlooker first"])
def test_a_second_that_takes_is_refused_among_onlookers(ours, order):
    waits = [lambda: wait_readable(ours.fileno()), lambda: look(ours)]
    waiting = [spawn(wait) for wait in (waits if order == "taker first" else waits[::-1])]
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError, match="descriptor"):
        wait_readable(ours.fileno())

    assert not any(each.ready() for each in waiting)
    for each in waiting:
        each.kill()
    assert waiting_there(ours) == (None, None, 0)


def test_an_onlooker_that_gives_up_leaves_the_others_waiting(ours, theirs):
    taking, looking = spawn(wait_readable, ours.fileno()), spawn(look, ours)
    wait_all_parked()

    assert look(ours, timeout=0.001) is False
    assert wait_writable(ours.fileno()) is True
    theirs.send(b"x")

    assert taking.get() and looking.get()
    assert waiting_there(ours) == (None, None, 0)


def test_the_one_that_takes_gives_up_and_another_takes_its_place(ours, theirs):
    looking = spawn(look, ours)
    wait_all_parked()
    assert wait_readable(ours.fileno(), deadline_in(0.001)) is False
    taking = spawn(wait_readable, ours.fileno())
    wait_all_parked()

    theirs.send(b"x")

    assert taking.get() and looking.get()


def test_closing_tells_onlookers_too(ours):
    def error_of(wait, *args):
        with pytest.raises(OSError) as caught:
            wait(*args)
        return caught.value.errno

    waiting = [spawn(error_of, look, ours), spawn(error_of, wait_readable, ours.fileno()), spawn(error_of, look, ours)]
    wait_all_parked()

    notify_closing(ours.fileno())

    assert [each.get() for each in joinall(waiting)] == [errno.EBADF] * 3


# Waiting between two system calls


@pytest.fixture(params=["native", "selectors"])
def loops(request):
    """A hub on each loop, taken down after the test."""
    if request.param == "native" and get_hub().loop.name != "native":
        pytest.skip("the native loop is not the one here")
    hub, before = get_hub(), get_hub().loop.name
    if request.param == before:
        yield
        return
    hub.destroy()
    config.loop = request.param
    yield get_hub()
    get_hub().destroy()
    config.loop = before


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("tried", [True, False])
def test_a_call_is_made_again_when_it_may_succeed(ours, theirs, tried):
    handle = handle_for(ours.fileno())
    wait_all_parked()
    handle.fresh = 0
    for _ in range(3):
        reader = spawn(wait_to_call, handle, READ, None, tried)
        wait_all_parked()
        assert not reader.ready()

        theirs.send(b"x")

        assert reader.get() == 1
        assert ours.recv(100) == b"x"


@pytest.mark.usefixtures("loops")
def test_what_was_reported_to_somebody_else_is_not_waited_for_untried(ours, theirs):
    handle = handle_for(ours.fileno())
    wait_all_parked()
    handle.fresh = 0
    other = spawn(wait_readable, ours.fileno())
    wait_all_parked()
    theirs.send(b"x")
    other.get()

    with Timeout(1):
        assert wait_to_call(handle, READ, None, False) == 1


@pytest.mark.usefixtures("loops")
def test_what_came_while_nobody_waited_is_not_waited_for_untried(ours, theirs):
    handle = handle_for(ours.fileno())
    wait_all_parked()
    handle.fresh = 0
    theirs.send(b"x")
    wait_all_parked()

    with Timeout(1):
        assert wait_to_call(handle, READ, None, False) == 1


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("what", ["the end", "urgent data"])
def test_what_comes_together_with_data_is_not_waited_for_untried(tcp, what):
    ours, theirs = tcp
    handle = handle_for(ours.fileno())
    reader = spawn(wait_to_call, handle, READ, None, True)
    wait_all_parked()
    theirs.send(b"x")
    if what == "the end":
        theirs.shutdown(socket.SHUT_WR)
    else:
        theirs.send(b"!", socket.MSG_OOB)
        theirs.send(b"y")
    assert reader.get() == 1
    assert ours.recv(100) == b"x"

    with Timeout(1):
        assert wait_to_call(handle, READ, None, False) == 1

    assert ours.recv(100) == (b"" if what == "the end" else b"y")


def test_a_call_that_may_not_succeed_in_time_is_not_made_again(ours, clock: FakeClock):
    assert wait_to_call(handle_for(ours.fileno()), READ, clock.now() + 3, True) == 0


def test_a_handle_of_another_thread_or_of_nobody_is_not_waited_on(ours):
    handle = handle_for(ours.fileno())
    seen = []
    thread = threading.Thread(target=lambda: seen.append(wait_to_call(handle, READ, None, True)))
    thread.start()
    thread.join()
    forget_fd(ours.fileno())

    assert seen == [-1]
    assert wait_to_call(handle, READ, None, True) == -1


@pytest.fixture
def tcp():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    for each in (one, other):
        each.setblocking(False)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    yield one, other
    for each in (one, other):
        notify_closing(each.fileno())
        each.close()


# Descriptors of others


def test_a_number_that_was_closed_and_given_out_again_unseen_is_waited_for_anew():
    old_read, old_write = os.pipe()
    reading = spawn(wait_readable, old_read)
    wait_all_parked()
    os.write(old_write, b"x")
    assert reading.get() is True
    new_read, new_write = os.pipe()
    os.dup2(new_read, old_read)

    reading = spawn(wait_readable, old_read)
    wait_all_parked()
    os.write(new_write, b"x")

    assert reading.get(timeout=10) is True
    for fd in (old_read, old_write, new_read, new_write):
        os.close(fd)


def test_a_reader_that_leaves_does_not_take_the_registration_from_the_writer(socketpair):
    ours, theirs = socketpair
    fill(ours)
    reading, writing = spawn(wait_readable, ours.fileno()), spawn(wait_writable, ours.fileno())
    wait_all_parked()
    theirs.send(b"x")
    assert reading.get() is True
    assert not writing.ready()

    drain(theirs)

    assert writing.get(timeout=10) is True
    assert ours.fileno() not in get_hub().scheduler.handles

"""`select`, `poll`, `epoll` and the selectors: as in the standard library, and whoever waits lets the others run."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import select as stdlib
import selectors as stdlib_selectors
import socket as stdlib_socket
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

from hublet.core import ConcurrentObjectUseError, InvalidThreadUseError, Timeout, get_hub, joinall, sleep, spawn
from hublet.core.testing import wait_all_parked
from hublet.net import select, selectors, socket
from hublet.net._transfer import compiled as transfer_is_compiled


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error


def by_select(sock: Any, timeout: float | None = None) -> bool:
    return bool(select.select([sock], [], [], timeout)[0])


def by_poll(sock: Any, timeout: float | None = None) -> bool:
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(None if timeout is None else timeout * 1000))


def by_epoll(sock: Any, timeout: float | None = None) -> bool:
    with select.epoll() as poller:
        poller.register(sock, select.EPOLLIN)
        return bool(poller.poll(timeout))


def by(kind: str) -> Callable[..., bool]:
    def by_selector(sock: Any, timeout: float | None = None) -> bool:
        with getattr(selectors, kind)() as selector:
            selector.register(sock, selectors.EVENT_READ)
            return bool(selector.select(timeout))

    return by_selector


SELECTORS = [kind for kind in ("SelectSelector", "PollSelector", "EpollSelector") if hasattr(stdlib_selectors, kind)]
WAYS = {"select": by_select, **{kind: by(kind) for kind in SELECTORS}}
if hasattr(stdlib, "poll"):
    WAYS["poll"] = by_poll
if hasattr(stdlib, "epoll"):
    WAYS["epoll"] = by_epoll


@pytest.fixture(params=WAYS)
def readable(request) -> Callable[..., bool]:
    """Each way to wait until a socket is readable."""
    return WAYS[request.param]


# Each way


def test_waiting_lets_others_run_until_it_is_readable(readable, pair):
    one, other = pair
    order = []
    waiting = spawn(lambda: order.append(readable(one)))
    wait_all_parked()
    order.append("meanwhile")

    other.sendall(b"x")
    waiting.get()

    assert order == ["meanwhile", True]
    assert readable(one), "nothing was taken"
    assert one.recv(10) == b"x"


def test_the_time_is_up(readable, unix_pair, clock):
    begun = clock.now()

    assert readable(unix_pair[0], 0.25) is False

    assert clock.now() - begun == pytest.approx(0.25, abs=0.002)


@pytest.mark.parametrize("way", [way for way in WAYS if "epoll" not in way.lower()])  # the kernel's is never mistaken
def test_what_wakes_for_nothing_grants_no_new_time(way, unix_pair, clock):
    one, other = unix_pair

    def take_it_away():
        while True:
            one.recv(10)

    def send():
        while True:
            sleep(0.4)
            other.sendall(b"x")

    helpers = [spawn(take_it_away), spawn(send)]
    wait_all_parked()
    begun = clock.now()

    assert WAYS[way](one, 1.0) is False

    assert clock.now() - begun == pytest.approx(1.0)
    for helper in helpers:
        helper.kill()


def test_not_to_wait_lets_others_run_all_the_same(readable, unix_pair):
    one, _ = unix_pair
    turns = []
    spawn(lambda: turns.append(1))

    assert readable(one, 0) is False

    assert turns == [1]


def test_always_finding_something_lets_others_run_all_the_same(readable, unix_pair):
    one, other = unix_pair
    other.sendall(b"x")
    turns = []
    spawn(lambda: turns.append(1))

    for _ in range(100):
        assert readable(one, 5)

    assert turns == [1]


def test_many_may_wait_for_the_same_socket_and_one_read_from_it(readable, pair):
    one, other = pair
    waiting = [spawn(readable, one) for _ in range(3)]
    wait_all_parked()
    reading = spawn(one.recv, 10)
    wait_all_parked()
    with pytest.raises(ConcurrentObjectUseError):
        one.recv(10)
    waiting += [spawn(readable, one, 10) for _ in range(3)]
    wait_all_parked()

    other.sendall(b"x")
    assert reading.get() == b"x"
    other.sendall(b"y")

    assert all(each.get() for each in joinall(waiting))
    assert one.recv(10) == b"y"


def test_a_timeout_of_the_greenlet_leaves_nothing_behind(readable, unix_pair):
    one, other = unix_pair
    with pytest.raises(Timeout), Timeout(0.01):
        readable(one)
    assert get_hub().loop.waiting == 0

    reading = spawn(one.recv, 10)
    wait_all_parked()
    other.sendall(b"x")
    assert reading.get() == b"x"


def test_what_is_not_ours_is_waited_for_too(readable):
    out, into = os.pipe()
    waiting = spawn(readable, out)
    wait_all_parked()

    os.write(into, b"x")

    assert waiting.get() is True
    os.close(out)
    os.close(into)


def test_a_number_that_is_used_again_is_waited_for_afresh(readable):
    for _ in range(3):
        one, other = stdlib_socket.socketpair()
        waiting = spawn(readable, one)
        wait_all_parked()
        other.sendall(b"x")
        assert waiting.get() is True
        one.close()  # which nobody tells us of
        other.close()


def test_a_regular_file_is_ready_where_it_can_be_asked_about(readable):
    with tempfile.TemporaryFile() as file:
        try:
            assert readable(file, 5) is True
        except PermissionError:
            assert readable.__name__ == "by_epoll" or "Epoll" in str(readable.__closure__[0].cell_contents)


def test_threads_without_a_hub_block(readable, in_thread):
    one, other = stdlib_socket.socketpair()
    waited = in_thread(readable, one, 20)

    other.sendall(b"x")

    assert waited() is True
    one.close()
    other.close()


def test_in_two_hubs_it_is_waited_for_at_once(readable, unix_pair, elsewhere):
    one, other = unix_pair
    here, there = spawn(readable, one), elsewhere(readable, one)
    wait_all_parked()

    other.sendall(b"x")

    assert here.get() is True
    assert there() is True


@pytest.mark.parametrize("way", [way for way in WAYS if way != "select"])  # which registers our sockets where it waits
def test_what_one_hub_waits_for_may_be_received_in_another(way, unix_pair, elsewhere):
    one, other = unix_pair
    there = elsewhere(WAYS[way], one)

    reading = spawn(one.recv, 10)
    wait_all_parked()
    other.sendall(b"x")

    assert reading.get() == b"x"
    other.sendall(b"y")
    assert there() is True


def test_what_one_hub_receives_may_be_waited_for_in_another(readable, unix_pair, elsewhere):
    one, other = unix_pair
    join = elsewhere(one.recv, 10)
    looking = spawn(readable, one)
    wait_all_parked()

    other.sendall(b"x")

    assert join() == b"x"
    other.sendall(b"y")
    assert looking.get() is True


@pytest.mark.parametrize("way", [way for way in WAYS if "epoll" not in way.lower()])  # the kernel's forgets what is closed
def test_closing_a_socket_wakes_who_waits_for_it_in_another_hub(way, unix_pair, elsewhere):
    one, other = unix_pair
    fd = one.fileno()
    there = elsewhere(error_of, WAYS[way], one)

    one.close()

    error = there()
    assert error is None or isinstance(error, ValueError) or error.errno == errno.EBADF
    assert other.recv(10) == b"", "and it is closed indeed"
    with pytest.raises(OSError):
        os.fstat(fd)


def test_a_hang_up_counts(readable, unix_pair):
    one, other = unix_pair
    waiting = spawn(readable, one)
    wait_all_parked()

    other.close()

    assert waiting.get() is True


# select


def test_select_tells_all_that_is_ready_by_the_objects_it_was_given(unix_pair, full):
    one, other = unix_pair
    spare, _ = socket.socketpair()
    with socket.socket(fileno=os.dup(one.fileno())) as copy:
        other.sendall(b"x")
        found = select.select(iter([one, copy, spare]), {other}, [one])
        assert found == ([one, copy], [other], [])

    full(one)
    waiting = spawn(select.select, [], [one], [])
    wait_all_parked()
    assert not waiting.ready()
    other.recv(10_000_000)
    assert waiting.get() == ([], [one], [])
    spare.close()
    _.close()


def test_a_socket_that_is_selected_in_one_hub_is_not_received_from_in_another(unix_pair, elsewhere):
    one, other = unix_pair
    there = elsewhere(by_select, one)

    error = error_of(one.recv, 10)

    assert isinstance(error, InvalidThreadUseError)
    other.sendall(b"x")
    assert there() is True
    other.sendall(b"y")
    assert one.recv(10) == b"xy"


def test_select_waits_for_reading_and_writing_of_one_socket(unix_pair, full):
    one, other = unix_pair
    full(one)
    waiting = spawn(select.select, [one], [one], [])
    wait_all_parked()

    other.sendall(b"x")

    assert waiting.get() == ([one], [], [])


def test_select_of_nothing_sleeps(clock):
    begun = clock.now()

    assert select.select([], [], [], 5) == ([], [], [])

    assert clock.now() - begun == 5.0


@pytest.mark.parametrize(
    "args",
    [
        ([], [], [], "5"),
        ([], [], [], -1),
        ([], [], [], float("nan")),
        ([], [], [], 1e30),
        (1, [], []),
        (["x"], [], []),
        ([-1], [], []),
        ([object()], [], [], 0),
        ([2**40], [], []),
    ],
)
def test_select_refuses_what_the_original_refuses_in_the_same_words(args):
    ours, original = error_of(select.select, *args), error_of(stdlib.select, *args)

    assert type(ours) is type(original) is not type(None)
    assert str(ours) == str(original)


def test_select_of_a_closed_descriptor_is_ebadf(unix_pair):
    one, other = unix_pair
    fd = one.fileno()
    waiting = spawn(error_of, select.select, [one], [], [])
    looking = spawn(error_of, select.select, [other], [], [])
    wait_all_parked()
    one.close()

    assert waiting.get().errno == errno.EBADF
    assert looking.get() is None, "the peer's end is readable then"
    assert error_of(select.select, [fd], [], []).errno == errno.EBADF
    with pytest.raises(ValueError, match="negative"):
        select.select([one], [], [])


@pytest.mark.skipif(not transfer_is_compiled, reason="interpreted, core's own frames hold the errors that go through them")
def test_a_select_that_is_ended_by_a_close_leaves_no_garbage(unix_pair):
    one, _ = unix_pair

    gc.collect()
    gc.disable()
    try:
        waiting = spawn(lambda: error_of(select.select, [one], [], []).errno)
        wait_all_parked()
        one.close()
        assert waiting.get() == errno.EBADF
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [each for each in gc.garbage if isinstance(each, OSError)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_select_of_a_closed_descriptor_that_is_asked_for_exceptions_only_is_ebadf(unix_pair, clock):
    one, _ = unix_pair
    waiting = spawn(error_of, select.select, [], [], [one])
    wait_all_parked()

    one.close()

    assert waiting.get().errno == errno.EBADF


def test_select_does_without_a_descriptor_of_its_own(unix_pair, exhaust, clock):
    one, other = unix_pair
    wait_all_parked()
    begun = clock.now()
    exhaust()

    assert select.select([], [], [one], 0.5) == ([], [], [])

    assert clock.now() - begun == pytest.approx(0.5)
    waiting = spawn(select.select, [one], [], [one])
    wait_all_parked()
    other.sendall(b"x")
    assert waiting.get() == ([one], [], [])


@pytest.mark.skipif(not hasattr(stdlib, "epoll"), reason="only an epoll tells of it, elsewhere it is asked for")
@pytest.mark.parametrize("way", ["select", "poll"])
def test_urgent_data_is_exceptional(way):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    one.sendall(b"x")
    assert other.recv(10) == b"x"
    poller = select.poll()
    poller.register(other, select.POLLPRI)
    waiting = spawn(select.select, [], [], [other]) if way == "select" else spawn(poller.poll)
    wait_all_parked()
    one.sendall(b"y")
    wait_all_parked()
    assert not waiting.ready(), "only what is urgent was asked for"

    one.send(b"!", socket.MSG_OOB)

    assert waiting.get() == (([], [], [other]) if way == "select" else [(other.fileno(), select.POLLPRI)])
    one.close()
    other.close()


@pytest.mark.skipif(not hasattr(stdlib, "poll"), reason="select(2) alone has no room for it")
def test_select_takes_descriptors_beyond_what_the_original_has_room_for(unix_pair):
    import resource

    one, other = unix_pair
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 2000:
        pytest.skip("no descriptor above 1024 is allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2000, limits[1]))
    high = 1500
    os.dup2(one.fileno(), high)
    try:
        assert select.select([], [high], [high], 5) == ([], [high], [])
        waiting = spawn(select.select, [high, one], [], [])
        wait_all_parked()
        other.sendall(b"x")
        assert waiting.get() == ([high, one], [], [])
    finally:
        os.close(high)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert error_of(select.select, [high], [], []).errno == errno.EBADF


# poll


needs_poll = pytest.mark.skipif(not hasattr(stdlib, "poll"), reason="this platform has no poll")


@needs_poll
def test_poll_registers_modifies_and_forgets(unix_pair):
    one, other = unix_pair
    poller = select.poll()
    poller.register(one)
    assert poller.poll() == [(one.fileno(), select.POLLOUT)]
    poller.modify(one, select.POLLIN)
    assert poller.poll(1) == []
    other.sendall(b"x")
    assert poller.poll(1) == [(one.fileno(), select.POLLIN)]
    poller.unregister(one)

    with pytest.raises(KeyError):
        poller.unregister(one)
    with pytest.raises(OSError) as caught:
        poller.modify(one, select.POLLIN)
    assert caught.value.errno == errno.ENOENT
    assert poller.poll(1) == []
    for refused in (lambda: poller.register("x"), lambda: poller.register(one, "x")):
        with pytest.raises(TypeError):
            refused()


@needs_poll
def test_poll_counts_in_milliseconds_and_takes_negative_for_no_limit(unix_pair, clock):
    one, other = unix_pair
    poller = select.poll()
    poller.register(one, select.POLLIN)
    begun = clock.now()
    assert poller.poll(500) == []
    assert clock.now() - begun == pytest.approx(0.5)
    for timeout in (-1, -0.5, None):
        spawn(other.sendall, b"x")
        assert poller.poll(timeout) == [(one.fileno(), select.POLLIN)]
        one.recv(10)

    with pytest.raises(TypeError, match="timeout must be an integer or None"):
        poller.poll("1")
    with pytest.raises(OverflowError):
        poller.poll(2**31)
    with pytest.raises(OverflowError):
        poller.poll(1e30)


@needs_poll
def test_poll_is_refused_while_another_greenlet_is_in_it(unix_pair):
    one, other = unix_pair
    poller = select.poll()
    poller.register(one, select.POLLIN)
    waiting = spawn(poller.poll)
    wait_all_parked()

    with pytest.raises(RuntimeError, match="^concurrent poll\\(\\) invocation$"):
        poller.poll(0)

    other.sendall(b"x")
    assert waiting.get() == poller.poll() == [(one.fileno(), select.POLLIN)]


@needs_poll
def test_poll_says_which_descriptor_is_not_open(unix_pair):
    one, _ = unix_pair
    fd = one.fileno()
    poller = select.poll()
    poller.register(one, select.POLLIN)
    waiting = spawn(poller.poll)
    wait_all_parked()

    one.close()

    assert waiting.get() == [(fd, select.POLLNVAL)]
    assert poller.poll() == [(fd, select.POLLNVAL)]


@needs_poll
@pytest.mark.parametrize("mask", ["POLLIN POLLPRI", "POLLIN POLLPRI POLLOUT", "POLLPRI", ""])
def test_poll_says_what_is_closed_whatever_it_was_asked_for(unix_pair, full, clock, mask):
    one, _ = unix_pair
    full(one)
    fd = one.fileno()
    poller = select.poll()
    poller.register(one, sum(getattr(select, name) for name in mask.split()))
    waiting = spawn(poller.poll)
    wait_all_parked()

    one.close()

    assert waiting.get() == [(fd, select.POLLNVAL)]


@needs_poll
@pytest.mark.parametrize("mask", ["POLLIN", "POLLIN POLLPRI", "POLLPRI", ""])
def test_poll_does_without_a_descriptor_of_its_own(unix_pair, exhaust, clock, mask):
    one, other = unix_pair
    poller = select.poll()
    poller.register(one, sum(getattr(select, name) for name in mask.split()))
    wait_all_parked()
    begun = clock.now()
    exhaust()

    assert poller.poll(500) == []

    assert clock.now() - begun == pytest.approx(0.5)
    waiting = spawn(poller.poll)
    wait_all_parked()
    other.close()
    assert waiting.get()[0][1] & select.POLLHUP


@needs_poll
def test_poll_tells_of_a_hang_up_that_alone_is_waited_for(unix_pair):
    one, other = unix_pair
    poller = select.poll()
    poller.register(one, 0)
    waiting = spawn(poller.poll)
    wait_all_parked()
    other.sendall(b"x")
    wait_all_parked()
    assert not waiting.ready()

    other.close()

    assert waiting.get()[0][1] & select.POLLHUP


@needs_poll
@pytest.mark.skipif(not hasattr(stdlib, "POLLRDHUP"), reason="only Linux tells of it")
def test_poll_does_not_spin_for_data_that_it_was_not_asked_for(unix_pair, clock):
    one, other = unix_pair
    other.sendall(b"x")
    poller = select.poll()
    poller.register(one, select.POLLRDHUP)
    waiting = spawn(poller.poll)
    wait_all_parked()
    assert not waiting.ready()

    other.shutdown(socket.SHUT_WR)

    assert waiting.get() == [(one.fileno(), select.POLLRDHUP)]


# epoll


needs_epoll = pytest.mark.skipif(not hasattr(stdlib, "epoll"), reason="this platform has no epoll")


@needs_epoll
def test_epoll_hears_of_what_is_registered_while_it_waits(unix_pair):
    one, other = unix_pair
    poller = select.epoll()
    waiting = [spawn(poller.poll), spawn(poller.poll)]
    wait_all_parked()

    other.sendall(b"x")
    poller.register(one, select.EPOLLIN | select.EPOLLONESHOT)

    joinall(waiting, count=1)
    assert [each.value for each in waiting if each.ready()] == [[(one.fileno(), select.EPOLLIN)]]
    poller.modify(one, select.EPOLLIN)
    joinall(waiting)
    poller.unregister(one)
    with pytest.raises(FileNotFoundError):
        poller.unregister(one)
    poller.close()


@needs_epoll
def test_closing_an_epoll_wakes_who_waits(unix_pair):
    poller = select.epoll()
    poller.register(unix_pair[0], select.EPOLLIN)
    waiting = spawn(error_of, poller.poll)
    wait_all_parked()
    assert not poller.closed

    poller.close()

    assert waiting.get().errno == errno.EBADF
    assert poller.closed
    poller.close()
    for refused in (poller.fileno, poller.poll, poller.__enter__, lambda: poller.register(0)):
        with pytest.raises(ValueError, match="closed epoll"):
            refused()
    assert "closed" in repr(poller)


@needs_epoll
def test_closing_an_epoll_wakes_who_waits_in_another_hub(unix_pair, elsewhere):
    poller = select.epoll()
    poller.register(unix_pair[0], select.EPOLLIN)
    fd = poller.fileno()
    there, here = elsewhere(error_of, poller.poll), spawn(error_of, poller.poll)
    wait_all_parked()

    poller.close()

    assert poller.closed
    with pytest.raises(ValueError, match="closed"):
        poller.register(unix_pair[1], select.EPOLLIN)
    assert here.get().errno == there().errno == errno.EBADF
    with pytest.raises(OSError):
        os.fstat(fd)


def test_epoll_takes_what_the_original_takes_and_refuses_the_rest(unix_pair):
    one, other = unix_pair
    poller = select.epoll(10, select.EPOLL_CLOEXEC)
    copy = select.epoll.fromfd(os.dup(poller.fileno()))
    copy.register(one, select.EPOLLOUT)
    copy.register(other, select.EPOLLOUT)

    assert len(poller.poll()) == len(poller.poll(-1)) == len(poller.poll(timeout=0.5, maxevents=5)) == 2
    assert len(poller.poll(maxevents=1)) == 1
    with pytest.raises(ValueError, match="maxevents must be greater than 0"):
        poller.poll(1, 0)
    with pytest.raises(TypeError):
        poller.poll("1")
    with pytest.raises(OSError):
        select.epoll(flags=12356)
    with pytest.raises(ValueError):
        select.epoll(sizehint=-2)
    poller.close()
    copy.close()


# selectors


@pytest.mark.parametrize("kind", ["DefaultSelector", *SELECTORS])
def test_selectors_are_the_standard_librarys_on_ours(kind, unix_pair):
    one, other = unix_pair
    with getattr(selectors, kind)() as selector:
        assert isinstance(selector, stdlib_selectors.BaseSelector)
        assert isinstance(selector, getattr(stdlib_selectors, kind))
        key = selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE, "data")
        assert selector.select() == [(key, selectors.EVENT_WRITE)]
        key = selector.modify(one, selectors.EVENT_READ, "data")
        spawn(other.sendall, b"x")
        assert selector.select(5) == [(key, selectors.EVENT_READ)]
        assert selector.get_key(one).data == "data"
        selector.unregister(one)
        assert selector.select(0.001) == []


def test_the_modules_have_everything_that_the_originals_have():
    for ours, original in ((select, stdlib), (selectors, stdlib_selectors)):
        assert [name for name in vars(original) if not name.startswith("_") and not hasattr(ours, name)] == []
    assert select.error is OSError
    assert stdlib.select is not select.select, "importing must not patch"


def test_loops_of_asyncio_run_on_ours_in_several_greenlets_at_once():
    order = []

    class Loop(asyncio.SelectorEventLoop):
        def __init__(self) -> None:
            super().__init__(selectors.DefaultSelector())

    async def talk(name):
        reader_done = asyncio.Event()

        async def echo(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()
            reader_done.set()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        order.append(name)
        await asyncio.sleep(0.01)
        order.append(name)
        writer.write(b"hello\n")
        answer = await reader.readline()
        loop = asyncio.get_running_loop()
        in_thread = await loop.run_in_executor(None, len, "four")
        writer.close()
        await reader_done.wait()
        server.close()
        return answer, in_thread

    def run(name):
        loop = Loop()
        try:
            result = loop.run_until_complete(talk(name))
            loop.run_until_complete(loop.shutdown_default_executor())
            return result
        finally:
            loop.close()

    running = [spawn(run, name) for name in "ab"]
    ticking = spawn(lambda: [sleep(0.001) for _ in range(5)])

    assert [each.get() for each in running] == [(b"HELLO\n", 4)] * 2
    ticking.get()
    assert sorted(order[:2]) == ["a", "b"], "they should take turns"


if sys.platform != "win32":

    def test_a_signal_does_not_end_a_wait_early(unix_pair):
        import signal

        one, other = unix_pair
        seen = []
        before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
        try:
            waiting = spawn(select.select, [one], [], [])
            wait_all_parked()
            os.kill(os.getpid(), signal.SIGUSR1)
            sleep(0.01)
            assert seen == [1] and not waiting.ready()
            other.sendall(b"x")
            assert waiting.get() == ([one], [], [])
        finally:
            signal.signal(signal.SIGUSR1, before)

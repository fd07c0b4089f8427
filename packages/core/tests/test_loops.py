"""Every loop does what `loops/_protocol.py` says, on every platform's selector that there is here."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hublet.core._entry import Callback, Entry
from hublet.core._park import Waiter
from hublet.core.loops import LOOPS, READ, WRITE, Handle, Loop, _selectors, _wakeup, default_loop, make_loop

# Those of the standard library's selectors that are the best somewhere else: what the selectors loop is on Windows, and on
# systems with neither epoll nor kqueue.
ELSEWHERE = {"selectors with select()": "SelectSelector", "selectors with poll()": "PollSelector"}

EDGE_TRIGGERED = {"native"}

# How late a wait may end at best, in seconds: the loop's own resolution and what a timer of the system takes.
LATENESS = {"native": 0.0005, "pyuv": 0.0025}

# pytest's own watchdog is a thread.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
needs_signals = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signal.setitimer")
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc/self/fd")


@pytest.fixture(params=[*LOOPS, *ELSEWHERE])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Loop]:
    """A function that makes a loop of one kind."""
    name = request.param
    if name in ELSEWHERE:
        selector = getattr(_selectors.selectors, ELSEWHERE[name], None)
        if selector is None:
            pytest.skip(f"there is no {ELSEWHERE[name]} here")
        monkeypatch.setattr(_selectors, "_Selector", selector)
        name = "selectors"
    try:
        make_loop(name).close()
    except ImportError as error:
        pytest.skip(str(error))
    return lambda: make_loop(name)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return request.node.callspec.params["make"]


@pytest.fixture
def loop(make: Callable[[], Loop]) -> Iterator[Loop]:
    loop = make()
    yield loop
    loop.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two non-blocking sockets that are connected to each other."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def tcp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def entry() -> Entry:
    """Something to put into a slot.  It was notified if `poll` has emptied the slot."""
    return Callback(print)


class AtNotice(Callback):
    """An entry that calls back while the batch in which it was notified is handed out.

    By being dropped: what else runs in there cannot be overridden where it is compiled.  So the slot must be what holds it.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__(print)
        self.__class__._calls[id(self)] = call

    _calls: dict[int, Callable[[], object]] = {}

    def __del__(self) -> None:
        self._calls.pop(id(self))()


def wait_to_read(handle: Handle) -> Entry:
    it = entry()
    handle.set_reader(it)
    return it


def wait_to_write(handle: Handle) -> Entry:
    it = entry()
    handle.set_writer(it)
    return it


def fill(sock: socket.socket) -> None:
    """Send until the socket takes no more."""
    for size in (65536, 1):
        try:
            while True:
                sock.send(bytes(size))
        except BlockingIOError:
            pass


def settle(loop: Loop) -> None:
    """Poll until there is nothing more to poll, neither old edges nor interest that is not wanted any more."""
    for _ in range(3):
        loop.poll(0)


def poll_until(loop: Loop, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        left = deadline - time.monotonic()
        assert left > 0, "it did not happen"
        loop.poll(left)


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def in_child(body: Callable[[], object]) -> None:
    """Call *body* in a forked child and fail if it fails there."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# The choice ------------------------------------------------------------------------------------------------------------


def test_the_default_loop_can_be_made():
    loop = make_loop(default_loop())

    assert loop.name == default_loop()

    loop.close()


def test_an_unknown_loop_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match="'frobnicate'.*native, selectors, pyuv"):
        make_loop("frobnicate")


def test_the_pyuv_loop_without_pyuv_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyuv", None)
    monkeypatch.delitem(sys.modules, "hublet.core.loops._pyuv", raising=False)

    with pytest.raises(ImportError, match=r"python -m hublet\.core\.loops\.install_pyuv$"):
        make_loop("pyuv")


# Readiness -------------------------------------------------------------------------------------------------------------


def test_what_arrives_empties_the_readers_slot(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    reader = wait_to_read(handle)
    settle(loop)
    assert handle.reader is reader
    assert loop.waiting == 1

    theirs.send(b"x")
    loop.poll(None)

    assert handle.reader is None
    assert loop.waiting == 0


def test_readiness_unparks_a_waiter(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    waiter = Waiter()
    handle.set_reader(waiter)

    theirs.send(b"x")
    loop.poll(None)

    assert waiter.claimed


def test_room_to_send_empties_the_writers_slot_and_leaves_the_readers(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    fill(ours)
    reader, writer = wait_to_read(handle), wait_to_write(handle)
    settle(loop)
    assert handle.writer is writer

    while True:
        try:
            theirs.recv(65536)
        except BlockingIOError:
            break
    poll_until(loop, lambda: handle.writer is None)

    assert handle.reader is reader
    assert loop.waiting == 1


def test_both_directions_at_once(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    theirs.send(b"x")
    wait_to_read(handle)
    wait_to_write(handle)

    poll_until(loop, lambda: loop.waiting == 0)

    assert handle.reader is None
    assert handle.writer is None


def test_who_waits_again_is_notified_again(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())

    for _ in range(100):
        wait_to_read(handle)
        theirs.send(b"x")
        poll_until(loop, lambda: handle.reader is None)
        assert ours.recv(10) == b"x"
        with pytest.raises(BlockingIOError):
            ours.recv(10)


def test_readiness_that_nobody_waited_for_does_not_harm_who_waits_later(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    theirs.send(b"x")
    settle(loop)
    assert ours.recv(10) == b"x"

    reader = wait_to_read(handle)
    settle(loop)
    assert handle.reader is reader
    theirs.send(b"y")
    loop.poll(None)

    assert handle.reader is None


def test_readiness_that_nobody_waits_for_does_not_spin(loop: Loop, pair):
    ours, theirs = pair
    loop.watch(ours.fileno())
    theirs.send(b"x")
    settle(loop)

    started, used = time.monotonic(), time.thread_time()
    loop.poll(0.1)

    assert time.monotonic() - started >= 0.1
    assert time.thread_time() - used < 0.05


def test_a_slot_that_was_cleared_is_left_alone(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    reader = wait_to_read(handle)

    handle.clear_reader(entry())
    assert handle.reader is reader
    handle.clear_reader(reader)
    theirs.send(b"x")
    settle(loop)

    assert handle.reader is None
    assert loop.waiting == 0


def test_many_of_one_batch_are_all_notified(loop: Loop):
    pairs = [socket.socketpair() for _ in range(200)]
    handles = [loop.watch(ours.fileno()) for ours, _ in pairs]
    for handle in handles:
        wait_to_read(handle)

    for _, theirs in pairs[::2]:
        theirs.send(b"x")
    poll_until(loop, lambda: loop.waiting == 100)

    assert [handle.reader is None for handle in handles] == [True, False] * 100
    for ours, theirs in pairs:
        loop.unwatch(handles.pop(0))
        ours.close()
        theirs.close()


@pytest.mark.skipif(sys.platform == "win32", reason="select() watches no pipe on Windows")
def test_a_pipe_is_readable_when_written_to_and_at_its_end(loop: Loop):
    read_fd, write_fd = os.pipe()
    handle = loop.watch(read_fd)
    wait_to_read(handle)
    os.write(write_fd, b"x")
    loop.poll(None)
    assert handle.reader is None
    assert os.read(read_fd, 10) == b"x"
    wait_to_read(handle)

    os.close(write_fd)
    poll_until(loop, lambda: handle.reader is None)

    assert os.read(read_fd, 10) == b""
    loop.unwatch(handle)
    os.close(read_fd)


@pytest.mark.skipif(sys.platform == "win32", reason="select() watches no pipe on Windows")
def test_the_full_end_of_a_pipe_is_writable_when_the_other_is_closed(loop: Loop):
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    handle = loop.watch(write_fd)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write_fd, bytes(4096))
    wait_to_write(handle)

    os.close(read_fd)
    poll_until(loop, lambda: handle.writer is None)

    with pytest.raises(BrokenPipeError):
        os.write(write_fd, b"x")
    loop.unwatch(handle)
    os.close(write_fd)


def test_a_listening_socket_is_readable_when_somebody_connects(loop: Loop):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        handle = loop.watch(server.fileno())
        reader = wait_to_read(handle)
        settle(loop)
        assert handle.reader is reader

        with socket.create_connection(server.getsockname()):
            poll_until(loop, lambda: handle.reader is None)
            server.accept()[0].close()

        loop.unwatch(handle)


def test_a_connecting_socket_is_writable_when_it_is_connected(loop: Loop):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(server.getsockname())
        handle = loop.watch(client.fileno())
        wait_to_write(handle)

        poll_until(loop, lambda: handle.writer is None)

        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        loop.unwatch(handle)


def test_a_connecting_socket_that_is_refused_wakes_who_waits(loop: Loop):
    with socket.socket() as nobody, socket.socket() as client:
        nobody.bind(("127.0.0.1", 0))
        client.setblocking(False)
        client.connect_ex(nobody.getsockname())
        handle = loop.watch(client.fileno())
        wait_to_write(handle)

        poll_until(loop, lambda: handle.writer is None)

        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (errno.ECONNREFUSED, 0)
        loop.unwatch(handle)


def test_a_hang_up_wakes_both_directions(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    fill(ours)
    wait_to_read(handle)
    wait_to_write(handle)
    settle(loop)
    assert loop.waiting == 2

    theirs.close()
    poll_until(loop, lambda: loop.waiting == 0)

    with pytest.raises(OSError):
        ours.send(b"x")


def test_a_reset_wakes_both_directions(loop: Loop, tcp_pair):
    ours, theirs = tcp_pair
    handle = loop.watch(ours.fileno())
    fill(ours)
    wait_to_read(handle)
    wait_to_write(handle)
    settle(loop)
    assert loop.waiting == 2

    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    theirs.close()
    poll_until(loop, lambda: loop.waiting == 0)

    with pytest.raises(ConnectionError):
        ours.recv(10)


def test_the_end_of_what_is_received_wakes_the_reader_only(loop: Loop, tcp_pair):
    ours, theirs = tcp_pair
    handle = loop.watch(ours.fileno())
    fill(ours)
    wait_to_read(handle)
    writer = wait_to_write(handle)

    theirs.shutdown(socket.SHUT_WR)
    poll_until(loop, lambda: handle.reader is None)

    assert ours.recv(10) == b""
    assert handle.writer is writer


def test_ten_thousand_descriptors(loop: Loop, kind: str, pair):
    resource = pytest.importorskip("resource")
    if "select()" in kind:
        pytest.skip("select() does not take so many")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 11_000:
        pytest.skip("the system does not allow so many")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 11_000), hard))
    ours, theirs = pair
    copies: list[int] = []
    try:
        copies.extend(os.dup(ours.fileno()) for _ in range(10_000))
        handles = [loop.watch(copy) for copy in copies]
        for handle in handles:
            wait_to_read(handle)

        theirs.send(b"x")
        poll_until(loop, lambda: loop.waiting == 0)

        assert all(handle.reader is None for handle in handles)
        for handle in handles:
            loop.unwatch(handle)
    finally:
        for copy in copies:
            os.close(copy)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Registration ------------------------------------------------------------------------------------------------------------


def test_a_descriptor_that_waits_a_second_time_is_not_registered_a_second_time(loop: Loop, kind: str, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    if kind in EDGE_TRIGGERED:
        assert handle.armed == READ | WRITE
    wait_to_read(handle)
    armed = handle.armed
    assert armed & READ

    theirs.send(b"x")
    poll_until(loop, lambda: handle.reader is None)

    assert handle.armed == armed


def test_a_descriptor_is_watched_once(loop: Loop, pair):
    handle = loop.watch(pair[0].fileno())

    with pytest.raises(FileExistsError, match="watched already") as raised:
        loop.watch(pair[0].fileno())

    assert raised.value.errno == errno.EEXIST
    assert handle.loop is loop


@pytest.mark.parametrize("fd", [-1, 987_654_321])
def test_what_is_not_a_descriptor_is_not_watched(loop: Loop, fd: int):
    with pytest.raises(OSError) as raised:
        loop.watch(fd)

    assert raised.value.errno == errno.EBADF


def test_a_closed_descriptor_is_not_watched(loop: Loop):
    ours, theirs = socket.socketpair()
    fd = ours.detach()
    socket.close(fd)

    with pytest.raises(OSError) as raised:
        loop.watch(fd)

    assert raised.value.errno == errno.EBADF
    theirs.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no descriptor of a file is a socket on Windows")
def test_a_regular_file_is_not_watched(loop: Loop, tmp_path: Path):
    with open(tmp_path / "file", "w") as file, pytest.raises(PermissionError):
        loop.watch(file.fileno())


@pytest.mark.skipif(sys.platform == "win32", reason="needs os.get_blocking for sockets")
def test_watching_does_not_change_whether_the_descriptor_blocks(loop: Loop):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for blocks in (True, False):
            os.set_blocking(ours.fileno(), blocks)

            handle = loop.watch(ours.fileno())

            assert os.get_blocking(ours.fileno()) is blocks
            loop.unwatch(handle)


def test_what_is_not_watched_any_more_is_not_reported(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    reader = wait_to_read(handle)

    loop.unwatch(handle)
    theirs.send(b"x")
    settle(loop)

    assert handle.loop is None
    assert handle.reader is reader
    assert loop.waiting == 0


def test_what_is_not_watched_any_more_does_not_end_a_wait(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    reader = wait_to_read(handle)
    settle(loop)

    handle.clear_reader(reader)
    loop.unwatch(handle)
    theirs.send(b"x")
    started = time.monotonic()
    loop.poll(0.05)

    assert time.monotonic() - started >= 0.05


def test_unwatching_twice_is_harmless(loop: Loop, pair):
    handle = loop.watch(pair[0].fileno())
    loop.unwatch(handle)
    again = loop.watch(pair[0].fileno())

    loop.unwatch(handle)

    assert again.loop is loop


def test_a_slot_may_be_cleared_after_unwatching(loop: Loop, pair):
    handle = loop.watch(pair[0].fileno())
    reader = wait_to_read(handle)
    loop.unwatch(handle)

    handle.clear_reader(reader)

    assert handle.reader is None
    assert loop.waiting == 0


def test_a_descriptor_may_be_watched_again(loop: Loop, pair):
    ours, theirs = pair
    for _ in range(3):
        handle = loop.watch(ours.fileno())
        wait_to_read(handle)
        theirs.send(b"x")
        poll_until(loop, lambda handle=handle: handle.reader is None)
        ours.recv(10)
        loop.unwatch(handle)


def test_a_descriptor_that_is_closed_already_may_be_unwatched(loop: Loop, pair):
    ours, theirs = pair
    fd = ours.fileno()
    handle = loop.watch(fd)
    wait_to_read(handle)
    loop.poll(0)
    ours.close()

    loop.unwatch(handle)

    settle(loop)
    assert handle.loop is None
    assert loop.waiting == 0


def test_what_was_closed_too_early_may_come_back_under_its_old_number(pair):
    # The kernel still knows the number and what it stood for, and nobody could tell it otherwise.
    ours, theirs = pair
    try:
        loop = make_loop("native")
    except ImportError as error:
        pytest.skip(str(error))
    number, copy = ours.fileno(), os.dup(ours.fileno())
    handle = loop.watch(number)
    os.close(number)
    loop.unwatch(handle)

    os.dup2(copy, number)
    successor = loop.watch(number)
    wait_to_read(successor)
    theirs.send(b"x")
    poll_until(loop, lambda: successor.reader is None)

    os.close(copy)
    loop.close()


def test_the_next_owner_of_a_number_gets_nothing_of_the_last_ones(loop: Loop, pair):
    ours, theirs = pair
    number = ours.fileno()
    handle = loop.watch(number)
    wait_to_read(handle)
    loop.poll(0)
    theirs.send(b"x")  # reported by the kernel, if it were asked now
    spare_ours, spare_theirs = socket.socketpair()
    spare_ours.setblocking(False)

    loop.unwatch(handle)
    ours.detach()
    os.dup2(spare_ours.fileno(), number)
    successor = loop.watch(number)
    reader = wait_to_read(successor)
    settle(loop)

    assert successor.reader is reader
    spare_theirs.send(b"y")
    poll_until(loop, lambda: successor.reader is None)
    assert os.read(number, 10) == b"y"
    loop.unwatch(successor)
    os.close(number)
    spare_ours.close()
    spare_theirs.close()


@needs_fork
def test_the_next_owner_of_a_number_gets_nothing_even_if_a_child_keeps_the_last_one_open(loop: Loop, pair):
    ours, theirs = pair
    number = ours.fileno()
    handle = loop.watch(number)
    wait_to_read(handle)
    loop.poll(0)
    held, release = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release)
        os.read(held, 1)
        os._exit(0)
    spare_ours, spare_theirs = socket.socketpair()

    loop.unwatch(handle)
    os.dup2(spare_ours.fileno(), number)
    successor = loop.watch(number)
    reader = wait_to_read(successor)
    theirs.send(b"x")
    settle(loop)

    assert successor.reader is reader
    loop.unwatch(successor)
    os.close(held)
    os.close(release)
    os.waitpid(child, 0)
    spare_ours.close()
    spare_theirs.close()


@needs_fork
def test_a_closed_descriptor_of_which_a_child_has_a_copy_does_not_spin(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    reader = wait_to_read(handle)
    loop.poll(0)
    held, release = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release)
        os.read(held, 1)
        os._exit(0)

    handle.clear_reader(reader)
    loop.unwatch(handle)
    ours.close()
    theirs.send(b"x")
    settle(loop)
    started, used = time.monotonic(), time.thread_time()
    loop.poll(0.1)

    assert time.monotonic() - started >= 0.1
    assert time.thread_time() - used < 0.05
    os.close(held)
    os.close(release)
    os.waitpid(child, 0)


def test_what_is_unwatched_while_a_batch_is_handed_out_is_not_notified(loop: Loop):
    pairs = [socket.socketpair() for _ in range(2)]
    one, other = [loop.watch(ours.fileno()) for ours, _ in pairs]
    one.set_reader(AtNotice(lambda: loop.unwatch(other)))
    other.set_reader(AtNotice(lambda: loop.unwatch(one)))

    for _, theirs in pairs:
        theirs.send(b"x")
    poll_until(loop, lambda: one.loop is None or other.loop is None)
    settle(loop)

    first, second = (one, other) if other.loop is None else (other, one)
    assert first.loop is loop
    assert first.reader is None
    assert second.reader is not None
    assert loop.waiting == 0
    AtNotice._calls[id(second.reader)] = bool  # it is dropped now, and not because it was notified
    second.reader = None
    loop.unwatch(first)
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_a_number_that_changes_hands_while_a_batch_is_handed_out_is_not_confused(loop: Loop):
    pairs = [socket.socketpair() for _ in range(2)]
    spare_ours, spare_theirs = socket.socketpair()
    handles = [loop.watch(ours.fileno()) for ours, _ in pairs]
    succession: list[tuple[Handle, Entry]] = []

    def replace(handle: Handle) -> None:
        if not succession:
            reader = handle.reader
            AtNotice._calls[id(reader)] = bool
            loop.unwatch(handle)
            os.dup2(spare_ours.fileno(), handle.fd)
            successor = loop.watch(handle.fd)
            succession.append((successor, wait_to_read(successor)))

    handles[0].set_reader(AtNotice(lambda: replace(handles[1])))
    handles[1].set_reader(AtNotice(lambda: replace(handles[0])))
    for _, theirs in pairs:
        theirs.send(b"x")
    poll_until(loop, lambda: bool(succession))
    settle(loop)

    ((successor, reader),) = succession
    assert successor.reader is reader
    loop.unwatch(successor)
    for sock in (*pairs[0], *pairs[1], spare_ours, spare_theirs):
        sock.close()


def test_a_loop_that_is_closed_while_a_batch_is_handed_out_stops_there(make: Callable[[], Loop]):
    loop = make()
    pairs = [socket.socketpair() for _ in range(3)]
    handles = [loop.watch(ours.fileno()) for ours, _ in pairs]
    for handle in handles:
        handle.set_reader(AtNotice(loop.close))

    for _, theirs in pairs:
        theirs.send(b"x")
    poll_until(loop, lambda: any(handle.reader is None for handle in handles))

    assert sum(handle.reader is None for handle in handles) == 1
    assert all(handle.loop is None for handle in handles)
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


# Waiting ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, 0.0, -1, -0.001])
def test_no_time_is_no_wait(loop: Loop, timeout: float):
    started = time.monotonic()

    for _ in range(100):
        loop.poll(timeout)

    assert time.monotonic() - started < 1


@pytest.mark.parametrize("timeout", [0.0002, 0.001, 0.0015, 0.01])
def test_a_wait_ends_neither_early_nor_much_too_late(loop: Loop, kind: str, timeout: float):
    took = []
    for _ in range(30):
        started = time.monotonic()
        loop.poll(timeout)
        took.append(time.monotonic() - started)

    assert min(took) >= timeout
    assert min(took) < timeout + LATENESS.get(kind, 0.0015)


@pytest.mark.parametrize("timeout", [1e6, 1e12, float("inf"), None])
def test_a_wait_may_be_as_long_as_one_likes(loop: Loop, timeout: float | None):
    waker = threading.Timer(0.01, loop.wake)
    waker.start()

    loop.poll(timeout)

    waker.join()


def test_other_threads_run_while_it_waits(loop: Loop):
    ran = []

    def work() -> None:
        for _ in range(1000):
            ran.append(None)
        loop.wake()

    thread = threading.Thread(target=work)
    thread.start()
    loop.poll(10)
    thread.join()

    assert len(ran) == 1000


# wake --------------------------------------------------------------------------------------------------------------------


def test_a_wake_before_the_wait_ends_it(loop: Loop):
    loop.wake()
    started = time.monotonic()

    loop.poll(10)

    assert time.monotonic() - started < 5


def test_a_loop_that_has_done_waiting_does_not_say_that_it_sleeps(loop: Loop, pair):
    ours, theirs = pair
    handle, waiter = loop.watch(ours.fileno()), Waiter()
    for timeout in (0, 0.001, 5):
        if timeout == 5:
            handle.set_reader(waiter)
            theirs.send(b"x")
        loop.sleeping = True  # as the hub does

        loop.poll(timeout)

        assert not loop.sleeping
    loop.unwatch(handle)


def test_many_wakes_end_one_wait(loop: Loop):
    for _ in range(100_000):
        loop.wake()
    loop.poll(10)

    started = time.monotonic()
    loop.poll(0.05)

    assert time.monotonic() - started >= 0.05


def test_a_wake_from_another_thread_is_never_lost(loop: Loop):
    go, answers, asked = threading.Semaphore(0), 0, 10_000

    def answer() -> None:
        nonlocal answers
        for _ in range(asked):
            go.acquire()
            answers += 1
            loop.wake()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    for i in range(asked):
        go.release()
        while answers <= i:
            started = time.monotonic()
            loop.poll(5)
            assert time.monotonic() - started < 5, "lost"
    thread.join()


def test_a_wake_after_closing_is_harmless(make: Callable[[], Loop]):
    loop = make()
    loop.close()

    loop.wake()


# Signals -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def alarm() -> Iterator[Callable[..., None]]:
    """A function that lets a handler be called after some seconds."""
    before = signal.getsignal(signal.SIGALRM)

    def set_alarm(seconds: float, handler: Callable[..., object]) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield set_alarm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@needs_signals
def test_a_signal_handler_runs_while_it_waits(loop: Loop, alarm: Callable[..., None]):
    called = []

    def note(*_: object) -> None:
        called.append(time.monotonic())
        loop.wake()

    alarm(0.02, note)
    loop.poll(10)

    assert called
    assert time.monotonic() - called[0] < 5


@needs_signals
def test_a_signal_ends_no_second_wait(loop: Loop, alarm: Callable[..., None]):
    alarm(0.01, lambda *_: loop.wake())
    loop.poll(10)
    settle(loop)

    started, used = time.monotonic(), time.thread_time()
    loop.poll(0.1)

    assert time.monotonic() - started >= 0.1
    assert time.thread_time() - used < 0.05


@needs_signals
def test_what_a_signal_handler_raises_the_wait_raises(loop: Loop, alarm: Callable[..., None]):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    alarm(0.02, interrupt)

    with pytest.raises(KeyboardInterrupt):
        loop.poll(10)

    loop.poll(0.001)  # and it goes on working


@needs_signals
def test_a_wake_from_a_signal_handler_is_never_lost_not_even_just_before_the_wait(loop: Loop, alarm: Callable[..., None]):
    called = 0

    def wake(*_: object) -> None:
        nonlocal called
        called += 1
        loop.wake()

    for i in range(10_000):
        alarm(1e-6 * (i % 30 + 1), wake)
        while called <= i:
            started = time.monotonic()
            loop.poll(5)
            assert time.monotonic() - started < 5, "lost"


@needs_signals
def test_a_signal_that_another_thread_receives_ends_the_wait_too(loop: Loop):
    called, send = 0, threading.Semaphore(0)

    def wake(*_: object) -> None:
        nonlocal called
        called += 1
        loop.wake()

    def receive() -> None:
        for _ in range(1000):
            send.acquire()
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, wake)
    thread = threading.Thread(target=receive)
    thread.start()  # does not block the signal, because the main thread does not yet
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        for i in range(1000):
            send.release()
            while called <= i:
                started = time.monotonic()
                loop.poll(5)
                assert time.monotonic() - started < 5, "lost"
    finally:
        send.release(1000)
        thread.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, before)


@needs_signals
def test_a_wakeup_descriptor_of_somebody_elses_stays_theirs(loop: Loop, alarm: Callable[..., None]):
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    signal.set_wakeup_fd(write_fd)
    try:
        alarm(0.01, lambda *_: loop.wake())
        started = time.monotonic()
        loop.poll(10)
        assert time.monotonic() - started < 5
    finally:
        found = signal.set_wakeup_fd(-1)

    assert found == write_fd
    assert os.read(read_fd, 10) == bytes([signal.SIGALRM])
    os.close(read_fd)
    os.close(write_fd)


@needs_signals
def test_no_wakeup_descriptor_is_left_behind(loop: Loop, alarm: Callable[..., None]):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    loop.poll(0.001)
    assert signal.set_wakeup_fd(-1) == -1
    alarm(0.01, interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop.poll(10)

    assert signal.set_wakeup_fd(-1) == -1


@needs_signals
def test_a_loop_of_another_thread_leaves_signals_alone(make: Callable[[], Loop]):
    seen = []

    def poll() -> None:
        loop = make()
        loop.poll(0.001)
        loop.close()
        seen.append(True)

    thread = threading.Thread(target=poll)
    thread.start()
    thread.join()

    assert seen


# Errors ------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(Entry, "notify"), reason="a compiled notify cannot be replaced, and does not fail")
def test_what_a_notification_raises_the_poll_raises_and_nothing_else_is_lost(loop: Loop):
    class Failing(Callback):
        def notify(self) -> None:
            raise LookupError("notify")

    pairs = [socket.socketpair() for _ in range(5)]
    handles = [loop.watch(ours.fileno()) for ours, _ in pairs]
    for handle in handles:
        handle.set_reader(Failing(print))
        handle.set_writer(Failing(print))
    for _, theirs in pairs:
        theirs.send(b"x")

    for _ in range(10):
        with pytest.raises(LookupError):
            loop.poll(10)

    assert loop.waiting == 0
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_select_forgives_what_was_closed_against_the_rules(monkeypatch: pytest.MonkeyPatch, pair):
    monkeypatch.setattr(_selectors, "_Selector", _selectors.selectors.SelectSelector)
    loop = make_loop("selectors")
    ours, theirs = pair
    closed, watched = loop.watch(ours.fileno()), loop.watch(theirs.fileno())
    wait_to_read(closed)
    reader = wait_to_read(watched)

    fd = ours.detach()
    socket.close(fd)
    poll_until(loop, lambda: closed.reader is None)

    assert watched.reader in (reader, None)  # it is told of the end
    loop.unwatch(closed)
    loop.close()


def test_select_refuses_more_than_it_can_take(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_selectors, "_Selector", _selectors.selectors.SelectSelector)
    monkeypatch.setattr(_selectors, "_SELECT_LIMIT", 1)
    loop = make_loop("selectors")
    ours, theirs = socket.socketpair()
    loop.watch(ours.fileno())

    with pytest.raises(OSError, match="select") as raised:
        loop.watch(theirs.fileno())

    assert raised.value.errno == errno.EMFILE
    loop.close()
    ours.close()
    theirs.close()


# Fork ------------------------------------------------------------------------------------------------------------------


@needs_fork
def test_a_child_that_forgets_everything_does_not_harm_its_parent(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    wait_to_read(handle)
    loop.poll(0)

    def child() -> None:
        loop.after_fork()
        loop.unwatch(handle)
        loop.close()

    in_child(child)
    settle(loop)
    assert handle.reader is not None

    theirs.send(b"x")
    poll_until(loop, lambda: handle.reader is None)


@needs_fork
def test_a_child_that_does_not_care_for_the_loop_does_not_harm_its_parent(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    wait_to_read(handle)
    loop.poll(0)

    def child() -> None:
        loop.unwatch(handle)
        ours.close()
        loop.close()

    in_child(child)
    settle(loop)

    theirs.send(b"x")
    poll_until(loop, lambda: handle.reader is None)


@needs_fork
def test_a_child_goes_on_with_the_same_handles(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    reader = wait_to_read(handle)
    loop.poll(0)

    def child() -> None:
        loop.after_fork()
        assert loop.waiting == 1
        settle(loop)
        assert handle.reader is reader
        theirs.send(b"x")
        poll_until(loop, lambda: handle.reader is None)
        assert ours.recv(10) == b"x"
        fill(ours)
        wait_to_write(handle)
        with pytest.raises(BlockingIOError):
            while True:
                theirs.recv(65536)
        poll_until(loop, lambda: handle.writer is None)
        loop.unwatch(handle)
        waker = threading.Timer(0.01, loop.wake)
        waker.start()
        loop.poll(10)
        waker.join()

    in_child(child)


@needs_fork
def test_a_child_and_its_parent_wake_only_themselves(loop: Loop):
    def child() -> None:
        loop.after_fork()
        for _ in range(10):
            loop.wake()
        loop.poll(10)

    loop.wake()
    in_child(child)

    started = time.monotonic()
    loop.poll(10)
    assert time.monotonic() - started < 5, "the child has taken it"
    started = time.monotonic()
    loop.poll(0.05)
    assert time.monotonic() - started >= 0.05


@needs_fork
def test_a_wake_from_before_the_fork_ends_a_wait_of_the_child_too(loop: Loop):
    def child() -> None:
        loop.after_fork()
        started = time.monotonic()
        loop.poll(10)
        assert time.monotonic() - started < 5

    loop.wake()
    in_child(child)


@needs_fork
def test_who_waits_for_what_is_closed_in_the_child_is_notified_there(loop: Loop, pair):
    fcntl = pytest.importorskip("fcntl")
    # A number that none of the loop's own descriptors will have in the child.
    fd = fcntl.fcntl(pair[0].fileno(), fcntl.F_DUPFD, 300)
    handle = loop.watch(fd)
    wait_to_read(handle)
    loop.poll(0)

    def child() -> None:
        os.close(fd)
        loop.after_fork()
        assert handle.reader is None
        loop.unwatch(handle)
        loop.poll(0)

    in_child(child)
    loop.unwatch(handle)
    os.close(fd)


@needs_fork
@needs_signals
def test_signals_reach_a_child_and_not_its_parent(loop: Loop, alarm: Callable[..., None]):
    loop.poll(0.001)

    def child() -> None:
        loop.after_fork()
        called: list[None] = []
        alarm(0.01, lambda *_: (called.append(None), loop.wake()))
        poll_until(loop, lambda: bool(called))

    in_child(child)

    started = time.monotonic()
    loop.poll(0.05)
    assert time.monotonic() - started >= 0.05


@needs_fork
@needs_signals
def test_a_child_forked_by_another_thread_while_the_loop_waits_has_its_signals(
    make: Callable[[], Loop], loop: Loop, alarm: Callable[..., None]
):
    def fork() -> None:
        own = make()

        def child() -> None:
            own.after_fork()
            assert signal.set_wakeup_fd(-1) == -1
            called: list[None] = []
            alarm(0.01, lambda *_: (called.append(None), own.wake()))
            poll_until(own, lambda: bool(called))

        try:
            in_child(child)
            outcome.append("well")
        finally:
            own.close()
            loop.wake()

    outcome: list[str] = []
    thread = threading.Timer(0.05, fork)  # by then the main thread waits
    thread.start()
    poll_until(loop, lambda: not thread.is_alive() or bool(outcome))
    thread.join()

    assert outcome == ["well"]


@needs_fork
def test_a_child_of_a_child_works_too(loop: Loop, pair):
    ours, theirs = pair
    handle = loop.watch(ours.fileno())
    wait_to_read(handle)

    def grandchild() -> None:
        loop.after_fork()
        theirs.send(b"x")
        poll_until(loop, lambda: handle.reader is None)

    def child() -> None:
        loop.after_fork()
        in_child(grandchild)
        poll_until(loop, lambda: handle.reader is None)

    in_child(child)
    poll_until(loop, lambda: handle.reader is None)


# The end ---------------------------------------------------------------------------------------------------------------


@needs_proc
def test_closing_gives_all_descriptors_back(make: Callable[[], Loop], pair):
    before = open_descriptors()
    loop = make()
    handle = loop.watch(pair[0].fileno())
    wait_to_read(handle)
    loop.poll(0.001)

    loop.close()

    assert open_descriptors() == before
    assert handle.loop is None
    assert loop.waiting == 0


@needs_proc
def test_closing_twice_closes_nothing_of_somebody_elses(make: Callable[[], Loop]):
    loop = make()
    loop.close()
    ours, theirs = socket.socketpair()
    before = open_descriptors()

    loop.close()

    assert open_descriptors() == before
    ours.close()
    theirs.close()


@needs_proc
def test_a_loop_that_is_dropped_gives_all_descriptors_back(make: Callable[[], Loop], pair):
    before = open_descriptors()
    loop = make()
    handle = loop.watch(pair[0].fileno())
    wait_to_read(handle)
    loop.poll(0)

    del loop, handle

    assert open_descriptors() == before


@needs_proc
def test_a_thread_that_ends_leaves_nothing_behind(make: Callable[[], Loop], pair):
    before = open_descriptors()

    def use() -> None:
        loop = make()
        wait_to_read(loop.watch(pair[0].fileno()))
        loop.poll(0.001)

    for _ in range(10):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()

    assert open_descriptors() == before


def test_a_handle_may_outlive_its_loop(make: Callable[[], Loop], pair):
    loop = make()
    handle = loop.watch(pair[0].fileno())
    reader = wait_to_read(handle)
    loop.close()
    del loop
    gc.collect()

    handle.clear_reader(reader)

    assert handle.reader is None
    assert handle.loop is None


def test_a_closed_loop_watches_nothing(make: Callable[[], Loop], pair):
    loop = make()
    loop.close()

    with pytest.raises(ValueError, match="closed"):
        loop.watch(pair[0].fileno())


# What wakes the loops that are written in Python --------------------------------------------------------------------------


@pytest.mark.parametrize("emulated", [False, True])
def test_a_wakeup_is_readable_between_send_and_drain(monkeypatch: pytest.MonkeyPatch, emulated: bool):
    if emulated:
        monkeypatch.setattr(sys, "platform", "win32")
    wakeup = _wakeup.Wakeup()
    is_readable = lambda: wakeup.fd in _selectors.select([wakeup.fd], [], [], 0)[0]  # noqa: E731
    assert not is_readable()

    wakeup.send()
    assert is_readable()
    wakeup.drain()

    assert not is_readable()
    for _ in range(10_000):
        wakeup.send()
    wakeup.close()
    wakeup.close()
    wakeup.send()

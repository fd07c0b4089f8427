"""What `os` has for children and descriptors: as the system's, but only the greenlet waits."""

from __future__ import annotations

import os
import signal

import pytest

from hublet.core import Timeout, joinall, sleep, spawn, spawn_later
from hublet.core.lowlevel import Waiter
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.process import os as cooperative_os
from hublet.process import subprocess

# Other tests leave idle native threads behind; nothing that the children of a fork do here needs those.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class AsyncWord:
    """Something that one greenlet says to another."""

    def __init__(self):
        self._waiter = Waiter("the word")
        self._alive = None

    def set(self, word):
        self._waiter.unpark(word)

    def keep_alive(self):
        """Give the hub something to stay for, at most a minute."""
        self._alive = spawn_later(60, int)

    def get(self):
        self._waiter.park()
        if self._alive is not None:
            self._alive.kill()
        return self._waiter.value


UNTIL_TOLD = "import sys; sys.exit(len(sys.stdin.read()))"


@pytest.mark.parametrize("group", ["one", "any"])
def test_waitpid_lets_others_run_until_the_child_ends(start, python, either_way, group):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    waiting = spawn(cooperative_os.waitpid, child.pid if group == "one" else -1, 0)
    wait_all_parked()

    child.stdin.write(b"1234")
    child.stdin.close()

    assert waiting.get() == (child.pid, 4 << 8)


def test_waitpid_that_must_not_wait_does_not(start, python):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)

    assert cooperative_os.waitpid(child.pid, os.WNOHANG) == (0, 0)


def test_waitpid_says_that_a_child_was_stopped(start, python, either_way):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    waiting = spawn(cooperative_os.waitpid, child.pid, os.WUNTRACED)
    wait_all_parked()

    child.send_signal(signal.SIGSTOP)
    pid, status = waiting.get()

    assert pid == child.pid
    assert os.WIFSTOPPED(status)


def test_waitpid_for_what_is_no_child_is_an_error():
    with pytest.raises(ChildProcessError):
        cooperative_os.waitpid(os.getpid(), 0)


def test_waitpid_takes_the_same_types_as_the_systems():
    for arguments in (("1", 0), (1, "0"), (1.0, 0), (1,)):
        with pytest.raises(TypeError):
            os.waitpid(*arguments)
        with pytest.raises(TypeError):
            cooperative_os.waitpid(*arguments)


def test_a_timeout_around_waitpid_leaves_the_status_to_the_next(start, python, either_way):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    with Timeout(0.02, False):
        cooperative_os.waitpid(child.pid, 0)

    child.stdin.write(b"12")
    child.stdin.close()

    assert cooperative_os.waitpid(child.pid, 0) == (child.pid, 2 << 8)


# The relatives of waitpid


@pytest.mark.parametrize("name", ["wait", "wait3", "wait4", "waitid"])
def test_every_kind_of_wait_lets_others_run(start, python, name):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    arguments = {"wait": (), "wait3": (0,), "wait4": (child.pid, 0), "waitid": (os.P_PID, child.pid, os.WEXITED)}[name]
    waiting = spawn(getattr(cooperative_os, name), *arguments)
    wait_all_parked()

    child.stdin.write(b"1234")
    child.stdin.close()
    result = waiting.get()

    if name == "waitid":
        assert (result.si_pid, result.si_status) == (child.pid, 4)
    else:
        assert result[:2] == (child.pid, 4 << 8)


# Forking


@pytest.fixture(params=["fork", "forkpty"])
def fork(request):
    """Fork in either way and return the pid."""

    def fork():
        result = getattr(cooperative_os, request.param)()
        return result if request.param == "fork" else result[0]

    return fork


@forks
def test_a_forked_child_can_sleep_and_its_parent_waits_for_it(fork):
    pid = fork()
    if pid == 0:
        sleep(0.001)
        os._exit(7)

    assert cooperative_os.waitpid(pid, 0) == (pid, 7 << 8)


@forks
def test_nothing_switches_inside_fork():
    seen = []
    others = [spawn(seen.append, i) for i in range(10)]

    with assert_no_switch():
        pid = cooperative_os.fork()
        at_once = list(seen)
    if pid == 0:
        os._exit(len(at_once))

    assert at_once == []
    assert cooperative_os.waitpid(pid, 0) == (pid, 0)
    joinall(others)


@forks
def test_greenlets_go_on_in_the_child():
    reader, writer = os.pipe()
    go, tell = os.pipe()
    reading = spawn(cooperative_os.nb_read, reader, 10)
    os.set_blocking(reader, False)
    wait_all_parked()

    pid = cooperative_os.fork()
    if pid == 0:
        os.read(go, 1)
        os.write(writer, b"abc")
        os._exit(len(reading.get()))
    reading.kill()  # or it would take what the child is to read
    os.write(tell, b".")

    assert cooperative_os.waitpid(pid, 0) == (pid, 3 << 8)
    for fd in (reader, writer, go, tell):
        os.close(fd)


@forks
@pytest.mark.parametrize("ref", [False, True])
def test_a_watched_child_is_reaped_and_told_of(ref):
    told = AsyncWord()
    pid = cooperative_os.fork_and_watch(told.set, ref=ref)
    if pid == 0:
        os._exit(5)

    if not ref:
        told.keep_alive()
    watch = told.get()

    assert (watch.pid, watch.status, watch.rpid, watch.rstatus) == (pid, 5 << 8, pid, 5 << 8)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)
    assert cooperative_os.waitpid(pid, 0) == (pid, 5 << 8)
    with pytest.raises(ChildProcessError):
        cooperative_os.waitpid(pid, 0)


@forks
def test_a_watched_child_can_be_waited_for_among_all():
    pids = {cooperative_os.fork_and_watch() for _ in range(2)}
    if 0 in pids:
        os._exit(0)

    assert {cooperative_os.waitpid(-1, 0)[0] for _ in range(2)} == pids


# Descriptors


@pytest.fixture
def pipe():
    """Both ends of a pipe in non-blocking mode."""
    ends = os.pipe()
    assert [cooperative_os.make_nonblocking(fd) for fd in ends] == [True, True]
    yield ends
    for fd in ends:
        os.close(fd)


def test_making_a_descriptor_non_blocking_says_whether_it_was(pipe):
    assert not cooperative_os.make_nonblocking(pipe[0])
    assert not os.get_blocking(pipe[0])


def test_reading_and_writing_by_number_park(pipe):
    writing = spawn(lambda: sum(cooperative_os.nb_write(pipe[1], bytes(1000)) for _ in range(200)))
    wait_all_parked()
    assert not writing.ready()

    received = 0
    while received < 200_000:
        received += len(cooperative_os.nb_read(pipe[0], 1 << 20))

    assert writing.get() == received == 200_000


def test_reading_and_writing_in_threads_park():
    reader, writer = os.pipe()
    reading = spawn(cooperative_os.tp_read, reader, 10)

    assert cooperative_os.tp_write(writer, b"abc") == 3
    assert reading.get() == b"abc"
    os.close(reader)
    os.close(writer)


def test_a_spawned_child_can_be_waited_for():
    pid = cooperative_os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})

    assert cooperative_os.waitpid(pid, 0) == (pid, 3 << 8)


def test_the_rest_of_os_is_there():
    assert cooperative_os.getpid() == os.getpid()
    with pytest.raises(AttributeError):
        cooperative_os.no_such_thing  # noqa: B018

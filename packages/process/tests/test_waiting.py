"""Waiting for the end of children: only the greenlet waits, and nothing of the program's own is taken away."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from hublet.core import Timeout, joinall, sleep, spawn
from hublet.core.lowlevel import call_in_thread, get_hub_if_exists
from hublet.core.testing import wait_all_parked
from hublet.process import os as cooperative_os
from hublet.process import subprocess

# Other tests leave idle native threads behind; nothing that the children of a fork do here needs those.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

UNTIL_TOLD = "import sys; sys.exit(len(sys.stdin.read()))"


def test_a_greenlet_that_waits_lets_another_one_end_the_child(start, python, either_way):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    waiting = spawn(child.wait)
    wait_all_parked()

    child.stdin.write(b"123")
    child.stdin.close()

    assert waiting.get() == 3


def test_children_end_in_the_order_in_which_they_are_told(start, python, either_way):
    ended = []
    children = [start(python(UNTIL_TOLD), stdin=subprocess.PIPE) for _ in range(3)]
    waiting = [spawn(lambda i=i: ended.append((i, children[i].wait()))) for i in range(3)]
    wait_all_parked()

    for told in (2, 0, 1):
        children[told].stdin.write(b"x" * told)
        children[told].stdin.close()
        waiting[told].join()

    assert ended == [(2, 2), (0, 0), (1, 1)]


def test_two_hundred_children_are_waited_for_at_once(start):
    children = [start(["/bin/sh", "-c", f"read line; exit {i}"], stdin=subprocess.PIPE) for i in range(200)]
    waiting = [spawn(child.wait) for child in children]
    wait_all_parked()

    for child in reversed(children):
        child.stdin.close()
    joinall(waiting)

    assert [each.value for each in waiting] == list(range(200))


def test_many_greenlets_wait_for_one_child(start, python, either_way):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    waiting = [spawn(child.wait) for _ in range(5)]
    wait_all_parked()

    child.stdin.close()
    joinall(waiting)

    assert [each.value for each in waiting] == [0] * 5


def test_a_wait_that_takes_too_long_says_so_and_can_be_repeated(start, python, either_way):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)

    with pytest.raises(subprocess.TimeoutExpired) as caught:
        child.wait(timeout=0.05)
    child.stdin.close()

    assert caught.value.timeout == 0.05
    assert caught.value.cmd == child.args
    assert child.wait(timeout=60) == 0


def test_a_wait_for_a_child_that_has_ended_does_not_look_at_the_timeout(start, python):
    child = start(python("pass"))
    child.wait()

    assert child.wait(timeout=0) == 0


def test_a_timeout_around_a_wait_leaves_the_child_and_no_descriptor(start, python, either_way, descriptors):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    sleep(0)  # the hub and its loop exist now
    before = descriptors()

    with Timeout(0.02, False):
        child.wait()
        pytest.fail("nobody has told the child to end")

    assert descriptors() == before
    assert child.poll() is None
    child.stdin.close()
    assert child.wait() == 0


def test_a_greenlet_that_is_killed_while_it_waits_leaves_the_child_and_no_descriptor(start, python, descriptors):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    sleep(0)
    before = descriptors()
    waiting = spawn(child.wait)
    wait_all_parked()

    waiting.kill()

    assert descriptors() == before
    assert child.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_child_that_a_signal_ended_has_its_negative_number(start, python, either_way, number):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    waiting = spawn(child.wait)
    wait_all_parked()

    child.send_signal(number)

    assert waiting.get() == -number


def test_a_child_that_was_waited_for_is_no_zombie(start, python, either_way):
    child = start(python("pass"))

    child.wait()

    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_the_programs_own_handler_of_sigchld_is_called_and_stays(start, python, either_way):
    called = []

    def handler(number, frame):
        called.append(number)

    before = signal.signal(signal.SIGCHLD, handler)
    try:
        child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
        waiting = spawn(child.wait)
        wait_all_parked()
        child.stdin.close()

        assert waiting.get() == 0
        assert called == [signal.SIGCHLD]
        assert signal.getsignal(signal.SIGCHLD) is handler
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_no_handler_of_sigchld_is_installed(start, python):
    before = signal.getsignal(signal.SIGCHLD)

    start(python("pass")).wait()

    assert signal.getsignal(signal.SIGCHLD) is before


def test_a_program_that_reaps_every_child_itself_does_not_disturb_a_wait(start, python, either_way):
    reaped = []

    def handler(number, frame):
        try:
            reaped.append(os.waitpid(-1, os.WNOHANG))
        except ChildProcessError:
            pass

    before = signal.signal(signal.SIGCHLD, handler)
    try:
        child = start(python("raise SystemExit(5)"))

        # The status is the program's now; what is left is 0, as in the standard library.
        assert child.wait() in (0, 5)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_with_sigchld_ignored_a_wait_ends_with_0(start, python, either_way):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
        waiting = spawn(child.wait)
        wait_all_parked()
        child.stdin.write(b"12345")
        child.stdin.close()

        assert waiting.get() == 0
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_native_thread_without_a_hub_waits_and_gets_no_hub(start, python):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    waiting = spawn(call_in_thread, lambda: (child.wait(), get_hub_if_exists()))
    wait_all_parked()

    child.stdin.write(b"1")
    child.stdin.close()

    assert waiting.get() == (1, None)


def test_a_native_thread_without_a_hub_times_out(start, python):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)

    with pytest.raises(subprocess.TimeoutExpired) as caught:
        call_in_thread(child.wait, timeout=0.02)

    assert caught.value.timeout == 0.02


@forks
def test_a_forked_child_runs_and_waits_for_children_of_its_own(python):
    sleep(0)  # the fork finds a hub
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            results = [spawn(subprocess.run, python(f"raise SystemExit({i})")) for i in (1, 2)]
            joinall(results)
            code = sum(each.get().returncode for each in results)
        finally:
            os._exit(code)

    assert cooperative_os.waitpid(pid, 0) == (pid, 3 << 8)


@forks
def test_a_forked_child_does_not_wait_for_a_child_of_its_parent(start, python):
    child = start(python(UNTIL_TOLD), stdin=subprocess.PIPE)
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = child.wait()
        finally:
            os._exit(code)

    assert cooperative_os.waitpid(pid, 0) == (pid, 0)
    assert child.poll() is None


def test_a_process_leaves_with_a_child_that_still_runs(python):
    program = (
        "import sys\n"
        f"sys.path[:] = {sys.path!r}\n"
        "from hublet.core import spawn, sleep\n"
        "from hublet.process import subprocess\n"
        f"child = subprocess.Popen({python('import sys; sys.stdin.read()')!r}, stdin=subprocess.PIPE)\n"
        "spawn(child.wait)\n"
        "sleep(0)\n"
    )

    assert subprocess.run(python(program), timeout=60).returncode == 0

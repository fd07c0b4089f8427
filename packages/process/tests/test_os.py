"""`waitpid`: as the system's, but only the greenlet waits."""

from __future__ import annotations

import os
import signal

import pytest

from hublet.core import Timeout, spawn
from hublet.core.testing import wait_all_parked
from hublet.process import os as cooperative_os
from hublet.process import subprocess

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

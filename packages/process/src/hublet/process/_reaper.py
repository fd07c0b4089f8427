"""Waiting for the end of a child process without touching SIGCHLD, which belongs to the program.

Where the kernel has pidfds, one is opened for each wait: it becomes readable when the child ends.  It does not reap:
who waits asks `waitpid` then, and whoever else in the program reaps, be it a handler of SIGCHLD, is as welcome as ever.
Where there is no pidfd (an old kernel, another system, no descriptors left, a sandbox that forbids it), the child is
asked at growing intervals.  A native thread in a blocking `waitpid` was rejected: abandoned by a kill or a timeout, it
would still reap the child, and lose its status.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from hublet.core import sleep
from hublet.core.lowlevel import deadline_in

from ._ready import READ, wait_ready

__all__ = ["wait_until_reaped", "waitpid"]

_SHORTEST, _LONGEST = 0.0005, 0.05  # seconds between two questions: those of the standard library's Popen.wait

# Taken now: what `os` holds later may be the function below.
_waitpid = os.waitpid


def wait_until_reaped(pid: int | None, is_reaped: Callable[[], bool], deadline: float | None) -> bool:
    """Park until *is_reaped*, asked when the child *pid* may have ended, says true; false if *deadline* passed first.

    *pid* `None` is no child in particular: it is asked at intervals.  *deadline* is absolute, as `deadline_in` makes
    it; `None` is none.  *is_reaped* must not wait; what it raises is raised.
    """
    if is_reaped():
        return True
    fd = -1 if pid is None else _open_pidfd(pid)
    if fd >= 0:
        try:
            wait_ready({fd: READ}, deadline)
        finally:
            os.close(fd)
        if is_reaped():
            return True
        # The time is up, or another thread is between reaping the child and saying so: ask again.
    delay = _SHORTEST
    while True:
        if deadline is not None:
            left = deadline - (deadline_in(0) or 0.0)
            if left <= 0:
                return False
            delay = min(delay, left)
        sleep(delay)
        if is_reaped():
            return True
        delay = min(delay * 2, _LONGEST)


def _open_pidfd(pid: int) -> int:
    """Return a new descriptor that becomes readable when the child *pid* ends, or -1 if there cannot be one."""
    if not hasattr(os, "pidfd_open"):
        return -1
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1


def waitpid(pid: int, options: int, /) -> tuple[int, int]:
    """Wait for a child process to change its state, and return its pid and its status.  As `os.waitpid`.

    Parks until there is something to say, unless *options* has `WNOHANG`; a native thread without a hub blocks.  One
    child is waited for through a pidfd where the kernel has it; several (*pid* 0 or less), and stops and continuations,
    are asked for at growing intervals, at most 50 ms apart.  A kill or a timeout loses no child's status.
    """
    if options & os.WNOHANG:
        return _waitpid(pid, options)
    found: list[tuple[int, int]] = []
    only_its_end = pid > 0 and options == 0
    wait_until_reaped(pid if only_its_end else None, partial(_try, pid, options, found), None)
    return found[0]


def _try(pid: int, options: int, found: list[tuple[int, int]]) -> bool:
    result = _waitpid(pid, options | os.WNOHANG)
    if result[0] == 0:
        return False
    found.append(result)
    return True

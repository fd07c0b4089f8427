"""Waiting for the end of a child process without touching SIGCHLD, which belongs to the program.

Where the kernel has pidfds, one is opened for each wait: it becomes readable when the child ends.  It does not reap:
who waits asks `waitpid` then, and whoever else in the program reaps, be it a handler of SIGCHLD, is as welcome as ever.
Where there is no pidfd (an old kernel, another system, no descriptors left, a sandbox that forbids it), the child is
asked at growing intervals.  A native thread in a blocking `waitpid` was rejected: abandoned by a kill or a timeout, it
would still reap the child, and lose its status.
"""

from __future__ import annotations

import os
from functools import partial

from hublet.core import sleep, spawn_raw
from hublet.core.lowlevel import deadline_in
from hublet.core.patching import original

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["ChildWatch", "wait", "wait3", "wait4", "wait_until_reaped", "waitid", "waitpid", "watch_child"]

_SHORTEST, _LONGEST = 0.0005, 0.05  # seconds between two questions: those of the standard library's Popen.wait

# What `os` holds may be the functions below.
_waitpid: Any = original("os", "waitpid")
_wait3: Any = original("os", "wait3", None)
_wait4: Any = original("os", "wait4", None)
_waitid: Any = original("os", "waitid", None)


def wait_until_reaped(pid: int | None, is_reaped: Callable[[], bool], deadline: float | None) -> bool:
    """Park until *is_reaped*, asked when the child *pid* may have ended, says true; false if *deadline* passed first.

    *pid* `None` is no child in particular: it is asked at intervals.  *deadline* is absolute, as `deadline_in` makes
    it; `None` is none.  *is_reaped* must not wait; what it raises is raised.
    """
    if is_reaped():
        return True
    fd = -1 if pid is None else _open_pidfd(pid)
    if fd >= 0:
        from ._ready import READ, wait_ready  # late: few of those that patch `os` come here

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
    only_its_end = pid > 0 and options == 0
    answer: tuple[int, int] = _ask(partial(take_status, pid), options, pid if only_its_end else None, _nothing_yet)
    return answer


def wait() -> tuple[int, int]:
    """Wait for the end of any child process.  As `os.wait`.  Parks."""
    return waitpid(-1, 0)


def wait3(options: int) -> Any:
    """Wait for any child process, and return what it used as well.  As `os.wait3`.  Parks, as `waitpid`."""
    return _ask(_wait3, options, None, _nothing_yet)


def wait4(pid: int, options: int) -> Any:
    """Wait for a child process, and return what it used as well.  As `os.wait4`.  Parks, as `waitpid`."""
    only_its_end = pid > 0 and options == 0
    return _ask(partial(_wait4, pid), options, pid if only_its_end else None, _nothing_yet)


def waitid(idtype: int, id: int, options: int, /) -> Any:
    """Wait for child processes, and say what became of one.  As `os.waitid`.  Parks, as `waitpid`."""
    return _ask(partial(_waitid, idtype, id), options, None, lambda result: result is None)


def _nothing_yet(result: Any) -> bool:
    return bool(result[0] == 0)


def _ask(call: Callable[[int], Any], options: int, pid: int | None, is_nothing: Callable[[Any], bool]) -> Any:
    """Return what *call* returns, when that is something; it is given *options*, and never waits itself."""
    if options & os.WNOHANG:
        return call(options)
    found: list[Any] = []

    def has_found() -> bool:
        result = call(options | os.WNOHANG)
        if not is_nothing(result):
            found.append(result)
        return bool(found)

    wait_until_reaped(pid, has_found, None)
    return found[0]


# Children that are watched


class ChildWatch:
    """A child process whose end is watched for: its *pid*, and when it has ended its `status`, as of `os.waitpid`.

    gevent's names for them are there too: `rpid` is 0 until then, `rstatus` the status.
    """

    def __init__(self, pid: int, callback: Callable[[ChildWatch], object] | None) -> None:
        self.pid = pid
        self.status: int | None = None
        self._callback = callback

    @property
    def rpid(self) -> int:
        """The pid if it has ended, otherwise 0."""
        return 0 if self.status is None else self.pid

    @property
    def rstatus(self) -> int:
        """The status if it has ended, otherwise 0."""
        return self.status or 0

    def has_ended(self) -> bool:
        """Reap the child if it has ended, and say whether it has.  Never switches."""
        if self.status is None and self.pid in _watches:
            try:
                pid, status = _waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                del _watches[self.pid]  # reaped behind our back: nobody will ever know
                return True
            if pid:
                self.end(status)
        return self.pid not in _watches or self.status is not None

    def end(self, status: int) -> None:
        """Keep *status*, for a `waitpid` to come, and tell whoever wants to know.  Never switches."""
        self.status = status
        callback, self._callback = self._callback, None
        if callback is not None:
            spawn_raw(callback, self)


_watches: dict[int, ChildWatch] = {}
_MANY = 1000  # statuses that nobody asks for are kept for so many children


def watch_child(pid: int, callback: Callable[[ChildWatch], object] | None, ref: bool) -> None:
    """Reap the child *pid* when it ends, keep its status for `waitpid`, and call ``callback(watch)`` in a greenlet."""
    ended = [each for each in _watches.values() if each.status is not None]
    for each in ended[: max(0, len(ended) - _MANY)]:
        del _watches[each.pid]
    watch = _watches[pid] = ChildWatch(pid, callback)
    spawn_raw(_watch, watch, ref)


def _watch(watch: ChildWatch, ref: bool) -> None:
    if ref:
        wait_until_reaped(watch.pid, watch.has_ended, None)
        return
    delay = _SHORTEST
    while not watch.has_ended():
        sleep(delay, ref=False)
        delay = min(delay * 2, _LONGEST)


def take_status(pid: int, options: int) -> tuple[int, int]:
    """As `os.waitpid`, whose *options* have `WNOHANG`; children that are watched may have been reaped before."""
    for watch in [_watches[pid]] if pid in _watches else list(_watches.values()) if pid <= 0 else ():
        if watch.status is not None:
            del _watches[watch.pid]
            return watch.pid, watch.status
    found, status = _waitpid(pid, options)
    if found in _watches and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
        _watches.pop(found).end(status)
    return found, status


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_watches.clear)  # they are the parent's children

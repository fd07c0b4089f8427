"""Several processes that serve one address, and the one that looks after them.

The parent never runs a hub nor loads the application: it forks, waits for children, and forwards signals.  A worker that
dies is replaced; one that could not even start is not, since the next could not either.

It waits for a byte that CPython writes when a signal comes, SIGCHLD too (`signal.set_wakeup_fd`), and not in waitpid(2): a
signal that comes just before that call would interrupt nothing, and its handler would run when the next child ends.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable

__all__ = ["CANNOT_START", "Supervisor"]

CANNOT_START = 3
"""The exit status of a worker that could not load or bind."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
_MIN_LIFE = 1.0  # seconds; who dies younger is replaced only after that time


def _wake_up(number: int, frame: object) -> None:
    """Do nothing: that there is a handler makes CPython ring the bell."""


class Supervisor:
    """Keeps *count* processes going that each run *work*, which is called with a function to call once it is ready.

    *stop_timeout* is how many seconds workers have to end when they are told to, before they are killed; `None` is without
    limit.
    """

    def __init__(self, count: int, work: Callable[[Callable[[], None]], int], stop_timeout: float | None) -> None:
        self._count = count
        self._work = work
        self._stop_timeout = stop_timeout
        self._born: dict[int, float] = {}  # process id -> when
        self._status = 0
        self._stopping = False
        self._bell = -1  # readable once a signal has come

    def run(self, on_ready: Callable[[], None]) -> int:
        """Start the workers, call *on_ready* when they serve, and wait until all have ended; return the exit status.

        SIGTERM and SIGINT end them gracefully; a second one kills them.  Blocks.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        signal.signal(signal.SIGCHLD, _wake_up)
        self._bell, ringer = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(ringer, False)
        signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
        ready = [self._start() for _ in range(self._count)]
        if all(ready):
            on_ready()
        else:
            self._end(CANNOT_START)
        while self._born:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._bury(pid, os.waitstatus_to_exitcode(status))
            else:
                self._wait_for_a_signal()
        signal.alarm(0)
        return self._status

    def _wait_for_a_signal(self) -> None:
        select.select([self._bell], [], [])
        try:
            os.read(self._bell, 4096)
        except BlockingIOError:
            pass  # a handler has run in between, and nothing else came

    def _start(self) -> bool:
        """Fork a worker; true once it serves, false if it has died before."""
        reader, writer = os.pipe()
        # No signal in between: the child must not act as the parent does, nor the parent overlook the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._be_worker(writer)
        self._born[pid] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(writer)
        ready = bool(os.read(reader, 1))
        os.close(reader)
        return ready

    def _be_worker(self, writer: int) -> None:
        """Run *work* and end the process."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._born.clear()

            def tell_ready() -> None:
                os.write(writer, b"!")
                os.close(writer)

            status = self._work(tell_ready)
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _bury(self, pid: int, status: int) -> None:
        born = self._born.pop(pid, None)
        if born is None:
            return  # not ours
        if self._stopping:
            if self._status == 0 and status in (1, -signal.SIGKILL):
                self._status = 1  # it had to cut off what was under way
            return
        if status == CANNOT_START:
            self._end(status)
            return
        print(f"worker {pid} has ended with status {status} and is replaced", file=sys.stderr, flush=True)
        time.sleep(max(0.0, born + _MIN_LIFE - time.monotonic()))
        if not self._stopping:
            self._start()

    def _stop(self, number: int, frame: object) -> None:
        if self._stopping:
            self._kill(number, frame)
            return
        self._end(0)

    def _end(self, status: int) -> None:
        """Tell all workers to end."""
        self._stopping = True
        self._status = status
        self._signal(signal.SIGTERM)
        if self._stop_timeout is not None:
            # They keep the time themselves; this is for one that hangs.
            signal.setitimer(signal.ITIMER_REAL, self._stop_timeout + 5.0)

    def _kill(self, number: int, frame: object) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for pid in list(self._born):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # dead, and not yet buried

"""Blocking calls in native threads, of which a hub has a few.

Threads are started when there is work and none is idle, up to a limit, and end when they have been idle for a while.  A
call that is abandoned (killed, timed out) runs to its end all the same; its result is dropped.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from greenlet import getcurrent

from ._config import config
from ._hub import get_hub
from ._native import allocate_lock, start_new_thread
from ._park import Waiter

__all__ = ["Workers", "call_in_thread"]


class _Job:
    """A call on its way to a thread and back."""

    __slots__ = ("args", "error", "function", "kwargs", "result", "scheduler", "waiter")

    def __init__(self, waiter: Waiter, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.waiter: Waiter | None = waiter  # None once it has been woken
        self.scheduler: Any = waiter.scheduler
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def run(self) -> None:
        """Call the function and wake who waits.  In the worker thread."""
        error = result = None
        try:
            result = self.function(*self.args, **self.kwargs)
        except BaseException as raised:
            error = raised
        function, self.function, self.args, self.kwargs = self.function, None, (), {}
        del function
        # Through the hub, which alone counts what is under way.
        self.scheduler.greenlet.call_soon_threadsafe(self._deliver, result, error)

    def abandon(self) -> None:
        """Wake who waits with an error, unless the result is on its way already.  In a forked child."""
        error = RuntimeError(
            f"the call of {self.function!r} was under way in a native thread when the process forked, and threads stay "
            "behind in the parent; make it again in the child"
        )
        self.scheduler.greenlet.call_soon(self._deliver, None, error)

    def _deliver(self, result: Any, error: BaseException | None) -> None:
        waiter, self.waiter = self.waiter, None
        if waiter is None:
            return
        self.scheduler.outside -= 1
        if error is None:
            waiter.unpark(result)
        else:
            waiter.fail(error)


class Workers:
    """At most *maxsize* native threads that make the blocking calls of one hub."""

    def __init__(self, hub: Any, maxsize: int) -> None:
        self.hub = hub
        self.maxsize = maxsize
        self.size = 0  # threads there are
        self.idle = 0  # threads that wait for a job
        self._jobs: deque[_Job] = deque()
        self._under_way: set[_Job] = set()
        self._sleepers: deque[Any] = deque()  # a lock for each idle thread, the latest idle last
        self._lock = allocate_lock()
        self._closed = False
        hub.at_close(self.close)

    def call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Call ``function(*args, **kwargs)`` in a thread and return what it returns, or raise what it raises.  Parks."""
        waiter = Waiter(("a thread to call", function))
        scheduler: Any = waiter.scheduler  # whoever has workers has a hub
        if getcurrent() is scheduler.greenlet or getcurrent() in scheduler.unswitchable:
            waiter.park()  # which is refused: before the call, not after it
        job = _Job(waiter, function, args, kwargs)
        scheduler.outside += 1
        self._submit(job)
        waiter.park()
        return waiter.value

    def _submit(self, job: _Job) -> None:
        with self._lock:
            self._jobs.append(job)
            if self._sleepers:
                self._sleepers.pop().release()
                return
            if self.size >= self.maxsize:
                return
            self.size += 1
        try:
            start_new_thread(self._work, ())
        except BaseException:
            with self._lock:
                self.size -= 1
                if self.size == 0:
                    self._jobs.remove(job)
                    job.scheduler.outside -= 1
                    raise
            # Otherwise the threads that there are will come to it.

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._jobs:
                    job = self._jobs.popleft()
                    self._under_way.add(job)
                elif self._closed:
                    self.size -= 1
                    return
                else:
                    job = None
                    bell = allocate_lock()
                    bell.acquire()
                    self._sleepers.append(bell)
                    self.idle += 1
            if job is not None:
                job.run()
                self._under_way.discard(job)
                del job
                continue
            rung = bell.acquire(True, config.threadpool_idle)
            with self._lock:
                self.idle -= 1
                if not rung and bell in self._sleepers:
                    self._sleepers.remove(bell)
                    self.size -= 1
                    return

    def close(self) -> None:
        """End the threads as they become idle.  Never switches; any thread may call it."""
        with self._lock:
            self._closed = True
            while self._sleepers:
                self._sleepers.pop().release()

    def after_fork(self) -> None:
        """Forget the threads, which stayed behind in the parent, and fail the calls that they were making."""
        self._lock = allocate_lock()
        self.size = self.idle = 0
        self._sleepers.clear()
        under_way, self._under_way = self._under_way, set()
        for job in under_way:
            job.abandon()
        jobs, self._jobs = self._jobs, deque()
        for job in jobs:
            self._submit(job)


def call_in_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call ``function(*args, **kwargs)``, which may block, in a native thread, and return its result or raise its error.

    Parks.  At most `config.threadpool_size` calls of one hub run at once; more wait for their turn.  If the greenlet is
    killed or times out, it goes on at once, and the call goes on without it.  In a native thread without a hub, which
    nothing can share, the function is called right there.
    """
    waiter = Waiter()
    if waiter.scheduler is None:
        return function(*args, **kwargs)
    return get_hub().threadpool.call(function, *args, **kwargs)

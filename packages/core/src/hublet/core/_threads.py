"""Blocking calls in native threads, of which a hub has a few.

Threads are started when there is work and none is idle, up to a limit, and end when they have been idle for a while.  A
call that is abandoned (killed, timed out) runs to its end all the same; its result is dropped.
"""

from __future__ import annotations

from collections import deque

from greenlet import getcurrent

from ._config import config
from ._hub import get_hub
from ._native import allocate_lock, start_new_thread
from ._park import Waiter

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Workers", "call_in_thread"]


class _Job:
    """A call on its way to a thread and back."""

    __slots__ = ("args", "done", "function", "kwargs", "scheduler")

    def __init__(self, scheduler: Any, done: Any, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.scheduler = scheduler
        self.done = done  # None once it has been called
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def run(self) -> None:
        """Call the function and let the hub tell who wants to know.  In the worker thread."""
        error = result = None
        try:
            result = self.function(*self.args, **self.kwargs)
        except BaseException as raised:
            error = raised
        function, self.function, self.args, self.kwargs = self.function, None, (), {}
        del function
        # Through the hub, which alone counts what is under way.
        self.scheduler.greenlet.call_soon_threadsafe(self._deliver, result, error)
        del error  # or its traceback would hold the frame that holds it

    def abandon(self) -> None:
        """Deliver an error, unless the result is on its way already.  In a forked child."""
        error = RuntimeError(
            f"the call of {self.function!r} was under way in a native thread when the process forked, and threads stay "
            "behind in the parent; make it again in the child"
        )
        self.scheduler.greenlet.call_soon(self._deliver, None, error)

    def _deliver(self, result: Any, error: BaseException | None) -> None:
        done, self.done = self.done, None
        if done is not None:
            self.scheduler.outside -= 1
            done(result, error)


class _Return:
    """Takes the outcome of a call to *waiter*."""

    __slots__ = ("_waiter",)

    def __init__(self, waiter: Waiter) -> None:
        self._waiter = waiter

    def __call__(self, result: Any, error: BaseException | None) -> None:
        if error is None:
            self._waiter.unpark(result)
        else:
            self._waiter.fail(error)


class Workers:
    """At most *maxsize* native threads that make the blocking calls of *hub*.

    A thread is started when there is a call to make and none is idle, and ends when it was idle for
    `config.threadpool_idle` seconds.
    """

    def __init__(self, hub: Any, maxsize: int) -> None:
        self.hub = hub
        self.size = 0  # threads there are, without those that were told to end
        self.ending = 0  # threads that were told to end, and have not noticed
        self.idle = 0  # threads that wait for a job
        self._maxsize = maxsize
        self._jobs: deque[_Job] = deque()
        self._under_way: set[_Job] = set()
        self._sleepers: deque[Any] = deque()  # a lock for each idle thread, the latest idle last
        self._lock = allocate_lock()
        self._closed = False
        hub.add_workers(self)

    def call(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call ``function(*args, **kwargs)`` in a thread and return what it returns, or raise what it raises.  Parks."""
        waiter = Waiter(("a thread to call", function))
        scheduler: Any = waiter.scheduler  # whoever has workers has a hub
        if scheduler.is_polling or getcurrent() is scheduler.greenlet or getcurrent() in scheduler.unswitchable:
            waiter.park()  # which is refused: before the call, not after it
        self._submit(_Job(scheduler, _Return(waiter), function, args, kwargs))
        try:
            waiter.park()
            return waiter.value
        finally:
            del waiter  # or this frame, which the traceback of an error holds, would hold the error

    def submit(self, done: Any, function: Any, /, *args: Any, **kwargs: Any) -> None:
        """Let ``function(*args, **kwargs)`` be called in a thread, and ``done(result, error)`` in the hub after that.

        Never switches; any thread may call it.  One of *result* and *error* is `None`.  Raises `RuntimeError` if a thread is
        needed and cannot be started.
        """
        self._submit(_Job(self.hub.scheduler, done, function, args, kwargs))

    def _submit(self, job: _Job) -> None:
        job.scheduler.outside += 1
        with self._lock:
            self._jobs.append(job)
            if self._sleepers:
                self._sleepers.pop().release()
                return
            if self.size >= self._maxsize:
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

    @property
    def maxsize(self) -> int:
        """How many threads there may be.  Assignable: those that are too many end when they have made their calls."""
        return self._maxsize

    @maxsize.setter
    def maxsize(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self.resize(min(maxsize, max(self.size, len(self._jobs))))

    def resize(self, size: int) -> None:
        """Start threads, or let some end as soon as they are idle, so that there are *size*, `maxsize` at most.

        Never switches; any thread may call it.  Raises `RuntimeError` if a thread cannot be started.
        """
        with self._lock:
            while self.size > size:
                self.size -= 1
                self.ending += 1
                if self._sleepers:
                    self._sleepers.pop().release()
            missing = min(size, self._maxsize) - self.size
            self.size += max(0, missing)
        while missing > 0:
            try:
                start_new_thread(self._work, ())
            except BaseException:
                with self._lock:
                    self.size -= missing
                raise
            missing -= 1

    def _work(self) -> None:
        is_new = True
        while True:
            with self._lock:
                # The last one leaves no call behind, and a new one was not meant by those who told another to end: that may
                # be in a call for long, and what the new one was started for would wait for it.
                if self.ending and not (self._jobs and (is_new or not self.size)):
                    self.ending -= 1
                    return
                is_new = False
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
        self.size = self.idle = self.ending = 0
        self._sleepers.clear()
        under_way, self._under_way = self._under_way, set()
        for job in under_way:
            job.abandon()
        jobs, self._jobs = self._jobs, deque()
        for job in jobs:
            job.scheduler.outside -= 1  # counted anew
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

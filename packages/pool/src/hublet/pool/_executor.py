"""`ThreadPoolExecutor`: `concurrent.futures` on core's native threads, for greenlets."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from concurrent.futures.thread import BrokenThreadPool
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet, ref

from hublet.core import get_hub
from hublet.core.lowlevel import ParkingLot, Waiter, Workers
from hublet.core.patching import original

from ._future import Future

__all__ = ["ThreadPoolExecutor"]

T = TypeVar("T")

if TYPE_CHECKING:
    from _thread import _local as thread_local
else:
    thread_local = original("_thread", "_local")  # the interpreter's own: it may be one of ours by now


class _PerThread(thread_local):
    ready = False  # whether the initializer was called


class ThreadPoolExecutor(Executor):
    """As `concurrent.futures.ThreadPoolExecutor`, but waiting for its futures parks, and their callbacks run in the hub.

    The hub is that of the thread that makes it.  Any thread may submit.  Calls that are submitted beyond *max_workers* wait in
    line.  Raises `ValueError` if *max_workers* is less than 1 and `TypeError` if *initializer* cannot be called.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if max_workers is None:
            max_workers = min(32, (os.cpu_count() or 1) + 4)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._hub = get_hub()
        self._workers = Workers(self._hub, max_workers)
        self._max_workers = max_workers  # by the name that users of the standard library look at
        self._prefix = thread_name_prefix
        self._named = 0
        self._initializer = initializer
        self._initargs = initargs
        self._per_thread = _PerThread()
        self._broken: str | None = None
        self._closed = False
        self._futures: set[Future[Any]] = set()  # those whose call has not ended
        self._joiners = ParkingLot()
        _all.add(self)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Let ``fn(*args, **kwargs)`` be called in a native thread and return its future.

        Never switches; any thread may call it.  Raises `RuntimeError` after `shutdown`, and `BrokenThreadPool` if an
        initializer failed.
        """
        if self._broken is not None:
            raise BrokenThreadPool(self._broken)
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if _ended:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        future: Future[T] = Future(self._hub)
        self._futures.add(future)
        try:
            # Weakly: the hub would keep the result until its next turn.  Those whose call has not ended are in the set.
            self._workers.submit(partial(self._settled, ref(future)), self._work, future, fn, args, kwargs)
        except BaseException:
            self._forget(future)
            raise
        return future

    # In a worker thread

    def _work(self, future: Future[Any], fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            if self._broken is None and not self._per_thread.ready:
                self._prepare_thread()
            if not future.set_running_or_notify_cancel():
                return
            if self._broken is not None:
                future.set_exception(BrokenThreadPool(self._broken))
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
        finally:
            del fn, args, kwargs
            self._forget(future)
            del future  # or this frame, which the traceback of an error holds, would hold the error

    def _prepare_thread(self) -> None:
        """Name the thread and call the initializer in it.  If that fails, this and every later call fails of it."""
        try:
            if self._prefix:
                threading.current_thread().name = f"{self._prefix}_{self._named}"
                self._named += 1
            if self._initializer is not None:
                self._initializer(*self._initargs)
        except BaseException as error:
            self._hub.call_soon_threadsafe(self._hub.fault, self._initializer, error)
            self._broken = "A thread initializer failed, the thread pool is not usable anymore"
        else:
            self._per_thread.ready = True

    def _forget(self, future: Future[Any]) -> None:
        self._futures.discard(future)
        if not self._futures:
            self._joiners.unpark_all()

    def _settled(self, settled: ref[Future[Any]], result: None, error: BaseException | None) -> None:
        """Take note of an error that is not the function's: its thread stayed behind at a fork.  In the hub."""
        if error is None:
            return
        future = settled()
        if future is None or future.done():
            self._hub.fault(self, error)
        else:
            future.set_exception(error)
        if future is not None:
            self._forget(future)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and let the threads end when those that were submitted are made.

        With *cancel_futures*, those that have not begun are cancelled.  With *wait*, park until all have ended.  May be called
        again, and by any thread.
        """
        self._closed = True
        if cancel_futures:
            for each in list(self._futures):
                each.cancel()
        if wait:
            while self._futures:
                waiter = Waiter(self)
                self._joiners.add(waiter)
                if not self._futures:
                    waiter.unpark()
                waiter.park()
        self._workers.close()

    def __del__(self) -> None:
        workers = getattr(self, "_workers", None)  # none if it could not be made
        if workers is not None:
            workers.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x}: {len(self._futures)} calls, {self._workers.size} threads>"


_all: WeakSet[ThreadPoolExecutor] = WeakSet()
_ended = False


@atexit.register
def _finish() -> None:
    """Make all calls before the program ends, as that of the standard library does."""
    global _ended
    _ended = True
    for executor in list(_all):
        executor.shutdown()

"""The hub as its users see it: found by thread, asked to wait, told of errors, taken down.

The kernel is in `_scheduler`; here is what may be replaced or subclassed, and none of it runs at a switch.
"""

from __future__ import annotations

import sys
from _weakref import ref  # as that of `weakref`, which is slower to import

from greenlet import GreenletExit, greenlet

from . import _chunks, _switch
from ._config import config
from ._entry import Callback
from ._native import get_ident, thread_local
from ._scheduler import Scheduler
from .errors import Deadlock, HubDestroyed, InvalidSwitchError
from .loops import make_loop

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TextIO

    from .loops import Loop

__all__ = ["Hub", "call_soon_threadsafe", "get_hub", "get_hub_if_exists", "in_main_thread", "set_main_thread"]

_main_thread = get_ident()


def in_main_thread() -> bool:
    """Say whether the calling thread is the main one (in a forked child: the one that forked)."""
    return get_ident() == _main_thread


def set_main_thread() -> None:
    """Let the calling thread be the main one.  For a forked child, in which no other thread is left."""
    global _main_thread
    _main_thread = get_ident()
    _switch.forget_other_threads()


class _PerThread(thread_local):
    end: _ThreadEnd | None = None


class _ThreadEnd:
    """Lies among the locals of a native thread, and takes its hub down when the interpreter drops those."""

    __slots__ = ("hub",)

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def __del__(self, is_finalizing: Any = sys.is_finalizing) -> None:
        if is_finalizing():
            return  # the process ends, and with it everything that a hub holds
        if not in_main_thread() and not self.hub.dead:
            if self.hub.scheduler.parked:
                self.hub.end_greenlets()
            self.hub.destroy()


_per_thread = _PerThread()


class Hub(greenlet):
    """The greenlet that runs all others of its native thread.  `get_hub` makes it on first use.

    Only that thread may use it, except for `call_soon_threadsafe`.
    """

    NOT_ERROR: tuple[type[BaseException], ...] = (GreenletExit, SystemExit)
    """Exception types that `handle_error` does not report."""

    SYSTEM_ERROR: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, SystemError)
    """Exception types that are raised in the main greenlet, whichever greenlet or callback they came from."""

    exception_stream: TextIO | None = None
    """Where `print_exception` writes; `None` is the standard `logging` module, logger `hublet.core`."""

    def __init__(self, loop: Loop | str | None = None) -> None:
        if loop is None or isinstance(loop, str):
            loop = make_loop(loop)
        if config.chunk_cache and not _chunks.installed():
            _chunks.install()
        config.spawn_tree = config.spawn_tree  # from the environment into `config.recording`
        main = _switch.current()
        while main.parent is not None:
            main = main.parent
        self.scheduler = Scheduler(self, main, loop)
        _switch.set_parent(self, main)
        self.name = ""
        self._joiners: list[Any] = []
        self._watchdogs: list[Any] = []
        self._at_close: list[Any] = []
        self._resolver: Any = None
        self._threadpool: Any = None
        self._workers: list[ref[Any]] = []
        self._resolvers: list[ref[Any]] = []

    def call_soon(self, function: Any, *arguments: Any) -> Callback:
        """Call ``function(*arguments)`` in the hub once what is ready now has run.

        Never switches.  The function must not wait; its errors go to `handle_error`.  Return an object whose `cancel`
        forgets the call.  Any thread may call it.
        """
        callback = Callback(function, arguments)
        self.scheduler.schedule(callback)
        return callback

    call_soon_threadsafe = call_soon

    def run(self) -> None:
        """Turn until the hub is destroyed.  Called once, by the first switch to the hub; not for users."""
        self.scheduler.run()

    @property
    def loop(self) -> Loop:
        """The loop that it polls."""
        return self.scheduler.loop

    @property
    def thread_ident(self) -> int:
        """The native thread that it belongs to, as `threading.get_ident`."""
        return self.scheduler.thread_ident

    def at_close(self, function: Any) -> None:
        """Call *function* without arguments when the hub is destroyed or its thread ends, last added first."""
        self._at_close.append(function)

    def add_workers(self, workers: Any) -> None:
        """Remember, weakly, a set of native threads that make blocking calls of this hub and wake nobody otherwise."""
        self._workers = [each for each in self._workers if each() is not None]
        self._workers.append(ref(workers))

    def workers(self) -> list[Any]:
        """Return the sets of native threads that are in use."""
        return [workers for each in self._workers if (workers := each()) is not None]

    # What can wake a greenlet

    def nothing_left(self) -> bool:
        """Act on there being nothing that could wake a greenlet; true if that made something ready.  For the scheduler."""
        if self._joiners:
            joiners, self._joiners = self._joiners, []
            for waiter in joiners:
                waiter.unpark()
            return True
        if not in_main_thread() or _switch.count_other_threads() > self._own_threads():
            return False  # another thread may still call or set something
        if self.scheduler.ready:
            return True  # the last of them did, and ended, while its end was being looked for
        from ._deadlock import explain  # late: only ever needed once

        try:
            error = explain(self)
        except Exception as failure:  # no object's repr may keep the hub from ending the wait
            error = Deadlock(f"nothing is left that could wake a greenlet, and saying which failed: {failure!r}")
        self.raise_in_main(error)
        return True

    def _own_threads(self) -> int:
        watching: int = sum(watchdog.is_running for watchdog in self._watchdogs)
        working: int = sum(each.size + each.ending for each in self.workers())
        return watching + working

    def join(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left that could happen: no greenlet ready, no deadline, descriptor or thread waited for.

        Parks, at most *timeout* seconds; `None` is without limit.  Return true if nothing is left, false if the time was
        up first.  Deadlines made with ``ref=False`` do not count.  Only the main greenlet may call it.
        """
        from ._park import Waiter, deadline_in  # late: it stands on this module

        waiter = Waiter()
        waiter.uncounted = True
        waiter.reason = self
        self._joiners.append(waiter)
        try:
            # With no time left its own deadline may have passed before anybody looked whether there is anything to do.
            return waiter.park(deadline_in(timeout)) or self.scheduler.has_nothing_left()
        finally:
            if waiter in self._joiners:
                self._joiners.remove(waiter)

    def wait(self, waitable: Any, timeout: float | None = None) -> bool:
        """Park until *waitable* is ready, at most *timeout* seconds; `None` is without limit.

        *waitable* has `rawlink` and `unlink`: a greenlet, an event.  Return true if it is ready, false if the time was up.
        """
        from ._park import Waiter, deadline_in  # late: it stands on this module

        waiter = Waiter(waitable)
        waitable.rawlink(waiter.unpark)
        try:
            return waiter.park(deadline_in(timeout))
        finally:
            waitable.unlink(waiter.unpark)

    def watch_for_blocking(self, seconds: float, report: Any = None) -> Any:
        """Report, from a native thread, the stack that keeps the hub from polling for more than *seconds*.

        Each place is reported once.  *report* is called with the message in that thread; `None` is the logger
        `hublet.core`.  Return the watchdog: its `counts` tells how often each place was seen, its `stop` ends it.
        """
        from ._watchdog import Watchdog  # late: it loads traceback, and few programs use it

        watchdog = Watchdog(self, seconds, report)
        watchdog.start()
        self._watchdogs.append(watchdog)
        return watchdog

    def forget_watchdogs(self) -> None:
        """Count none of the threads that watch this hub.  For a forked child, in which there are none."""
        self._watchdogs.clear()

    # Errors

    def fault(self, context: Any, error: BaseException) -> None:
        """Hand *error*, which *context* did not catch, to `handle_error`.  Never raises in the hub."""
        try:
            self.handle_error(context, type(error), error, error.__traceback__)
        except HubDestroyed:
            raise
        except BaseException as second:
            if _switch.current() is not self:
                raise
            # `handle_error` is users' code: what it raises must not end the hub, nor go unseen.
            sys.excepthook(type(second), second, second.__traceback__)

    def handle_error(
        self,
        context: Any,
        exc_type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Deal with an error that nobody waits for.  Assign to it, or override it, to be told yourself.

        *context* is the greenlet or callback that failed, or `None`.  `SYSTEM_ERROR` is raised in the main greenlet,
        `NOT_ERROR` is ignored, and everything else is handed to `print_exception`.
        """
        assert exc_type is not None
        if issubclass(exc_type, self.SYSTEM_ERROR):
            self.raise_in_main(value if value is not None else exc_type())
        elif not issubclass(exc_type, self.NOT_ERROR):
            self.print_exception(context, exc_type, value, traceback)

    def print_exception(
        self,
        context: Any,
        exc_type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write an error to `exception_stream`, or to `logging` if that is `None`.  Never raises."""
        try:
            from ._report import report  # late: it loads logging and traceback, which most programs' errors never need
        except Exception:  # the first error may be that there are no descriptors, of which loading takes one
            sys.__excepthook__(exc_type, value, traceback)  # type: ignore[arg-type]  # which copes with `None`
            return
        report(context, exc_type, value, traceback, self.exception_stream)

    def raise_in_main(self, error: BaseException) -> None:
        main = self.parent
        assert main is not None
        if _switch.current() is self:
            main.throw(error)
        else:
            self.call_soon(self.raise_in_main, error)

    def add_resolver(self, resolver: Any) -> None:
        """Remember a resolver, weakly, and close it when the hub is destroyed."""
        self._resolvers = [each for each in self._resolvers if each() is not None]
        self._resolvers.append(ref(resolver))

    # The end

    def end_greenlets(self) -> None:
        """Raise `HubDestroyed` in every parked greenlet and run them once.  For the main greenlet, as its thread ends.

        Those that park again stay as they are.  Slow: it looks for them among all objects.
        """
        from ._deadlock import parked_waiters  # late: it stands on this module

        for waiter in parked_waiters(self):
            waiter.fail(HubDestroyed(self.loop))
        # Not by parking, which asks for the thread's scheduler: interpreted, that is gone already.
        self.call_soon(_switch.current().switch)
        self.switch()

    def destroy(self, destroy_loop: bool = True) -> None:
        """Take the hub down: its thread pool, its resolver and, unless *destroy_loop* is false, its loop.

        For the main greenlet of the hub's thread.  Greenlets that are still parked are not resumed.  Using the thread
        after that makes a new hub.
        """
        if _switch.current() is self:
            raise InvalidSwitchError(f"{self!r} cannot destroy itself: call destroy() from the main greenlet")
        for function in reversed(self._at_close):
            function()
        self._at_close.clear()
        for each in self._resolvers:
            resolver = each()
            if resolver is not None:
                resolver.close()
        self._resolvers.clear()
        for workers in self.workers():
            workers.close()
        if _switch.thread_scheduler() is self.scheduler:
            _switch.set_thread_scheduler(None)
        self.scheduler.forget_starts()
        if destroy_loop:
            self.loop.close()
        if self:  # started: end its endless turning
            self.throw(HubDestroyed(self.loop))

    @property
    def resolver(self) -> Any:
        """The resolver that `hublet.net` asks for addresses; made on first use as configured; assignable."""
        if self._resolver is None:
            from .resolvers import make_resolver  # late: looks for plug-ins

            self._resolver = make_resolver(self)
        return self._resolver

    @resolver.setter
    def resolver(self, resolver: Any) -> None:
        self._resolver = resolver

    @property
    def threadpool(self) -> Any:
        """The native threads that `call_in_thread` uses; made on first use; assignable."""
        if self._threadpool is None:
            from ._threads import Workers  # late: it stands on this module

            self._threadpool = Workers(self, config.threadpool_size)
        return self._threadpool

    @threadpool.setter
    def threadpool(self, threadpool: Any) -> None:
        self._threadpool = threadpool

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<{type(self).__name__}{name} at {id(self):#x} loop={self.loop.name} thread={self.thread_ident:#x}>"


def get_hub() -> Hub:
    """Return the hub of the calling thread, made now if there is none.  Never switches."""
    scheduler = _switch.thread_scheduler()
    if scheduler is not None:
        return scheduler.greenlet  # type: ignore[no-any-return]
    hub = Hub()
    _switch.set_thread_scheduler(hub.scheduler)
    _per_thread.end = _ThreadEnd(hub)
    if config.watchdog:
        hub.watch_for_blocking(config.watchdog)
    return hub


def get_hub_if_exists() -> Hub | None:
    """Return the hub of the calling thread, or `None` if there is none.  Never switches."""
    scheduler = _switch.thread_scheduler()
    return None if scheduler is None else scheduler.greenlet


def report_fault(context: Any, error: BaseException, hub: Hub | None = None) -> None:
    """Tell *hub*, by default that of the calling thread, of *error*, which *context* did not catch.  Never switches.

    Where there is no hub, `sys.excepthook` is told.
    """
    hub = hub or get_hub_if_exists()
    if hub is None:
        sys.excepthook(type(error), error, error.__traceback__)
    else:
        hub.fault(context, error)


def load_report() -> None:
    """Load what `Hub.print_exception` needs, which the first error does otherwise.  Never switches.

    For what has to go on without descriptors, of which loading takes one.  Raises whatever importing does.
    """
    from ._report import rehearse  # late, as it is there

    rehearse()


def call_soon_threadsafe(hub: Hub, function: Any, *arguments: Any) -> Callback:
    """Let *hub* call ``function(*arguments)`` in its thread.  As `Hub.call_soon`; for any thread, and signal handlers."""
    return hub.call_soon(function, *arguments)

"""Threads that are greenlets: what `_thread` and `threading` get from here when they are patched.

A thread's ident is that of the native thread for its root greenlet, and an address for every other, so that the threads that
were there before keep theirs.  The names are those of `_thread` on CPython 3.10 to 3.13; no version has them all.
"""

from __future__ import annotations

import os
import sys
import threading
from contextvars import Context

from hublet.core import Greenlet, get_hub, getcurrent
from hublet.core.lowlevel import get_hub_if_exists, leave_behind
from hublet.core.patching import original

from ._event import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import _local as _thread_local
    from collections.abc import Callable
    from typing import Any
else:
    _thread_local = original("_thread", "_local")

__all__ = [
    "DummyThread",
    "Sentinel",
    "ThreadHandle",
    "delete_dummy_on_del",
    "get_ident",
    "make_thread_handle",
    "set_sentinel",
    "shutdown",
    "start_joinable_thread",
    "start_new_thread",
    "thread_count",
]

# The interpreter's own, whatever has been patched by now.
_native_ident: Callable[[], int] = original("_thread", "get_ident")
_native_count: Callable[[], int] = original("_thread", "_count")
_native_sentinel: Callable[[], Any] | None = original("_thread", "_set_sentinel", None)
_native_shutdown: Callable[[], None] | None = original("_thread", "_shutdown", None)

_running: set[Greenlet[Any]] = set()
_not_daemons: set[ThreadHandle] = set()  # those that the program waits for at its end


def _leave_threads_behind() -> None:
    """In a forked child, let only the thread that forked go on, as with native threads.

    If that is not the main one, its end is that of the process.
    """
    forking: Any = getcurrent()
    gone: set[Any] = _running - {forking}
    _running.difference_update(gone)
    if forking in _running:
        root = forking
        while root.parent is not None:
            root = root.parent
        gone.add(root)
        forking.rawlink(_end_process)
    leave_behind(gone)


def _end_process(greenlet: Any) -> None:
    for file in (sys.stdout, sys.stderr):
        if file is not None:
            file.flush()
    os._exit(0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_threads_behind)


def get_ident() -> int:
    """Return a number that no other living greenlet has; in the root greenlet of a thread, that of the thread."""
    current = getcurrent()
    return _native_ident() if current.parent is None else id(current)


def thread_count() -> int:
    """Return how many threads there are that are native, or greenlets that were started as threads.

    Without those in which the calling thread's hub makes blocking calls: they are none of the program's.
    """
    hub = get_hub_if_exists()
    workers = 0 if hub is None else sum(each.size + each.ending for each in hub.workers())
    return max(0, _native_count() - workers) + len(_running)


def _call(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        function(*args, **kwargs)
    except SystemExit:
        pass  # it ends the thread, not the program


def _let_interrupts_through(thread: Any) -> None:
    """Let Ctrl-C, which comes to whichever greenlet runs, end the program and not just *thread*."""
    invoke = thread._invoke_excepthook

    def invoke_excepthook(thread: Any) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, KeyboardInterrupt) and _native_ident() == threading.main_thread().ident:
            get_hub().fault(thread, error)
        else:
            invoke(thread)

    thread._invoke_excepthook = invoke_excepthook


def _start(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Greenlet[None]:
    thread = getattr(function, "__self__", None)
    if isinstance(thread, threading.Thread):
        _let_interrupts_through(thread)
    # Threads begin with no context variables set, unlike greenlets.
    greenlet: Greenlet[None] = Greenlet(_call, function, args, kwargs, context=Context())
    _running.add(greenlet)
    greenlet.rawlink(_running.discard)
    return greenlet


def start_new_thread(function: Callable[..., object], args: Any, kwargs: Any = None, /) -> int:
    """Let ``function(*args, **kwargs)`` run in a greenlet and return its ident.  As `_thread.start_new_thread`.

    Never switches.  An error goes to the `handle_error` of the thread's hub; `SystemExit` only ends the greenlet.
    """
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("optional 3rd arg must be a dictionary")
    greenlet = _start(function, args, kwargs or {})
    greenlet.start()
    return id(greenlet)


# Python 3.10 to 3.12: a lock that is released when the thread ends


class Sentinel:
    """A lock that a thread takes when it begins, and nobody can take from it until it has ended; from then on, anybody.

    `threading` relies on its being free for good once it is: a lock that is handed to who waits would not be.
    """

    __slots__ = ("_has_begun", "_is_free")

    def __init__(self) -> None:
        self._has_begun = False
        self._is_free = Event()
        self._is_free.set()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Begin, the first time; later, wait until the thread has ended.  As `threading.Lock.acquire`."""
        if not self._has_begun:
            self._has_begun = True
            self._is_free.clear()
            return True
        if not blocking:
            return self._is_free.is_set()
        return self._is_free.wait(None if timeout < 0 else timeout)

    def release(self, greenlet: Any = None) -> None:
        """End; nothing happens if it has ended."""
        self._is_free.set()

    def locked(self) -> bool:
        """Say whether the thread has begun and not ended."""
        return not self._is_free.is_set()

    def _at_fork_reinit(self) -> None:
        self.__init__()  # type: ignore[misc]


def set_sentinel() -> Any:
    """Return a lock that is released when the calling thread has ended.  As `_thread._set_sentinel`."""
    current = getcurrent()
    if not hasattr(current, "rawlink"):
        assert _native_sentinel is not None
        return _native_sentinel()
    sentinel = Sentinel()
    current.rawlink(sentinel.release)
    return sentinel


# From Python 3.13: a handle


class ThreadHandle:
    """A thread that can be joined.  As `_thread._ThreadHandle`."""

    __slots__ = ("__weakref__", "_done", "_pid", "ident")

    def __init__(self) -> None:
        self._done = Event()
        self._pid = os.getpid()
        self.ident = 0
        """As `get_ident` in the thread; 0 before it is started."""

    def is_done(self) -> bool:
        """Say whether the thread has ended, or has stayed behind in the process that forked this one."""
        return self._done.is_set() or (self._pid != os.getpid() and self.ident != get_ident())

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended, at most *timeout* seconds; `None` and less than 0 are without limit.  Parks.

        Raises `RuntimeError` if it was not started, or is the calling one.
        """
        if not self.ident:
            raise RuntimeError("thread not started")
        if self.is_done():
            return
        if self.ident == get_ident():
            raise RuntimeError("Cannot join current thread")
        self._done.wait(None if timeout is None or timeout < 0 else timeout)

    def _set_done(self, greenlet: Any = None) -> None:
        if not self.ident:
            raise RuntimeError("thread not started")
        self._done.set()
        _not_daemons.discard(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object: ident={self.ident}>"


def start_joinable_thread(function: Callable[[], object], handle: Any = None, daemon: bool = True) -> ThreadHandle:
    """Let ``function()`` run in a greenlet and return its handle.  As `_thread.start_joinable_thread`.  Never switches.

    If *daemon* is false the program waits for it at its end.
    """
    if not callable(function):
        raise TypeError("thread function must be callable")
    thread = getattr(function, "__self__", None)
    ours: ThreadHandle
    if handle is None:
        ours = ThreadHandle()
    elif isinstance(handle, ThreadHandle):
        ours = handle
    else:
        if not (isinstance(thread, threading.Thread) and getattr(thread, "_handle", None) is handle):
            raise TypeError("'handle' must be a _ThreadHandle")
        # A `Thread` that was made before `threading` was patched, and is started now.
        ours = thread._handle = ThreadHandle()  # type: ignore[attr-defined]
    if ours.ident:
        raise RuntimeError("thread already started")
    greenlet = _start(function, (), {})
    ours.ident = id(greenlet)
    greenlet.rawlink(ours._set_done)
    if not daemon:
        _not_daemons.add(ours)
    greenlet.start()
    return ours


def make_thread_handle(ident: int) -> ThreadHandle:
    """Return the handle of a thread that runs.  As `_thread._make_thread_handle`."""
    handle = ThreadHandle()
    handle.ident = ident
    return handle


def shutdown() -> None:
    """Wait until all threads that are no daemons have ended.  As `_thread._shutdown`.  Parks."""
    me = get_ident()
    while True:
        others = [each for each in _not_daemons if each.ident != me and not each.is_done()]
        if not others:
            break
        others[0].join()
    for thread in threading.enumerate():
        # Native ones, started before `threading` was patched: what they wait for may be a greenlet of ours.
        if not thread.daemon and thread is not threading.main_thread() and thread is not threading.current_thread():
            thread.join()
    if _native_shutdown is not None:
        _native_shutdown()


# Greenlets and native threads that `threading` did not start


class DummyThread(threading._DummyThread):
    """What `threading.current_thread` makes for whoever is no thread of `threading`; forgotten when that ends."""

    def __init__(self) -> None:
        super().__init__()
        forget = _Forget(threading._active, get_ident(), self)  # type: ignore[attr-defined]
        current = getcurrent()
        if hasattr(current, "rawlink"):
            current.rawlink(forget)
        elif current.parent is None:
            _per_thread.forget = forget


class _Forget:
    """Removes a dummy thread from the active ones, when a greenlet or a native thread ends.

    Without the lock that `threading` has for that: a native thread may end when nothing can wait any more.
    """

    __slots__ = ("_active", "_dummy", "_ident")

    def __init__(self, active: dict[int, Any], ident: int, dummy: DummyThread) -> None:
        self._active = active
        self._ident = ident
        self._dummy = dummy

    def __call__(self, greenlet: Any = None) -> None:
        if self._active.get(self._ident) is self._dummy:
            del self._active[self._ident]

    __del__ = __call__


class _PerThread(_thread_local):
    forget: _Forget | None = None


_per_thread = _PerThread()


def delete_dummy_on_del(dummy: Any) -> None:
    """Do nothing: a `DummyThread` sees to that itself."""

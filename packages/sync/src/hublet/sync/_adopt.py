"""What was made before `threading` was patched, and is native: let it be cooperative from now on.

Locks of modules, of logging handlers, and inside conditions and queues are replaced, if nobody has them at the moment.  Native
threads stay what they are, but waiting for one of them lets other greenlets run.
"""

from __future__ import annotations

import gc
import sys
import threading

from hublet.core import getcurrent, sleep
from hublet.core.lowlevel import deadline_in, get_hub_if_exists
from hublet.core.patching import original

from ._lock import Lock
from ._rlock import RLock
from ._threads import Sentinel, ThreadHandle, make_thread_handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["adopt"]

_NATIVE = {type(original("_thread", "allocate_lock")()): Lock, type(original("_thread", "RLock")()): RLock}

# Native for a reason: those who stand below the hub, or are it.
_LEFT_ALONE = ("hublet", "greenlet", "gevent", "importlib", "_frozen_importlib", "_thread")


def adopt() -> None:
    """Replace native locks, and let native threads be joined by greenlets.  Never switches, makes no hub."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # another native thread could come in between two lines, and take what is replaced
    try:
        _adopt_locks()
        for thread in list(threading.enumerate()):
            _adopt_thread(thread)
    finally:
        sys.setswitchinterval(interval)


# Locks


def _adopt_locks() -> None:
    native_queue: Any = original("_queue", "SimpleQueue") if "_queue" in sys.modules else None
    holders = list(_instances([threading.Condition, *_others()]))
    conditions: list[Any] = [each for each in holders if isinstance(each, threading.Condition)]
    replaced: dict[int, Any] = {}  # by the address of the native one
    kept: list[Any] = []  # what is looked at: it keeps the addresses from being used again
    busy = {id(each._lock) for each in conditions if each._waiters}

    def replace(owner: dict[str, Any]) -> None:
        for name, value in list(owner.items()):
            kind = _NATIVE.get(type(value))
            # Both kinds say so, in all versions, and nothing else tells whether somebody has an `RLock`.
            if kind is not None and id(value) not in busy and repr(value).startswith("<unlocked"):
                if id(value) not in replaced:
                    kept.append(value)
                    replaced[id(value)] = kind()
                owner[name] = replaced[id(value)]
            elif type(value) is native_queue and value.empty() and not owner.get("_threads"):
                from ._simple_queue import SimpleQueue  # late: few programs have one by now

                owner[name] = SimpleQueue()  # of an executor that has not begun: its threads will be greenlets

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in _LEFT_ALONE and hasattr(module, "__dict__"):
            replace(vars(module))
    for condition in conditions:
        before = condition._lock
        replace(vars(condition))
        if condition._lock is not before:
            condition.__init__(condition._lock)  # it keeps methods of its lock
    for each in holders:
        if not isinstance(each, threading.Condition):
            replace(vars(each))


def _others() -> Iterator[type]:
    """Yield classes whose instances have locks of their own, of those modules that were imported."""
    for module, name in (("logging", "Handler"), ("queue", "Queue"), ("concurrent.futures", "Executor")):
        if module in sys.modules:
            yield getattr(sys.modules[module], name)


def _instances(kinds: Iterable[type]) -> Iterator[Any]:
    """Yield all objects whose type is one of *kinds* or derived from it."""
    # By type: `isinstance` asks proxies for the class of what they stand for, which runs code of users.
    known = set(kinds)
    left = list(known)
    while left:
        derived: set[type] = set(type.__subclasses__(left.pop())) - known
        known |= derived
        left += derived
    for each in gc.get_objects():
        if type(each) in known:
            yield each


# Threads


def _adopt_thread(thread: threading.Thread) -> None:
    if hasattr(thread, "_handle"):  # from Python 3.13
        if not isinstance(thread._handle, ThreadHandle):
            is_main = thread is threading.main_thread()
            thread._handle = make_thread_handle(thread._handle.ident) if is_main else _NativeHandle(thread._handle)
        return
    native = getattr(thread, "_tstate_lock", None)
    if type(native) not in _NATIVE:
        return
    lock: Any
    if thread is threading.main_thread():
        # It is `threading` that releases it, when the program ends.
        lock = Sentinel()
        lock.acquire()
    else:
        lock = _NativeLock(native)
    thread._tstate_lock = lock  # type: ignore[attr-defined]
    at_end: set[Any] = threading._shutdown_locks  # type: ignore[attr-defined]
    if native in at_end:
        at_end.discard(native)
        at_end.add(lock)


def _wait_for(is_over: Any, deadline: float | None) -> bool:
    """Look again and again whether it is over: a native thread that ends tells no greenlet.  False if *deadline* passed."""
    pause = 0.0005
    while not is_over():
        left = pause if deadline is None else min(pause, deadline - _now())
        if left < 0:
            return False
        sleep(left)
        pause = min(2 * pause, 0.02)
    return True


def _now() -> float:
    now = deadline_in(0)
    assert now is not None
    return now


def _may_park() -> bool:
    hub = get_hub_if_exists()
    return hub is not None and getcurrent() is not hub


class _NativeLock:
    """A lock of the interpreter that a native thread releases when it ends."""

    def __init__(self, lock: Any) -> None:
        self._native = lock
        self.locked = lock.locked
        self.release = lock.release
        self._at_fork_reinit = lock._at_fork_reinit

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking or not _may_park():
            return self._native.acquire(blocking, timeout)  # type: ignore[no-any-return]
        return _wait_for(lambda: self._native.acquire(False), None if timeout < 0 else deadline_in(timeout))


class _NativeHandle:
    """A handle of the interpreter, of a native thread."""

    def __init__(self, handle: Any) -> None:
        self._native = handle
        self.is_done = handle.is_done
        self._set_done = handle._set_done

    @property
    def ident(self) -> int:
        return self._native.ident  # type: ignore[no-any-return]

    def join(self, timeout: float | None = None) -> None:
        if not _may_park() or self._native.is_done():
            self._native.join(timeout)
        else:
            _wait_for(self._native.is_done, None if timeout is None or timeout < 0 else deadline_in(timeout))

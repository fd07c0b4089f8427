"""CPython's own tests of threads and locks, run against ours, in greenlets that take the place of threads.

`test_cpython` has the same tests of locks in native threads.  What does not apply is listed below, with the reason.
"""

from __future__ import annotations

import _thread
import threading
import time
import types
import unittest
from functools import partial

import pytest

from hublet import sync
from hublet.core import sleep
from hublet.sync import _as_thread

lock_tests = pytest.importorskip("test.lock_tests", reason="this Python was installed without its own tests")
thread_tests = pytest.importorskip("test.test_thread", reason="this Python was installed without its own tests")

NOT_FOR_US = {
    ("ThreadRunningTests", "test_unraisable_exception"): "an error in a greenlet goes to the hub's handle_error",
    ("TestForkInThread", "test_forkinthread"): "waits for a thread in os.read, which lets no greenlet run",
    ("EventTests", "test_at_fork_reinit"): "looks for the Condition inside an Event; ours has none",
    ("EventTests", "test_reset_internal_locks"): "looks for the Condition inside an Event; ours has none",
}
LOCKS = {
    "LockTests": {"locktype": sync.Lock},
    "RLockTests": {"locktype": sync.RLock},
    "EventTests": {"eventtype": sync.Event},
    "ConditionTests": {"condtype": sync.Condition},
    "SemaphoreTests": {"semtype": sync.Semaphore},
    "BoundedSemaphoreTests": {"semtype": sync.BoundedSemaphore},
    "BarrierTests": {"barriertype": sync.Barrier},
}
# The module `_thread` as it is when it is patched.
THREAD = types.SimpleNamespace(**{**vars(_thread), **vars(_as_thread)})


def adapted(base: type, name: str, attributes: dict[str, object]) -> type:
    """Return a test case of ours made of one of CPython's."""
    members = dict(attributes)
    for (kind, method), reason in NOT_FOR_US.items():
        if kind == base.__name__ and hasattr(base, method):
            members[method] = unittest.skip(reason)(getattr(base, method))
    return type(name, (base,) if issubclass(base, unittest.TestCase) else (base, unittest.TestCase), members)


for name, attributes in LOCKS.items():
    globals()[name] = adapted(
        getattr(lock_tests, name), name, {key: staticmethod(partial(kind)) for key, kind in attributes.items()}
    )

ThreadRunningTests = adapted(thread_tests.ThreadRunningTests, "ThreadRunningTests", {})
ThreadBarrierTest = adapted(thread_tests.BarrierTest, "ThreadBarrierTest", {})
ThreadLockTests = adapted(thread_tests.LockTests, "ThreadLockTests", {"locktype": staticmethod(THREAD.allocate_lock)})
TestForkInThread = adapted(thread_tests.TestForkInThread, "TestForkInThread", {})


@pytest.fixture(autouse=True)
def _greenlets_are_threads(monkeypatch):
    monkeypatch.setattr(thread_tests, "thread", THREAD)
    monkeypatch.setattr(lock_tests, "start_new_thread", THREAD.start_new_thread)
    monkeypatch.setattr(threading, "get_ident", THREAD.get_ident)
    monkeypatch.setattr(_thread, "_count", THREAD._count)
    monkeypatch.setattr(time, "sleep", sleep)

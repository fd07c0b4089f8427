"""CPython's own tests of locks and queues, run against ours, in native threads that have no hub.

What does not apply is listed below, with the reason.
"""

from __future__ import annotations

import sys
import types
import unittest
from functools import partial

import pytest

from hublet import sync
from hublet.core import compiled
from hublet.sync import LifoQueue, PriorityQueue, Queue, SimpleQueue, _as_queue

lock_tests = pytest.importorskip("test.lock_tests", reason="this Python was installed without its own tests")
queue_tests = pytest.importorskip("test.test_queue", reason="this Python was installed without its own tests")

NOT_FOR_US = {
    ("EventTests", "test_at_fork_reinit"): "looks for the Condition inside an Event; ours has none",
    ("EventTests", "test_reset_internal_locks"): "looks for the Condition inside an Event; ours has none",
    ("CSimpleQueueTest", "test_is_default"): "compares the standard library's class with itself",
}
if not compiled:
    # A collection in the middle of `put(next(counter))` takes a number and puts it first.  In C nothing is in the middle.
    NOT_FOR_US["CSimpleQueueTest", "test_reentrancy"] = "interpreted, `put` is not one step for the collector"

LOCKS = {
    "LockTests": {"locktype": sync.Lock},
    "RLockTests": {"locktype": sync.RLock},
    "EventTests": {"eventtype": sync.Event},
    "ConditionTests": {"condtype": sync.Condition},
    "SemaphoreTests": {"semtype": sync.Semaphore},
    "BoundedSemaphoreTests": {"semtype": sync.BoundedSemaphore},
    "BarrierTests": {"barriertype": sync.Barrier},
}
QUEUES = types.SimpleNamespace(
    Queue=Queue,
    LifoQueue=LifoQueue,
    PriorityQueue=PriorityQueue,
    SimpleQueue=SimpleQueue,
    Empty=sync.Empty,
    Full=sync.Full,
    ShutDown=sync.ShutDown,
)
# The module `queue` as it is when it is patched.
PATCHED = types.SimpleNamespace(**{name: getattr(_as_queue, name) for name in _as_queue.__all__})


def adapted(base: type, attributes: dict[str, object]) -> type:
    """Return a test case of ours made of one of CPython's."""
    members = dict(attributes)
    for (kind, method), reason in NOT_FOR_US.items():
        if kind == base.__name__ and hasattr(base, method):
            members[method] = unittest.skip(reason)(getattr(base, method))
    bases = (base,) if issubclass(base, unittest.TestCase) else (base, unittest.TestCase)
    return type(base.__name__, bases, members)


for name, attributes in LOCKS.items():
    globals()[name] = adapted(
        getattr(lock_tests, name), {key: staticmethod(partial(kind)) for key, kind in attributes.items()}
    )

for name in ("CQueueTest", "CLifoQueueTest", "CPriorityQueueTest", "CFailingQueueTest", "CSimpleQueueTest"):
    globals()[name] = adapted(getattr(queue_tests, name), {"queue": QUEUES})
    globals()[name.replace("C", "Patched", 1)] = adapted(getattr(queue_tests, name), {"queue": PATCHED})


@pytest.fixture(autouse=True)
def _restless(request):
    """CPython's tests of many threads hope to find races; let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)

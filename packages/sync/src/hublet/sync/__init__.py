"""Events, locks, semaphores and queues for greenlets, which any number of native threads may share."""

from ._async_result import AsyncResult
from ._barrier import Barrier, BrokenBarrierError
from ._condition import Condition
from ._event import Event
from ._lock import Lock
from ._rlock import RLock
from ._semaphore import BoundedSemaphore, DummySemaphore, Semaphore

__all__ = [
    "AsyncResult",
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "Condition",
    "DummySemaphore",
    "Event",
    "Lock",
    "RLock",
    "Semaphore",
]

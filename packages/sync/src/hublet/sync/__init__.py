"""Events, locks, semaphores and queues for greenlets, which any number of native threads may share."""

from hublet.core import compiled as _core_is_compiled

from ._native import compiled as _compiled

if _compiled and not _core_is_compiled:
    raise ImportError(
        "hublet-sync is compiled, and hublet-core is interpreted, so that the one cannot call the other: install both from "
        "wheels, or both with HUBLET_PURE=1"
    )

from ._async_result import AsyncResult
from ._barrier import Barrier, BrokenBarrierError
from ._capacity_limiter import CapacityLimiter, CapacityLimiterStatistics
from ._channel import Channel
from ._condition import Condition
from ._errors import BrokenResourceError, ClosedResourceError, Empty, EndOfChannel, Full, ShutDown
from ._event import Event
from ._lifo_queue import LifoQueue
from ._lock import Lock
from ._open_channel import Receiver, Sender, open_channel
from ._priority_queue import PriorityQueue
from ._queue import Queue, UnboundQueue
from ._rlock import RLock
from ._semaphore import BoundedSemaphore, DummySemaphore, Semaphore
from ._simple_queue import SimpleQueue

JoinableQueue = Queue

__all__ = [
    "AsyncResult",
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "BrokenResourceError",
    "CapacityLimiter",
    "CapacityLimiterStatistics",
    "Channel",
    "ClosedResourceError",
    "Condition",
    "DummySemaphore",
    "Empty",
    "EndOfChannel",
    "Event",
    "Full",
    "JoinableQueue",
    "LifoQueue",
    "Lock",
    "PriorityQueue",
    "Queue",
    "RLock",
    "Receiver",
    "Semaphore",
    "Sender",
    "ShutDown",
    "SimpleQueue",
    "UnboundQueue",
    "open_channel",
]

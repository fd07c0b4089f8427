"""Events, locks, semaphores and queues for greenlets, which any number of native threads may share."""

from hublet.core import compiled as _core_is_compiled

from ._native import compiled as _compiled

if _compiled and not _core_is_compiled:
    raise ImportError(
        "hublet-sync is compiled, and hublet-core is interpreted, so that the one cannot call the other: install both from "
        "wheels, or both with HUBLET_PURE=1"
    )

TYPE_CHECKING = False
if TYPE_CHECKING:
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

_NAMES = {"JoinableQueue": "Queue"}
_HOMES = {
    "AsyncResult": "_async_result",
    "Barrier": "_barrier",
    "BoundedSemaphore": "_semaphore",
    "BrokenBarrierError": "_barrier",
    "BrokenResourceError": "_errors",
    "CapacityLimiter": "_capacity_limiter",
    "CapacityLimiterStatistics": "_capacity_limiter",
    "Channel": "_channel",
    "ClosedResourceError": "_errors",
    "Condition": "_condition",
    "DummySemaphore": "_semaphore",
    "Empty": "_errors",
    "EndOfChannel": "_errors",
    "Event": "_event",
    "Full": "_errors",
    "JoinableQueue": "_queue",
    "LifoQueue": "_lifo_queue",
    "Lock": "_lock",
    "PriorityQueue": "_priority_queue",
    "Queue": "_queue",
    "RLock": "_rlock",
    "Receiver": "_open_channel",
    "Semaphore": "_semaphore",
    "Sender": "_open_channel",
    "ShutDown": "_errors",
    "SimpleQueue": "_simple_queue",
    "UnboundQueue": "_queue",
    "open_channel": "_open_channel",
}


def __getattr__(name: str) -> object:
    # Late: whoever patches `threading` or imports one lock does not wait for the others (`benchmarks/patch_time.py`).
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), _NAMES.get(name, name))
    return found

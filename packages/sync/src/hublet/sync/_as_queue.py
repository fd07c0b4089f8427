"""What takes the place of the classes of `queue`, by their names.

They are our queues, with all that programs know of the standard library's beside their methods: `mutex`, `not_empty`,
`not_full`, `all_tasks_done`, and `_put` and `_get` to be called, which ours only let subclasses override.
"""

from __future__ import annotations

from typing import Any

from . import _lifo_queue, _priority_queue, _queue
from ._errors import Empty, Full, ShutDown
from ._queue_conditions import Audience
from ._simple_queue import SimpleQueue
from ._store import PLAIN

__all__ = ["Empty", "Full", "LifoQueue", "PriorityQueue", "Queue", "ShutDown", "SimpleQueue"]


class _Part:
    """One of the attributes that a queue has with its audience, which it gets when a program asks for one of them."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, queue: Any, owner: type) -> Any:
        return self if queue is None else getattr(_audience(queue), self._name)

    def __set__(self, queue: Any, value: Any) -> None:
        setattr(_audience(queue), self._name, value)


def _audience(queue: Any) -> Audience:
    if queue._audience is None:
        # One step: another thread may ask at the same time.
        queue._audience = queue.__dict__.setdefault("_conditions", Audience(queue))
    return queue._audience  # type: ignore[no-any-return]


class Queue(_queue.Queue[Any]):
    """As `queue.Queue`."""

    mutex = _Part()
    not_empty = _Part()
    not_full = _Part()
    all_tasks_done = _Part()

    # A subclass may have made something else of `put` and `get`, and name their parameters only.

    def put_nowait(self, item: Any) -> Any:
        """As ``put(item, block=False)``."""
        return self.put(item, block=False)

    def get_nowait(self) -> Any:
        """As ``get(block=False)``."""
        return self.get(block=False)

    def _put(self, item: Any) -> None:
        self.queue.append(item)

    def _get(self) -> Any:
        return self.queue.popleft()

    def __repr__(self) -> str:
        # Without the items: a program may log a queue that is among them, that is long, or whose items must not be asked.
        return f"<{type(self).__qualname__} at {id(self):#x}{self._describe(False)}>"


class LifoQueue(_lifo_queue.LifoQueue[Any], Queue):
    """As `queue.LifoQueue`."""

    def _get(self) -> Any:
        return self.queue.pop()


class PriorityQueue(_priority_queue.PriorityQueue[Any], Queue):
    """As `queue.PriorityQueue`."""


PLAIN += [Queue, LifoQueue]

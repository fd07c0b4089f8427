"""`PriorityQueue`: the least is the first out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ._heap import heappop, heappush
from ._queue import Queue

__all__ = ["PriorityQueue"]

T = TypeVar("T")


class PriorityQueue(Queue[T]):
    """A `Queue` that gives the least item first, often one of ``(priority, item)``.  As `queue.PriorityQueue`.

    An item that is compared in the very moment in which it uses the queue itself gets nothing, and what it puts comes later.
    """

    __slots__ = ()

    def __init__(self, maxsize: int | None = 0, items: Iterable[T] = (), unfinished_tasks: int | None = None) -> None:
        Queue.__init__(self, maxsize, items, unfinished_tasks)
        self._hands_over = self._keeps_items_as(PriorityQueue)

    def _init(self, maxsize: int) -> None:
        self.queue = []

    def _put(self, item: T) -> None:
        heappush(self._kept, item)

    def _get(self) -> T:
        return heappop(self._kept)  # type: ignore[no-any-return]

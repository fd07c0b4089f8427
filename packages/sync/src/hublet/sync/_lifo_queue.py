"""`LifoQueue`: the last in is the first out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ._queue import Queue

__all__ = ["LifoQueue"]

T = TypeVar("T")


class LifoQueue(Queue[T]):
    """A `Queue` that gives the item first that was put in last.  As `queue.LifoQueue`."""

    __slots__ = ()

    def __init__(self, maxsize: int | None = 0, items: Iterable[T] = (), unfinished_tasks: int | None = None) -> None:
        Queue.__init__(self, maxsize, items, unfinished_tasks)
        self._hands_over = self._keeps_items_as(LifoQueue)

    def _init(self, maxsize: int) -> None:
        self.queue = []

    def _get(self) -> T:
        return self.queue.pop()  # type: ignore[no-any-return]

    def _peek(self) -> T:
        return self.queue[-1]  # type: ignore[no-any-return]

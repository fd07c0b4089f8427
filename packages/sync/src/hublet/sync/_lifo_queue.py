"""`LifoQueue`: the last in is the first out."""

from __future__ import annotations

from typing import TypeVar

from ._items import Stack
from ._queue import Queue
from ._store import PLAIN

__all__ = ["LifoQueue"]

T = TypeVar("T")


class LifoQueue(Queue[T]):
    """A `Queue` that gives the item first that was put in last.  As `queue.LifoQueue`."""

    __slots__ = ()

    def _init(self, maxsize: int) -> None:
        self.queue = Stack() if self._is_plain() else []

    def _get(self) -> T:
        return self._kept.pop()  # type: ignore[no-any-return]

    def _peek(self) -> T:
        return self._kept[-1]  # type: ignore[no-any-return]


PLAIN.append(LifoQueue)

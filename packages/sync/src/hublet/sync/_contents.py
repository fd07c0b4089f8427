"""`Contents`: what is in a queue, to look at and to take from, where room is counted apart from the items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._items import Items
from ._words import NOTHING

__all__ = ["Contents"]


class Contents:
    """The *items* of *queue*, in the order in which they came.  Never switches; any thread may use it.

    What takes some out tells the queue, which lets putters in.  What would put some in past the queue is not here: nobody
    would have room for them, or be told of them.
    """

    __slots__ = ("_items", "_queue")

    def __init__(self, items: Items, queue: Any) -> None:
        self._items = items
        self._queue = queue

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over those that are there now, the oldest first."""
        return iter(list(self._items))

    def __getitem__(self, index: int) -> Any:
        """Return an item, 0 the oldest and -1 the newest.  Raises `IndexError` if there is none."""
        return self._items[index]

    def popleft(self) -> Any:
        """Remove and return the oldest.  Raises `IndexError` if there is none."""
        item = self._items.popleft()
        self._queue._add_room(1)
        return item

    def pop(self) -> Any:
        """Remove and return the newest.  Raises `IndexError` if there is none."""
        item = self._items.pop()
        self._queue._add_room(1)
        return item

    def clear(self) -> None:
        """Remove as many items as there are.  They stay unfinished."""
        # Before any putter comes in, or it would be what a stack gives next; and kept until room is counted, since the
        # finalizer of an item may use the queue.
        removed = []
        for _ in range(len(self._items)):
            item = self._items.take()
            if item is not NOTHING:  # which somebody else has taken meanwhile
                removed.append(item)
        self._queue._add_room(len(removed))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"

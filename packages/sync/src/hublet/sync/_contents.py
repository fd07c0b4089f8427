"""`Contents`: what is in a queue, to look at and to change, where room is counted apart from the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import Any

from ._items import Items
from ._words import NOTHING

__all__ = ["Contents"]


class Contents(MutableSequence[Any]):
    """The *items* of *queue*, in the order in which they came, with the methods of a `deque`.  Never switches.

    What takes some out tells the queue, which lets putters in; what puts some in does not ask for room, and tells getters.
    They stay, or are not, among the unfinished tasks.  Any thread may use it.  What changes others than the first or last
    takes all of them out and puts them in again, so that another thread may find none for a moment.
    """

    __slots__ = ("_items", "_queue")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: Items, queue: Any) -> None:
        self._items = items
        self._queue = queue

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over those that are there now, the oldest first."""
        return iter(list(self._items))

    def __getitem__(self, index: Any) -> Any:
        """Return an item, 0 the oldest and -1 the newest, or a list for a slice.  Raises `IndexError` if there is none."""
        return list(self)[index] if isinstance(index, slice) else self._items[index]

    def __eq__(self, other: object) -> bool:
        """Say whether *other*, a `deque`, `list` or another of these, has the same items."""
        return list(self) == list(other) if isinstance(other, (Contents, deque, list)) else NotImplemented

    def copy(self) -> deque[Any]:
        """Return the items that are there now."""
        return deque(self)

    __copy__ = copy

    def __reduce__(self) -> tuple[type, tuple[list[Any]]]:
        return deque, (list(self),)  # who pickles this, or copies it deeply, wants the items and not the queue

    def popleft(self) -> Any:
        """Remove and return the oldest.  Raises `IndexError` if there is none."""
        item = self._items.popleft()
        self._queue._add_room(1)
        return item

    def pop(self, index: int = -1) -> Any:
        """Remove and return the newest, or the one at *index*.  Raises `IndexError` if there is none."""
        if index != -1:
            return MutableSequence.pop(self, index)
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

    def append(self, value: Any) -> None:
        """Put an item in as the newest."""
        self._queue._add_room(-1)
        self._items.append(value)
        self._queue._look_again()

    def appendleft(self, value: Any) -> None:
        """Put an item in as the oldest."""
        self._queue._add_room(-1)
        self._items.appendleft(value)
        self._queue._look_again()

    def extendleft(self, values: Iterable[Any]) -> None:
        """Put items in as the oldest, one before the other."""
        for value in values:
            self.appendleft(value)

    def insert(self, index: int, value: Any) -> None:
        """Put an item in before the one at *index*."""
        self._change(lambda items: items.insert(index, value))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._change(lambda items: items.__setitem__(index, value))

    def __delitem__(self, index: Any) -> None:
        self._change(lambda items: items.__delitem__(index))

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        """Sort the items, as `list.sort`, since a stack of the standard library is a list."""
        self._change(lambda items: items.sort(key=key, reverse=reverse))

    def rotate(self, n: int = 1) -> None:
        """Move *n* items from the end to the front, one after the other; a negative *n* moves them the other way."""

        def rotate(items: list[Any]) -> None:
            if items:
                items[:] = items[-n % len(items) :] + items[: -n % len(items)]

        self._change(rotate)

    def _change(self, change: Callable[[list[Any]], object]) -> None:
        """Let *change* do something to all items."""
        items: list[Any] = []
        try:
            while True:
                items.append(self._items.popleft())
        except IndexError:
            pass
        before = len(items)
        kept = items.copy()  # what is removed lives on until all is as it should be: its finalizer may use the queue
        try:
            change(items)
        finally:
            for item in items:
                self._items.append(item)
            self._queue._add_room(before - len(items))
            self._queue._look_again()
        del kept

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"

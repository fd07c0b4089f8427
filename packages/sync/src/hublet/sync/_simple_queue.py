"""`SimpleQueue`: a queue without a limit, and with nothing but putting, getting and looking."""

from __future__ import annotations

from types import GenericAlias
from typing import Any, Generic, TypeVar

from hublet.core.lowlevel import ParkingLot, deadline_in, make_waiter, recycle

from ._errors import Empty
from ._items import Items
from ._words import LOOK, NOTHING

__all__ = ["SimpleQueue"]

T = TypeVar("T")


class SimpleQueue(Generic[T]):
    """A queue without a limit.  As `queue.SimpleQueue`, and fair.

    Iterating takes items out, until one is `StopIteration`.  It has a length, and is true even if that is 0.  Any thread may
    use it.
    """

    # The rules are those of `_queue`: store first, then look at the line; join the line first, then look at the store.

    __slots__ = ("__weakref__", "_getters", "_items", "_peeked", "_peekers")

    def __init__(self) -> None:
        self._items = Items()
        self._getters = ParkingLot()
        self._peekers = ParkingLot()
        self._peeked = False  # whether anybody ever waited there

    @classmethod
    def __class_getitem__(cls, item: Any) -> GenericAlias:
        return GenericAlias(cls, item)

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Put an item in.  Never switches.  *block* and *timeout* are for compatibility and have no meaning."""
        if self._getters.has_any() and not self._items.has_any():
            if self._peeked:
                self._peekers.unpark_all(item)
            if self._getters.unpark(item):
                return
        self._items.append(item)
        if self._getters.has_any():
            self._getters.unpark(LOOK)
        if self._peeked:
            self._peekers.unpark_all(LOOK)

    def put_nowait(self, item: T) -> None:
        """As `put`."""
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take the first item out, waiting for one for at most *timeout* seconds; `None` is without limit.

        Parks, unless there is an item.  Raises `Empty` if the time was up first, or if there is no item and *block* is
        false; and `ValueError` if *timeout* is negative.
        """
        if timeout is not None and block and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        deadline = None if timeout is None or not block else deadline_in(timeout)
        while True:
            item = self._items.take()
            if item is not NOTHING:
                return item  # type: ignore[no-any-return]
            if not block:
                raise Empty
            waiter = make_waiter(self)
            self._getters.add(waiter)
            if self._items.has_any():
                self._getters.unpark(LOOK)
            if not waiter.park(deadline):
                raise Empty
            item = waiter.value
            recycle(waiter)
            if item is not LOOK:
                return item  # type: ignore[no-any-return]

    def get_nowait(self) -> T:
        """Take the first item out.  Never switches.  Raises `Empty` if there is none."""
        return self.get(False)

    def __iter__(self) -> SimpleQueue[T]:
        return self

    def __next__(self) -> T:
        """Return the next item, as `get`; the end is an item that is `StopIteration`."""
        item = self.get()
        if item is StopIteration:
            raise StopIteration
        return item

    def peek(self, block: bool = True, timeout: float | None = None) -> T:
        """Return the first item without taking it out.  As `get` otherwise."""
        if timeout is not None and block and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        deadline = None if timeout is None or not block else deadline_in(timeout)
        while True:
            item = self._items.first()
            if item is not NOTHING:
                return item  # type: ignore[no-any-return]
            if not block:
                raise Empty
            waiter = make_waiter(self)
            self._peekers.add(waiter)
            self._peeked = True
            if self._items.has_any():
                self._peekers.unpark_all(LOOK)
            if not waiter.park(deadline):
                raise Empty
            if waiter.value is not LOOK:
                return waiter.value  # type: ignore[no-any-return]

    def peek_nowait(self) -> T:
        """Return the first item without taking it out.  Never switches.  Raises `Empty` if there is none."""
        return self.peek(False)

    def qsize(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def empty(self) -> bool:
        """Say whether there is no item."""
        return not self._items.has_any()

    def full(self) -> bool:
        """Return false: there is always room."""
        return False

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def __bool__(self) -> bool:
        """Return true, empty or not."""
        return True

    def copy(self) -> SimpleQueue[T]:
        """Return another queue with the same items."""
        new = type(self)()
        for item in list(self._items):
            new.put(item)
        return new

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}: {len(self._items)} items, {len(self._getters)} getters>"

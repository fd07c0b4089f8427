"""How a queue keeps its items, and how a subclass of it may.

A queue keeps them in `Items`, whose methods are single steps.  A subclass that overrides `_init`, `_put`, `_get`, `_qsize` or
`_peek`, as those of the standard library may, has them called by one thread at a time.  They may be users' code, or compare
users' items, so anything can happen inside: other threads, signal handlers and finalizers that use the same queue.  Another
thread is made to wait: it gives way until the one that is inside is out again.  The thread that is inside cannot wait for
itself: what it puts is kept aside, and put in on the way out, and all that it can get is what was kept aside.
"""

from __future__ import annotations

from collections import deque
from types import GenericAlias
from typing import Any, Generic, TypeVar

from ._contents import Contents
from ._items import Items
from ._native import give_way, thread_ident
from ._words import NOTHING

__all__ = ["PLAIN", "Store"]

T = TypeVar("T")


class Store(Generic[T]):
    """The base of queues: where the items are."""

    __slots__ = ("__weakref__", "_aside", "_inside", "_items", "_kept", "_late", "unfinished_tasks")

    def __init__(self, maxsize: int) -> None:
        self._items: Items | None = None  # the items, if they are kept as they are here
        self._kept: Any = None  # the items, however they are kept
        self._inside = 0  # the thread that is inside
        self._aside = Items()  # what was put by the thread that is inside
        self._late = False  # whether there may be something
        self.unfinished_tasks = 0
        """How many of the items that were put in are not done."""
        self._init(maxsize)

    @classmethod
    def __class_getitem__(cls, item: Any) -> GenericAlias:
        return GenericAlias(cls, item)

    @property
    def queue(self) -> Any:
        """What the items are in.

        Where a subclass overrides how they are kept, a `deque`, a `list`, or whatever its `_init` has assigned.  Otherwise
        something like a `deque`, to look at them and to take some out: `clear`, `popleft` and `pop`, which let putters in.
        """
        return self._kept if self._items is None else Contents(self._items, self)

    @queue.setter
    def queue(self, kept: Any) -> None:
        self._kept = kept
        self._items = kept if isinstance(kept, Items) else None
        self._count_room()

    def _count_room(self) -> None:
        """Count the room that is left, where it is counted apart from the items: they are others now."""

    def _is_plain(self) -> bool:
        """Say whether nothing is overridden of how items are kept."""
        return any(self._keeps_items_as(kind) for kind in PLAIN)

    def _keeps_items_as(self, kind: type) -> bool:
        """Say whether all of the methods that keep items are those of *kind*."""
        names = ("_init", "_put", "_get", "_qsize", "_peek")
        return all(getattr(type(self), name) is getattr(kind, name) for name in names)

    # For subclasses to override

    def _init(self, maxsize: int) -> None:
        self.queue = Items() if self._is_plain() else deque()

    def _qsize(self) -> int:
        return len(self._kept)

    def _put(self, item: T) -> None:
        self._kept.append(item)

    def _get(self) -> T:
        return self._kept.popleft()  # type: ignore[no-any-return]

    def _peek(self) -> T:
        return self._kept[0]  # type: ignore[no-any-return]

    # For those who wait, in `_queue`.  Nothing here switches.

    def _store(self, item: T, maxsize: int) -> bool:
        """Put *item* in, where items are not kept as they are here; false if there are *maxsize* (0: without limit)."""
        if not self._enter():
            self.unfinished_tasks += 1
            self._aside.append(item)
            self._late = True
            return True
        try:
            if 0 < maxsize <= self._qsize():
                return False
            self._put(item)
            self.unfinished_tasks += 1  # while nobody can get it
            return True
        finally:
            self._leave()

    def _draw(self) -> Any:
        """Take an item out, where items are not kept as they are here; `NOTHING` if there is none."""
        if not self._enter():
            return self._aside.take()
        try:
            return self._get() if self._qsize() else NOTHING
        finally:
            self._leave()

    def _first(self) -> Any:
        """Return the item that comes out next; `NOTHING` if there is none."""
        if self._items is not None:
            return self._items.first()
        if not self._enter():
            return NOTHING
        try:
            return self._peek() if self._qsize() else NOTHING
        finally:
            self._leave()

    def _has_items(self) -> bool:
        """Say whether an item could be taken out."""
        if self._items is not None:
            return self._items.has_any()
        if not self._enter():
            return self._aside.has_any()
        try:
            return self._qsize() > 0
        finally:
            self._leave()

    def _enter(self) -> bool:
        """Come inside; false if the calling thread is there already."""
        me = thread_ident()
        while True:
            # One line without a jump or a call, hence one step.
            inside, self._inside = self._inside, self._inside + me * (self._inside == 0)
            if inside == 0:
                return True
            if inside == me:
                return False
            give_way()

    def _leave(self) -> None:
        try:
            while self._late:
                self._late = False
                while self._aside.has_any():
                    self._put(self._aside.take())
        finally:
            self._inside = 0
        if self._late and self._enter():  # put aside after the last look
            self._leave()


PLAIN: list[type] = [Store]
"""The classes whose items are kept in `Items`; a subclass of one may override how."""

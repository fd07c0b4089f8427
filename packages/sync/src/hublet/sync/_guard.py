"""A queue's own `_put` and `_get`, called by one at a time."""

from __future__ import annotations

from _thread import get_ident
from collections import deque
from time import sleep as thread_sleep
from typing import Any

from ._offers import NOTHING

__all__ = ["Guard"]


class Guard:
    """Lets one thread at a time into the methods of *queue* that say how items are kept: `_put`, `_get`, `_qsize`, `_peek`.

    They may be users' code, or compare users' items, so anything can happen inside: other threads, signal handlers and
    finalizers that use the same queue.  Another thread is made to wait, by giving way to the one that is inside until it is
    out again.  The thread that is inside cannot wait for itself: what it puts is kept, and put in on the way out; and it can
    only get what was kept.
    """

    __slots__ = ("_inside", "_late", "_queue")

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._inside = 0  # the thread that is
        self._late: deque[Any] = deque()

    def _enter(self) -> bool:
        """Come in; false if the calling thread is inside already."""
        me = get_ident()
        while True:
            # One line without a jump or a call, hence one step.
            inside, self._inside = self._inside, self._inside + me * (self._inside == 0)
            if inside == 0:
                return True
            if inside == me:
                return False
            thread_sleep(0)

    def _leave(self) -> None:
        try:
            while self._late:
                self._queue._put(self._late.popleft())
        finally:
            self._inside = 0
        if self._late and self._enter():  # it came after the last look
            self._leave()

    def put(self, item: Any, maxsize: int) -> bool:
        """Put *item* in; false if there are *maxsize* already (0 or less: no limit)."""
        if not self._enter():
            self._late.append(item)
            return True
        try:
            if 0 < maxsize <= self._queue._qsize():
                return False
            self._queue._put(item)
            return True
        finally:
            self._leave()

    def get(self) -> Any:
        """Take an item out; `NOTHING` if there is none."""
        if not self._enter():
            try:
                return self._late.popleft()
            except IndexError:
                return NOTHING
        try:
            return self._queue._get() if self._queue._qsize() else NOTHING
        finally:
            self._leave()

    def peek(self) -> Any:
        """Return the item that `get` would take out; `NOTHING` if there is none."""
        if not self._enter():
            return NOTHING
        try:
            return self._queue._peek() if self._queue._qsize() else NOTHING
        finally:
            self._leave()

    def has_items(self) -> bool:
        """Say whether `get` would find an item."""
        if not self._enter():
            return bool(self._late)
        try:
            return bool(self._queue._qsize())
        finally:
            self._leave()

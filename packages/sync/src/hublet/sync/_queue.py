"""`Queue`: items from some to others, in the order in which they came.

An item goes straight to the first who waits for one (`_getters`).  If nobody waits it is stored, as long as there is room.
If there is none, whoever puts it waits in line with the item in hand (`_putters`), and whoever makes room takes the item from
the first hand and stores it.  So neither side waits for the other to run.

Any thread may be between any two lines here, and so may a signal handler or a finalizer that uses the same queue; so
nothing is locked, and each line is one step that nothing can come between.  The rules:

- An item that is stored is stored first, and the line of getters is looked at after that.  Who wants one joins the line
  first, and looks at the store after that.  Whichever comes second sees the other, and tells the first in line to look again
  (`LOOK`).  So no item lies there while somebody waits.  The same holds for room and putters.
- Room is counted (`_room`) in one line without a jump or a call, hence in one step.
- Items leave the store through its head only, but for who asks for the newest (`Contents.pop`), and an item goes straight
  to a getter only if the store is empty.  So whatever one thread puts comes out in the order in which it put it.
- Taking an item out of a putter's hand is claiming its waiter.  It may be claimed a moment before the item is stored, and
  then the putter waits for that, or what it puts next might overtake it (`Offer.placed`).
- Items are counted as unfinished before anybody can get them.

How items are kept is up to `Store` and its subclasses.  If a subclass overrides that, nothing goes past its `_put` and
`_get`, and whoever waits is told to look again instead of being served.

There may be an `_audience` that is told what happens: the conditions that queues of the standard library have, when a program
is patched (`_queue_conditions`).

Long for one module, because putting and getting are the two halves of each of these rules, and one class.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from math import ceil
from typing import Any, TypeVar

from hublet.core.lowlevel import ParkingLot, deadline_in, make_waiter, recycle, yield_now

from ._errors import Empty, Full, ShutDown
from ._offers import Offer, Offers
from ._store import Store
from ._words import LOOK, NOTHING, TAKEN

__all__ = ["Queue", "UnboundQueue"]

T = TypeVar("T")

_ENDLESS = sys.maxsize // 2


class Queue(Store[T]):
    """A queue with room for *maxsize* items; 0, less, and `None` are without limit.  As `queue.Queue`, and fair.

    *items* are in it from the start, and *unfinished_tasks* is how many are not done, all of them if it is `None`.  Iterating
    takes items out, until one is `StopIteration` or the queue is shut down.  It has a length, and is true even if that is 0.
    Any thread may use it.
    """

    __slots__ = (
        "_audience",
        "_drops",
        "_getters",
        "_hands_over",
        "_joiners",
        "_maxsize",
        "_peeked",
        "_peekers",
        "_putters",
        "_room",
        "is_shutdown",
    )

    def __init__(self, maxsize: int | None = 0, items: Iterable[T] = (), unfinished_tasks: int | None = None) -> None:
        self._maxsize = _whole(maxsize)
        self._getters = ParkingLot()
        self._peekers = ParkingLot()
        self._peeked = False  # whether anybody ever waited there
        self._room = 0  # until it is counted
        self._audience: Any = None
        self._putters = Offers()
        self._joiners = ParkingLot()
        self.is_shutdown = False
        self._drops = False  # whether the end drops what is there
        Store.__init__(self, self._maxsize)
        # Whether a getter may be handed what was put, or must find it through `_get`.
        self._hands_over = self._items is not None
        count = 0
        for item in items:
            self._put(item)
            count += 1
        self._count_room()
        self.unfinished_tasks = count if unfinished_tasks is None else unfinished_tasks

    # Putting

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Put an item in, waiting for room for at most *timeout* seconds; `None` is without limit.

        Parks, unless there is room or somebody waits for an item.  Raises `Full` if the time was up first, or if there is no
        room and *block* is false; `ShutDown` if the queue is shut down; and `ValueError` if *timeout* is negative, unless
        there is no limit.
        """
        if timeout is not None and block and self._maxsize > 0 and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        if not self._try_to_put(item):
            if not block:
                raise Full
            self._wait_for_room(item, None if timeout is None else deadline_in(timeout))

    def put_nowait(self, item: T) -> None:
        """Put an item in.  Never switches.  Raises `Full` if there is no room, and `ShutDown` as `put`."""
        if not self._try_to_put(item):
            raise Full

    def _try_to_put(self, item: T) -> bool:
        """Hand *item* over or store it; false if there is no room.  Never switches."""
        if self.is_shutdown:
            raise ShutDown
        if self._getters.has_any() and self._hands_over and not self._has_items():
            if self._peeked:
                self._peekers.unpark_all(item)
            self.unfinished_tasks += 1
            if self._getters.unpark(item):
                if self._audience is not None:
                    self._audience.room_came()  # it has come and gone
                return True
            self._finish_one()
        if self._items is None:
            if not self._store(item, self._maxsize):
                return False
        else:
            if not self._claim_room():
                return False
            self.unfinished_tasks += 1
            self._items.append(item)
        # Somebody may have come while it was being stored, or the end.
        if self._getters.has_any():
            self._getters.unpark(LOOK)
        if self._peeked:
            self._peekers.unpark_all(LOOK)
        if self._audience is not None:
            self._audience.item_came()
        if self.is_shutdown:
            self._end()
        return True

    def _claim_room(self) -> bool:
        room, self._room = self._room, self._room - (self._room > 0)
        return room > 0

    def _wait_for_room(self, item: T, deadline: float | None) -> None:
        ahead = False
        while True:
            offer = Offer(self, item)
            self._putters.add(offer, ahead)
            self._look_for_room()
            if not offer.park(self._putters, deadline):
                raise Full
            if offer.waiter.value is TAKEN:
                while not offer.placed:
                    yield_now()
                return
            try:
                if self._try_to_put(item):
                    return
            except BaseException:
                self._look_for_room()  # it is still there for the next in line
                raise
            ahead = True  # who looks and finds nothing keeps its place

    def _look_for_room(self) -> None:
        """Let the first putter in line go on, if there is room after all.  Never switches."""
        if self.is_shutdown:
            while self._putters.claim(LOOK) is not None:
                pass
        elif self._items is None:
            if not self.full():
                self._putters.claim(LOOK)
        elif self._claim_room():
            self._fill_room()

    def _fill_room(self) -> None:
        """Use room for one item, which the caller has claimed, for the first putter in line, or give it back."""
        assert self._items is not None
        while True:
            offer = self._putters.claim(TAKEN)
            if offer is not None:
                self.unfinished_tasks += 1
                self._items.append(offer.item)
                offer.placed = True
                if self._getters.has_any():
                    self._getters.unpark(LOOK)
                if self._audience is not None:
                    self._audience.item_came()
                return
            self._room += 1
            if not (self._putters.has_any() and self._claim_room()):
                return

    # Getting

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take the first item out, waiting for one for at most *timeout* seconds; `None` is without limit.

        Parks, unless there is an item.  Raises `Empty` if the time was up first, or if there is no item and *block* is
        false; `ShutDown` if there is none and the queue is shut down; and `ValueError` if *timeout* is negative.
        """
        if timeout is not None and block and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        item = self._take()
        if item is NOTHING:
            if self.is_shutdown:
                raise ShutDown
            if not block:
                raise Empty
            return self._wait_for_item(timeout)
        return item  # type: ignore[no-any-return]

    def get_nowait(self) -> T:
        """Take the first item out.  Never switches.  Raises `Empty` if there is none, and `ShutDown` as `get`."""
        return self.get(False)

    def _take(self) -> Any:
        """Take the first item out; `NOTHING` if there is none.  Never switches."""
        if self._items is None:
            return self._draw_and_tell()
        item = self._items.take()
        if item is NOTHING:
            return NOTHING
        if self._putters.has_any():
            self._fill_room()
        else:
            self._room += 1
            if self._putters.has_any():
                self._look_for_room()
        if self._audience is not None:
            self._audience.room_came()
        return item

    def _draw_and_tell(self) -> Any:
        try:
            return self._draw()
        finally:
            # Also if it fails: who was told to look may be the one who fails, and the next in line waits for what is there.
            if self._putters.has_any():
                self._look_for_room()
            if self._getters.has_any() and self._has_items():
                self._getters.unpark(LOOK)
            if self._audience is not None:
                self._audience.room_came()

    def _wait_for_item(self, timeout: float | None) -> T:
        deadline = None if timeout is None else deadline_in(timeout)
        while True:
            waiter = make_waiter(self)
            self._getters.add(waiter)
            if self._has_items() or self.is_shutdown:
                self._getters.unpark(LOOK)
            if not waiter.park(deadline):
                raise Empty
            item = waiter.value
            recycle(waiter)
            if item is LOOK:
                item = self._take()
                if item is NOTHING:
                    if self.is_shutdown:
                        raise ShutDown
                    continue
            return item  # type: ignore[no-any-return]

    def __iter__(self) -> Queue[T]:
        return self

    def __next__(self) -> T:
        """Return the next item, as `get`; the end is an item that is `StopIteration`, or that the queue is shut down."""
        try:
            item = self.get()
        except ShutDown:
            raise StopIteration from None
        if item is StopIteration:
            raise StopIteration
        return item

    # Looking

    def peek(self, block: bool = True, timeout: float | None = None) -> T:
        """Return the first item without taking it out.  As `get` otherwise."""
        if timeout is not None and block and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        deadline = None if timeout is None else deadline_in(timeout)
        while True:
            item = self._first()
            if item is not NOTHING:
                return item  # type: ignore[no-any-return]
            if self.is_shutdown:
                raise ShutDown
            if not block:
                raise Empty
            waiter = make_waiter(self)
            self._peekers.add(waiter)
            self._peeked = True
            if self._has_items() or self.is_shutdown:
                self._peekers.unpark_all(LOOK)
            if not waiter.park(deadline):
                raise Empty
            if waiter.value is not LOOK:
                return waiter.value  # type: ignore[no-any-return]

    def peek_nowait(self) -> T:
        """Return the first item without taking it out.  Never switches.  Raises as `get_nowait`."""
        return self.peek(False)

    def qsize(self) -> int:
        """Return how many items are stored."""
        return self._qsize()

    def empty(self) -> bool:
        """Say whether no item is stored."""
        return not self._qsize()

    def full(self) -> bool:
        """Say whether there is no room."""
        return 0 < self._maxsize <= self._qsize()

    def __len__(self) -> int:
        """Return how many items are stored."""
        return self._qsize()

    def __bool__(self) -> bool:
        """Return true, empty or not."""
        return True

    @property
    def maxsize(self) -> int:
        """For how many items there is room; 0 or less is without limit.  May be changed while the queue is in use."""
        return self._maxsize

    @maxsize.setter
    def maxsize(self, maxsize: int | None) -> None:
        before = self._maxsize if self._maxsize > 0 else _ENDLESS
        self._maxsize = _whole(maxsize)
        self._add_room((self._maxsize if self._maxsize > 0 else _ENDLESS) - before)

    def _count_room(self) -> None:
        if self._items is not None:
            self._room = (self._maxsize if self._maxsize > 0 else _ENDLESS) - len(self._items)

    def _add_room(self, more: int) -> None:
        """Count room for so many items more, and let putters in.  Never switches."""
        self._room += more
        if self._audience is not None:
            self._audience.changed()
            return
        for _ in range(min(more, len(self._putters))):
            self._look_for_room()

    def copy(self) -> Queue[T]:
        """Return another queue of the same size with the same items."""
        return type(self)(self._maxsize or None, list(self.queue), self.unfinished_tasks)

    # Being done

    def task_done(self) -> None:
        """Say that what an item asked for is done.  Never switches.  Raises `ValueError` if everything is done already."""
        if not self._finish_one():
            raise ValueError("task_done() called too many times")

    def _finish_one(self) -> bool:
        unfinished, self.unfinished_tasks = self.unfinished_tasks, self.unfinished_tasks - (self.unfinished_tasks > 0)
        if unfinished == 1:
            if self._joiners.has_any():
                self._joiners.unpark_all()
            if self._audience is not None:
                self._audience.all_done()
        return unfinished > 0

    def join(self, timeout: float | None = None) -> bool:
        """Wait until all items that were put in are done; false if *timeout* seconds passed first.  `None`: without limit.

        Parks, unless all are done.
        """
        if self.unfinished_tasks <= 0:
            return True
        deadline = deadline_in(timeout)
        waiter = make_waiter(self)
        self._joiners.add(waiter)
        if self.unfinished_tasks <= 0:
            self._joiners.unpark_all()
        return waiter.park(deadline)

    def shutdown(self, immediate: bool = False) -> None:
        """Take no more items: `put` raises `ShutDown`, and so does `get` when the queue is empty.  Never switches.

        Who waits is told so.  With *immediate*, the items that are stored are dropped, and count as done.
        """
        self.is_shutdown = True
        self._drops = self._drops or immediate
        self._end()

    def _end(self) -> None:
        self._look_for_room()  # and be told that there is none any more
        if self._drops:
            while self._take() is not NOTHING:
                self._finish_one()
        self._getters.unpark_all(LOOK)
        self._peekers.unpark_all(LOOK)
        if self._audience is not None:
            self._audience.ended()

    def _look_again(self) -> None:
        """Let those who wait look whether they still have to, after a change that the queue was not told of.  Never switches."""
        if self.unfinished_tasks <= 0:
            self._joiners.unpark_all()
        waiting = len(self._putters)
        if self._items is None and self._maxsize > 0:
            waiting = min(waiting, self._maxsize - self._qsize())
        for _ in range(waiting):
            self._look_for_room()
        self._getters.unpark_all(LOOK)
        self._peekers.unpark_all(LOOK)

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}{self._describe()}>"

    def _describe(self, with_items: bool = True) -> str:
        described = f" maxsize={self._maxsize}" if self._maxsize > 0 else ""
        if with_items and self.queue:
            described += f" queue={self.queue!r}"
        if self._getters.has_any():
            described += f" getters={len(self._getters)}"
        if self._putters.has_any():
            described += f" putters={len(self._putters)}"
        if self.unfinished_tasks:
            described += f" unfinished={self.unfinished_tasks}"
        return described


def _whole(maxsize: Any) -> int:
    """Return for how many items there is room; that of the standard library may be any number, `math.inf` too."""
    return 0 if maxsize is None else ceil(min(maxsize, _ENDLESS))


class UnboundQueue(Queue[T]):
    """A `Queue` without a limit, so that `put` never waits.  Raises `ValueError` for a *maxsize*."""

    __slots__ = ()

    def __init__(self, maxsize: None = None, items: Iterable[T] = (), unfinished_tasks: int | None = None) -> None:
        if maxsize is not None:
            raise ValueError("an UnboundQueue has no maxsize; a Queue has")
        Queue.__init__(self, 0, items, unfinished_tasks)

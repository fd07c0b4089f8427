"""`Channel`: from hand to hand."""

from __future__ import annotations

from types import GenericAlias
from typing import Any, Generic, TypeVar

from hublet.core import getcurrent
from hublet.core.lowlevel import ParkingLot, deadline_in, get_hub_if_exists, make_waiter, recycle, yield_now

from ._errors import Empty, Full, ShutDown
from ._offers import Offer, Offers
from ._words import LOOK, TAKEN

__all__ = ["Channel"]

T = TypeVar("T")


class Channel(Generic[T]):
    """A meeting place: whoever puts an item waits until somebody gets it.  Always empty, and always full.

    Items are handed over in the order in which they are put, to getters in the order in which they come.  Iterating takes
    items until one is `StopIteration`, or the channel is shut down.  *maxsize* is for compatibility; anything but 1 is a
    `ValueError`.  Any thread may use it.
    """

    # Putters and getters could both join their lines at once, without having seen each other.  So each looks at the other
    # line after joining its own, and lets the first getter look for an offer again.  Only getters take offers.

    __slots__ = ("__weakref__", "_getters", "_putters", "is_shutdown")

    def __init__(self, maxsize: int = 1) -> None:
        if maxsize != 1:
            raise ValueError("a Channel has a maxsize of 1; for more, use a Queue")
        self._getters = ParkingLot()
        self._putters = Offers()
        self.is_shutdown = False

    @classmethod
    def __class_getitem__(cls, item: Any) -> GenericAlias:
        return GenericAlias(cls, item)

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Hand an item to somebody, waiting for them for at most *timeout* seconds; `None` is without limit.

        Parks, so that it returns after the item has arrived.  Raises `Full` if the time was up first, or if nobody is there
        and *block* is false; `ShutDown` if the channel is shut down.
        """
        if self.is_shutdown:
            raise ShutDown
        if self._getters.has_any() and self._getters.unpark(item):
            if block and getcurrent() is not get_hub_if_exists():
                yield_now()
            return
        if not block:
            raise Full
        deadline = None if timeout is None else deadline_in(timeout)
        offer = Offer(self, item)
        self._putters.add(offer)
        if self._getters.has_any():
            self._getters.unpark(LOOK)
        if self.is_shutdown:
            self._end()
        if not offer.park(self._putters, deadline):
            raise Full
        if offer.waiter.value is not TAKEN:
            raise ShutDown

    def put_nowait(self, item: T) -> None:
        """Hand an item to somebody who waits for one.  Never switches.  Raises `Full` if nobody does."""
        self.put(item, False)

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take an item from somebody, waiting for them for at most *timeout* seconds; `None` is without limit.

        Parks, unless somebody waits with an item.  Raises `Empty` if the time was up first, or if nobody is there and
        *block* is false; `ShutDown` if nobody is there and the channel is shut down.
        """
        deadline = None if timeout is None or not block else deadline_in(timeout)
        while True:
            if self._putters.has_any():
                offer = self._putters.claim(TAKEN)
                if offer is not None:
                    return offer.item  # type: ignore[no-any-return]
            if self.is_shutdown:
                raise ShutDown
            if not block:
                raise Empty
            waiter = make_waiter(self)
            self._getters.add(waiter)
            if self._putters.has_any() or self.is_shutdown:
                self._getters.unpark(LOOK)
            if not waiter.park(deadline):
                raise Empty
            item = waiter.value
            recycle(waiter)
            if item is not LOOK:
                return item  # type: ignore[no-any-return]

    def get_nowait(self) -> T:
        """Take an item from somebody who waits with one.  Never switches.  Raises `Empty` if nobody does."""
        return self.get(False)

    def __iter__(self) -> Channel[T]:
        return self

    def __next__(self) -> T:
        """Return the next item, as `get`; the end is an item that is `StopIteration`, or that the channel is shut down."""
        try:
            item = self.get()
        except ShutDown:
            raise StopIteration from None
        if item is StopIteration:
            raise StopIteration
        return item

    def shutdown(self, immediate: bool = False) -> None:
        """Hand over no more: `put` and `get` raise `ShutDown`, also for those who wait.  Never switches.

        *immediate* is for compatibility and has no meaning: nothing is stored.
        """
        self.is_shutdown = True
        self._end()

    def _end(self) -> None:
        while self._putters.claim(LOOK) is not None:
            pass
        self._getters.unpark_all(LOOK)

    @property
    def balance(self) -> int:
        """How many more wait to put than to get."""
        return len(self._putters) - len(self._getters)

    def qsize(self) -> int:
        """Return 0."""
        return 0

    def empty(self) -> bool:
        """Return true."""
        return True

    def full(self) -> bool:
        """Return true."""
        return True

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}: {len(self._putters)} putters, {len(self._getters)} getters>"

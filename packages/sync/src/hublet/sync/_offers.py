"""Items in the hands of those who wait for somebody, or some place, to take them."""

from __future__ import annotations

from typing import Any

from hublet.core.lowlevel import make_waiter

from ._items import Items
from ._words import NOTHING

__all__ = ["Offer", "Offers"]


class Offer:
    """An item, and who waits with it."""

    __slots__ = ("item", "placed", "waiter")

    def __init__(self, holder: Any, item: Any) -> None:
        self.waiter = make_waiter(holder)
        self.item = item
        self.placed = False  # where it belongs, after it was taken

    def park(self, offers: Offers, deadline: float | None) -> bool:
        """Wait in line until somebody claims it; false if *deadline* passed first."""
        claimed = False
        try:
            claimed = self.waiter.park(deadline)
        finally:
            if not claimed:
                offers.withdraw(self)
        return claimed


class Offers:
    """The line of those who wait with items.  Claiming the first is one step, and done by one only."""

    __slots__ = ("_line",)

    def __init__(self) -> None:
        self._line = Items()

    def add(self, offer: Offer, ahead: bool = False) -> None:
        """Join the line at its end, or *ahead* of it.  Never switches."""
        if ahead:
            self._line.appendleft(offer)
        else:
            self._line.append(offer)

    def withdraw(self, offer: Offer) -> None:
        """Leave the line; nothing happens if it has left.  Never switches."""
        self._line.discard(offer)

    def claim(self, word: Any) -> Offer | None:
        """Wake the first in line with *word* and return the offer, whose item is the caller's; `None` if nobody is there."""
        while True:
            found = self._line.take()
            if found is NOTHING:
                return None
            offer: Offer = found
            if offer.waiter.unpark(word):
                return offer

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._line)

    def has_any(self) -> bool:
        """Say whether somebody waits."""
        return self._line.has_any()

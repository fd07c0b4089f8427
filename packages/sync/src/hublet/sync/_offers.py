"""Items in the hands of those who wait for somebody, or some place, to take them."""

from __future__ import annotations

from collections import deque
from typing import Any

from hublet.core.lowlevel import Waiter

__all__ = ["LOOK", "NOTHING", "TAKEN", "Offer", "Offers"]


class _Word:
    """What somebody who waits is woken with instead of an item."""

    __slots__ = ("_meaning",)

    def __init__(self, meaning: str) -> None:
        self._meaning = meaning

    def __repr__(self) -> str:
        return f"<{self._meaning}>"


NOTHING: Any = _Word("nothing")
LOOK: Any = _Word("look again")
TAKEN: Any = _Word("taken")


class Offer:
    """An item, and who waits with it."""

    __slots__ = ("item", "placed", "waiter")

    def __init__(self, holder: Any, item: Any) -> None:
        self.waiter = Waiter(holder)
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
        self._line: deque[Offer] = deque()

    def add(self, offer: Offer, ahead: bool = False) -> None:
        """Join the line at its end, or *ahead* of it.  Never switches."""
        if ahead:
            self._line.appendleft(offer)
        else:
            self._line.append(offer)

    def withdraw(self, offer: Offer) -> None:
        """Leave the line; nothing happens if it has left.  Never switches."""
        try:
            self._line.remove(offer)
        except ValueError:
            pass

    def claim(self, word: Any) -> Offer | None:
        """Wake the first in line with *word* and return the offer, whose item is the caller's; `None` if nobody is there."""
        while self._line:
            try:
                offer = self._line.popleft()
            except IndexError:
                break
            if offer.waiter.unpark(word):
                return offer
        return None

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._line)

    def __bool__(self) -> bool:
        """Say whether somebody waits."""
        return bool(self._line)

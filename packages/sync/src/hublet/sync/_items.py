"""The items of a queue: a `deque` whose every method is one step, so that anybody may come in between any two.

`_items.pyx` is the same without a Python call, and is imported instead of this file where it was built.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ._words import NOTHING

__all__ = ["Items", "Stack"]


class Items(deque):  # type: ignore[type-arg]  # the compiled twin is no deque and takes no parameter
    """First in, first out.  Never switches; any thread may use it."""

    __slots__ = ()

    def has_any(self) -> bool:
        """As `bool`, which compiled goes through Python's protocols (benchmarks/sync)."""
        return len(self) > 0

    def take(self) -> Any:
        """Remove and return the oldest; `NOTHING` if there is none."""
        try:
            return self.popleft()
        except IndexError:
            return NOTHING

    def discard(self, item: Any) -> None:
        """Remove *item* wherever it is; nothing happens if it is not here."""
        try:
            self.remove(item)
        except ValueError:
            pass

    def first(self) -> Any:
        """Return the oldest without removing it; `NOTHING` if there is none."""
        try:
            return self[0]
        except IndexError:
            return NOTHING


class Stack(Items):
    """Last in, first out."""

    __slots__ = ()

    def take(self) -> Any:
        """Remove and return the newest; `NOTHING` if there is none."""
        try:
            return self.pop()
        except IndexError:
            return NOTHING

    def first(self) -> Any:
        """Return the newest without removing it; `NOTHING` if there is none."""
        try:
            return self[-1]
        except IndexError:
            return NOTHING

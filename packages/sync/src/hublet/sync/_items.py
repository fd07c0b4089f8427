"""Items, first in, first out: a `deque` whose every method is one step, so that anybody may come in between any two.

`_items.pyx` is the same without a Python call, and is imported instead of this file where it was built.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ._offers import NOTHING

__all__ = ["Items"]


class Items(deque):  # type: ignore[type-arg]  # the compiled twin is no deque and takes no parameter
    """The items of a queue.  Never switches; any thread may use it."""

    __slots__ = ()

    def take(self) -> Any:
        """Remove and return the oldest; `NOTHING` if there is none."""
        try:
            return self.popleft()
        except IndexError:
            return NOTHING

    def first(self) -> Any:
        """Return the oldest without removing it; `NOTHING` if there is none."""
        try:
            return self[0]
        except IndexError:
            return NOTHING

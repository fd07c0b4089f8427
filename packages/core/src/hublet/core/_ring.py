"""A queue for entries that are ready, or waiters that are parked: first in, first out.

Each method is one atomic step, because a finalizer, a signal handler or another thread may come in between any two.
`_ring.pyx` is the same without a Python call, and is imported instead of this file where it was built.
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Ring"]


class Ring(deque):  # type: ignore[type-arg]  # the compiled twin is no deque and takes no parameter
    """A first-in, first-out queue.  Never switches; any thread may call it."""

    __slots__ = ()

    def has_any(self) -> bool:
        """As `bool`, without the way through Python's protocol (benchmarks/sync)."""
        return len(self) > 0

    def take(self) -> Any:
        """Remove and return the oldest item, or `None` if there is none."""
        try:
            return self.popleft()
        except IndexError:
            return None

    def first(self) -> Any:
        """Return the oldest item without removing it, or `None` if there is none."""
        try:
            return self[0]
        except IndexError:
            return None

    def discard(self, item: Any) -> None:
        """Remove *item* wherever it is; nothing happens if it is not here."""
        try:
            self.remove(item)
        except ValueError:
            pass

"""All deadlines of a hub, the earliest first.

Interpreted, a signal handler or a finalizer may come in between any two lines here, and may itself set or cancel a
timeout.  So every change of the heap is one call of `heapq`, which is one step, and what was looked at before such a call
is looked at again after it.  A cancelled entry is taken out of its item at once; the empty item stays in the heap until it
comes up, or until more than half are empty.

`_deadlines.pyx` is an indexed heap without those cares, and is imported instead of this file where it was built.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

from ._entry import Entry

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Deadlines"]

_FEW = 64  # empty items that are not worth sweeping out


class Deadlines:
    """The entries that wait for a moment.  Used by one thread only: its hub's."""

    __slots__ = ("_empty", "_heap", "counting", "newest")

    def __init__(self) -> None:
        # Items are [deadline, order, entry]; no two have the same order, so entries are never compared.
        self._heap: list[list[Any]] = []
        self._empty = 0  # about how many items have no entry
        self.counting = 0  # entries that are not `uncounted`
        self.newest = 0  # the order of the latest entry

    def __len__(self) -> int:
        return sum(item[2] is not None for item in self._heap)

    def __iter__(self) -> Iterator[Entry]:
        return iter([item[2] for item in self._heap if item[2] is not None])

    def add(self, entry: Entry, deadline: float) -> None:
        """Let *entry* expire at *deadline*.  It must not be here already."""
        entry.deadline = deadline
        self.newest += 1
        entry.order = self.newest
        item = [deadline, entry.order, entry]
        # What belongs together changes in one line, and whatever can be removed is removable: Ctrl-C may come in between.
        entry.place, self.counting = item, self.counting + (not entry.uncounted)
        heappush(self._heap, item)

    def remove(self, entry: Entry) -> None:
        """Take *entry* out; nothing happens if it is not here."""
        item = entry.place
        if not item:
            return
        entry.place, item[2], self.counting = 0, None, self.counting - (not entry.uncounted)
        self._empty += 1
        if self._empty > _FEW and 2 * self._empty > len(self._heap):
            self._sweep()

    def first(self) -> float:
        """Return the earliest deadline, infinity if there is none."""
        while self._heap and self._heap[0][2] is None:
            item = heappop(self._heap)
            if item[2] is None:
                self._empty -= 1
            else:
                heappush(self._heap, item)  # it came in just now
        return self._heap[0][0] if self._heap else inf

    def take_due(self, now: float, latest: int = 1 << 62) -> Entry | None:
        """Remove and return the earliest entry if its deadline is not after *now* and it is no newer than *latest*."""
        while self._heap and self._heap[0][0] <= now:
            item = heappop(self._heap)
            entry: Entry | None = item[2]
            if entry is None:
                self._empty -= 1
            elif item[0] > now or item[1] > latest:
                heappush(self._heap, item)
                return None
            elif entry.place is item:
                entry.place, self.counting = 0, self.counting - (not entry.uncounted)
                return entry
        return None

    def _sweep(self) -> None:
        before, newest = self._heap, self.newest
        live = [item for item in before if item[2] is not None]
        heapify(live)
        # Unless something was added or swept meanwhile: then the next cancellation tries again.  One line, one step.
        # fmt: off
        self._heap, self._empty = (live, 0) if newest == self.newest and self._heap is before else (self._heap, self._empty)
        # fmt: on

"""All deadlines of a hub, the earliest first.

Interpreted, a signal handler or a finalizer may come in between any two lines here, and may itself set or cancel a
timeout.  So every change of the heap is one call of `heapq`, which is one step, and what was looked at before such a call
is looked at again after it.  A cancelled entry stays in the heap, known by its `place`, until it comes up or until more
than half are cancelled.

`_deadlines.pyx` is an indexed heap without those cares, and is imported instead of this file where it was built.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from ._entry import Entry

__all__ = ["Deadlines"]

_SMALL = 64  # a heap below this is not worth sweeping


class Deadlines:
    """The entries that wait for a moment.  Used by one thread only: its hub's."""

    __slots__ = ("_cancelled", "_heap", "counting", "newest")

    def __init__(self) -> None:
        # An item is live as long as its entry's place is its second element, which is never 0.
        self._heap: list[tuple[float, int, Entry]] = []
        self._cancelled = 0
        self.counting = 0  # entries that are not `uncounted`
        self.newest = 0  # the order of the latest entry

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, entry: Entry, deadline: float) -> None:
        """Let *entry* expire at *deadline*.  It must not be here already."""
        entry.deadline = deadline
        self.newest += 1
        entry.order = entry.place = self.newest
        if not entry.uncounted:
            self.counting += 1
        heappush(self._heap, (deadline, entry.order, entry))

    def remove(self, entry: Entry) -> None:
        """Take *entry* out; nothing happens if it is not here."""
        place, entry.place = entry.place, 0
        if not place:
            return
        if not entry.uncounted:
            self.counting -= 1
        self._cancelled += 1
        if self._cancelled > _SMALL and 2 * self._cancelled > len(self._heap):
            self._sweep()

    def first(self) -> float:
        """Return the earliest deadline.  There must be one."""
        while True:
            item = self._heap[0]
            if item[2].place == item[1]:
                return item[0]
            self._drop_cancelled()

    def take_due(self, now: float, latest: int = 1 << 62) -> Entry | None:
        """Remove and return the earliest entry if its deadline is not after *now* and it is no newer than *latest*."""
        while self._heap and self._heap[0][0] <= now:
            item = heappop(self._heap)
            entry = item[2]
            if entry.place != item[1]:
                self._cancelled -= 1
            elif item[0] > now or item[1] > latest:
                heappush(self._heap, item)
                return None
            else:
                entry.place = 0
                if not entry.uncounted:
                    self.counting -= 1
                return entry
        return None

    def _drop_cancelled(self) -> None:
        item = heappop(self._heap)
        if item[2].place == item[1]:
            heappush(self._heap, item)  # it came in just now
        else:
            self._cancelled -= 1

    def _sweep(self) -> None:
        before, newest = self._heap, self.newest
        live = [item for item in before if item[2].place == item[1]]
        heapify(live)
        # Unless something came in meanwhile: then the next cancellation tries again.  One line, one step.
        self._heap = live if newest == self.newest else before
        if self._heap is live:
            self._cancelled = sum(item[2].place != item[1] for item in live)

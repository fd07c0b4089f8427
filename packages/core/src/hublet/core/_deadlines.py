# cython: boundscheck=False, wraparound=False
"""All deadlines of a hub: a 4-ary heap in which every entry knows its place, so that it can be taken out at once.

Four children a node, because sifting then touches half as many levels and the four lie side by side.  A cancelled entry
is removed, never left to expire: programs set far more timeouts than ever pass.
"""

from __future__ import annotations

from ._entry import Entry

__all__ = ["Deadlines"]


class Deadlines:
    """The entries that wait for a moment, the earliest first.  Used by one thread only: its hub's."""

    __slots__ = ("_heap", "_order", "counting")

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._order = 0
        self.counting = 0  # entries that are not `uncounted`

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, entry: Entry, deadline: float) -> None:
        """Let *entry* expire at *deadline*.  It must not be here already."""
        entry.deadline = deadline
        self._order += 1
        entry.order = self._order
        if not entry.uncounted:
            self.counting += 1
        self._heap.append(entry)
        self._sift_up(entry, len(self._heap) - 1)

    def remove(self, entry: Entry) -> None:
        """Take *entry* out; nothing happens if it is not here."""
        index = entry.place - 1
        if index < 0:
            return
        entry.place = 0
        if not entry.uncounted:
            self.counting -= 1
        heap = self._heap
        last = heap.pop()
        if last is entry:
            return
        if index > 0 and _before(last, heap[(index - 1) >> 2]):
            self._sift_up(last, index)
        else:
            self._sift_down(last, index)

    def first(self) -> float:
        """Return the earliest deadline.  There must be one."""
        return self._heap[0].deadline

    def take_due(self, now: float) -> Entry | None:
        """Remove and return the earliest entry if its deadline is not after *now*."""
        if not self._heap:
            return None
        entry = self._heap[0]
        if entry.deadline > now:
            return None
        self.remove(entry)
        return entry

    def _sift_up(self, entry: Entry, index: int) -> None:
        heap = self._heap
        while index > 0:
            parent_index = (index - 1) >> 2
            parent = heap[parent_index]
            if not _before(entry, parent):
                break
            heap[index] = parent
            parent.place = index + 1
            index = parent_index
        heap[index] = entry
        entry.place = index + 1

    def _sift_down(self, entry: Entry, index: int) -> None:
        heap = self._heap
        size = len(heap)
        while True:
            child_index = 4 * index + 1
            if child_index >= size:
                break
            least = heap[child_index]
            least_index = child_index
            end = child_index + 4
            if end > size:
                end = size
            child_index += 1
            while child_index < end:
                child = heap[child_index]
                if _before(child, least):
                    least = child
                    least_index = child_index
                child_index += 1
            if not _before(least, entry):
                break
            heap[index] = least
            least.place = index + 1
            index = least_index
        heap[index] = entry
        entry.place = index + 1


def _before(one: Entry, other: Entry) -> bool:
    if one.deadline == other.deadline:
        return one.order < other.order
    return one.deadline < other.deadline

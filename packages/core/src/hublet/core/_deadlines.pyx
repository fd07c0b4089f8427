# cython: boundscheck=False, wraparound=False
"""`_deadlines.py` in C: a 4-ary heap in which every entry knows its place, so that it can be taken out at once.

Four children a node, because sifting then touches half as many levels and the four lie side by side.  A cancelled entry
is removed, never left to expire: programs set far more timeouts than ever pass.  No step runs code of anybody else, so
nothing can come in between.
"""

from ._entry cimport Entry



cdef class Deadlines:
    """The entries that wait for a moment, the earliest first.  Used by one thread only: its hub's."""

    def __cinit__(self):
        self._heap = []

    def __len__(self):
        return len(self._heap)

    cpdef object add(self, Entry entry, double deadline):
        """Let *entry* expire at *deadline*.  It must not be here already."""
        entry.deadline = deadline
        self.newest += 1
        entry.order = self.newest
        if not entry.uncounted:
            self.counting += 1
        self._heap.append(entry)
        self._sift_up(entry, len(self._heap) - 1)

    cpdef object remove(self, Entry entry):
        """Take *entry* out; nothing happens if it is not here."""
        cdef Py_ssize_t index = entry.place - 1
        cdef list heap
        cdef Entry last
        if index < 0:
            return
        entry.place = 0
        if not entry.uncounted:
            self.counting -= 1
        heap = self._heap
        last = <Entry>heap.pop()
        if last is entry:
            return
        if index > 0 and _before(last, <Entry>heap[(index - 1) >> 2]):
            self._sift_up(last, index)
        else:
            self._sift_down(last, index)

    cpdef double first(self) except? -1.0:
        """Return the earliest deadline.  There must be one."""
        return (<Entry>self._heap[0]).deadline

    cpdef Entry take_due(self, double now, long long latest=0x3FFFFFFFFFFFFFFF):
        """Remove and return the earliest entry if its deadline is not after *now* and it is no newer than *latest*."""
        cdef Entry entry
        if not self._heap:
            return None
        entry = <Entry>self._heap[0]
        if entry.deadline > now or entry.order > latest:
            return None
        self.remove(entry)
        return entry

    cdef object _sift_up(self, Entry entry, Py_ssize_t index):
        cdef list heap = self._heap
        cdef Py_ssize_t parent_index
        cdef Entry parent
        while index > 0:
            parent_index = (index - 1) >> 2
            parent = <Entry>heap[parent_index]
            if not _before(entry, parent):
                break
            heap[index] = parent
            parent.place = index + 1
            index = parent_index
        heap[index] = entry
        entry.place = index + 1

    cdef object _sift_down(self, Entry entry, Py_ssize_t index):
        cdef list heap = self._heap
        cdef Py_ssize_t size = len(heap)
        cdef Py_ssize_t child_index, least_index, end
        cdef Entry least, child
        while True:
            child_index = 4 * index + 1
            if child_index >= size:
                break
            least = <Entry>heap[child_index]
            least_index = child_index
            end = min(child_index + 4, size)
            child_index += 1
            while child_index < end:
                child = <Entry>heap[child_index]
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


cdef inline bint _before(Entry one, Entry other) noexcept:
    if one.deadline == other.deadline:
        return one.order < other.order
    return one.deadline < other.deadline

# cython: boundscheck=False, wraparound=False
"""`_deadlines.py` in C: a 4-ary heap in which every entry knows its place, so that it can be taken out at once.

Four children a node, because sifting then touches half as many levels; and the deadlines lie in an array of their own, so
that the four to compare are in one cache line.  A cancelled entry is removed, never left to expire: programs set far more
timeouts than ever pass.  No step runs code of anybody else, so nothing can come in between.
"""

from cpython.mem cimport PyMem_Free, PyMem_Realloc

from libc.math cimport INFINITY

from ._entry cimport Entry

cdef enum:
    FEW = 1024  # entries that never make the arrays shrink


cdef class Deadlines:
    """The entries that wait for a moment, the earliest first.  Used by one thread only: its hub's."""

    # _heap and _times are equally long; the first _size places are taken, and the rest of _heap is None.

    def __cinit__(self):
        self._heap = []
        self._times = NULL

    def __dealloc__(self):
        PyMem_Free(self._times)

    def __len__(self):
        return self._size

    def __iter__(self):
        return iter(self._heap[: self._size])

    cpdef object add(self, Entry entry, double deadline):
        """Let *entry* expire at *deadline*.  It must not be here already."""
        while self._size == len(self._heap):
            self._resize(max(16, 2 * self._size))
        entry.deadline = deadline
        self.newest += 1
        entry.order = self.newest
        if not entry.uncounted:
            self.counting += 1
        self._size += 1
        self._sift_up(entry, self._size - 1)

    cpdef object remove(self, Entry entry):
        """Take *entry* out; nothing happens if it is not here."""
        cdef Py_ssize_t index = entry.place - 1
        cdef Entry last
        if index < 0:
            return
        entry.place = 0
        if not entry.uncounted:
            self.counting -= 1
        self._size -= 1
        last = <Entry>self._heap[self._size]
        self._heap[self._size] = None
        if last is not entry:
            if index > 0 and self._before(last, (index - 1) >> 2):
                self._sift_up(last, index)
            else:
                self._sift_down(last, index)
        if len(self._heap) > FEW and 4 * self._size < len(self._heap):
            self._resize(2 * self._size)

    cpdef double first(self) except? -1.0:
        """Return the earliest deadline, infinity if there is none."""
        return self._times[0] if self._size > 0 else INFINITY

    cpdef Entry take_due(self, double now, long long latest=0x3FFFFFFFFFFFFFFF):
        """Remove and return the earliest entry if its deadline is not after *now* and it is no newer than *latest*."""
        cdef Entry entry
        if self._size == 0 or self._times[0] > now:
            return None
        entry = <Entry>self._heap[0]
        if entry.order > latest:
            return None
        self.remove(entry)
        return entry

    cdef int _resize(self, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t length = len(self._heap)
        cdef list more = [None] * (capacity - length)
        cdef void *times
        if len(self._heap) != length:
            return 0  # that list started a collection, and a finalizer has been here meanwhile
        times = PyMem_Realloc(self._times, capacity * sizeof(double))
        if times == NULL:
            raise MemoryError("there is no memory left for another deadline")
        self._times = <double *>times
        if more:
            self._heap.extend(more)
        else:
            del self._heap[capacity:]
        return 0

    cdef bint _before(self, Entry entry, Py_ssize_t index) noexcept:
        """Whether *entry* comes before what is at *index*."""
        if entry.deadline == self._times[index]:
            return entry.order < (<Entry>self._heap[index]).order
        return entry.deadline < self._times[index]

    cdef void _put(self, Entry entry, Py_ssize_t index) noexcept:
        self._heap[index] = entry
        self._times[index] = entry.deadline
        entry.place = index + 1

    cdef void _sift_up(self, Entry entry, Py_ssize_t index) noexcept:
        cdef Py_ssize_t parent
        while index > 0:
            parent = (index - 1) >> 2
            if not self._before(entry, parent):
                break
            self._put(<Entry>self._heap[parent], index)
            index = parent
        self._put(entry, index)

    cdef void _sift_down(self, Entry entry, Py_ssize_t index) noexcept:
        cdef Py_ssize_t child, least, end
        while True:
            least = 4 * index + 1
            if least >= self._size:
                break
            end = min(least + 4, self._size)
            child = least + 1
            while child < end:
                if self._times[child] < self._times[least] or (
                    self._times[child] == self._times[least]
                    and (<Entry>self._heap[child]).order < (<Entry>self._heap[least]).order
                ):
                    least = child
                child += 1
            if self._before(entry, least):
                break
            self._put(<Entry>self._heap[least], index)
            index = least
        self._put(entry, index)

# cython: boundscheck=False, wraparound=False
"""`_ring.py` in C: a circular buffer in a list whose length is a power of two.

A list and not bare memory, so that the garbage collector sees what waits here.  No step below runs foreign code between
reading and writing the counters: what `None` replaces is still held by the caller.
"""

from ._entry cimport Entry
from ._slots cimport empty, fill, size_of
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject


cdef class Ring:
    """A first-in, first-out queue.  Never switches; any thread may call it."""

    def __cinit__(self):
        self._slots = [None] * 4
        self._head = 0
        self._count = 0

    def __len__(self):
        return self._count

    def __bool__(self):
        return self._count > 0

    def __iter__(self):
        cdef Py_ssize_t mask = PyList_GET_SIZE(self._slots) - 1
        return iter([self._slots[(self._head + i) & mask] for i in range(self._count)])

    cpdef object append(self, Entry item):
        if self._count == size_of(<PyObject *>self._slots):
            self._grow()
        fill(
            <PyObject *>self._slots, (self._head + self._count) & (size_of(<PyObject *>self._slots) - 1), <PyObject *>item
        )
        self._count += 1

    cpdef object appendleft(self, Entry item):
        if self._count == size_of(<PyObject *>self._slots):
            self._grow()
        self._head = (self._head - 1) & (size_of(<PyObject *>self._slots) - 1)
        fill(<PyObject *>self._slots, self._head, <PyObject *>item)
        self._count += 1

    cpdef Entry take(self):
        """Remove and return the oldest item, or `None` if there is none."""
        cdef Py_ssize_t head = self._head
        if self._count == 0:
            return None
        self._head = (head + 1) & (size_of(<PyObject *>self._slots) - 1)
        self._count -= 1
        return <Entry>empty(<PyObject *>self._slots, head)

    cpdef object discard(self, Entry item):
        """Remove *item* wherever it is; nothing happens if it is not here."""
        cdef Py_ssize_t mask = PyList_GET_SIZE(self._slots) - 1
        cdef Py_ssize_t i
        for i in range(self._count):
            if self._slots[(self._head + i) & mask] is item:
                break
        else:
            return
        # Those before it move up by one, since who gives up is mostly near the front.
        while i > 0:
            self._slots[(self._head + i) & mask] = self._slots[(self._head + i - 1) & mask]
            i -= 1
        self.take()

    def clear(self):
        """Forget all items."""
        self._count = 0
        self._head = 0
        self._slots = [None] * 4

    cdef int _grow(self) except -1:
        # The new list may start a collection, whose finalizers may append here: look again once it exists.
        cdef Py_ssize_t capacity = PyList_GET_SIZE(self._slots)
        cdef list slots = [None] * (2 * capacity)
        cdef Py_ssize_t i
        if self._count < PyList_GET_SIZE(self._slots):
            return 0
        if PyList_GET_SIZE(self._slots) != capacity:
            return self._grow()
        for i in range(self._count):
            slots[i] = self._slots[(self._head + i) & (capacity - 1)]
        self._slots = slots
        self._head = 0
        return 0

# cython: boundscheck=False, wraparound=False
"""`_items.py` in C: a circular buffer in a list whose length is a power of two.

A list and not bare memory, so that the garbage collector sees what waits here.  No step below runs foreign code between
reading and writing the counters: what `None` replaces is still held by the caller.
"""

from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject
from hublet.core.capi cimport empty, fill, size_of

from ._words import NOTHING as _NOTHING

cdef object NOTHING = _NOTHING


cdef class Items:
    """First in, first out.  Never switches; any thread may use it."""

    def __cinit__(self):
        self._slots = [None] * 8
        self._head = 0
        self._count = 0

    def __len__(self):
        return self._count

    def __bool__(self):
        return self._count > 0

    def __iter__(self):
        cdef Py_ssize_t mask = PyList_GET_SIZE(self._slots) - 1
        return iter([self._slots[(self._head + i) & mask] for i in range(self._count)])

    def __getitem__(self, Py_ssize_t index):
        if index < 0:
            index += self._count
        if not 0 <= index < self._count:
            raise IndexError("there is no such item")
        return self._slots[(self._head + index) & (PyList_GET_SIZE(self._slots) - 1)]

    cdef bint has_any(self) noexcept:
        return self._count > 0

    cpdef object append(self, object item):
        """Add *item* as the newest."""
        if self._count == size_of(<PyObject *>self._slots):
            self._grow()
        fill(
            <PyObject *>self._slots, (self._head + self._count) & (size_of(<PyObject *>self._slots) - 1), <PyObject *>item
        )
        self._count += 1

    cpdef object appendleft(self, object item):
        """Add *item* as the oldest."""
        if self._count == size_of(<PyObject *>self._slots):
            self._grow()
        self._head = (self._head - 1) & (size_of(<PyObject *>self._slots) - 1)
        fill(<PyObject *>self._slots, self._head, <PyObject *>item)
        self._count += 1

    cpdef object take(self):
        """Remove and return the oldest; `NOTHING` if there is none."""
        cdef Py_ssize_t head = self._head
        if self._count == 0:
            return NOTHING
        self._head = (head + 1) & (size_of(<PyObject *>self._slots) - 1)
        self._count -= 1
        return empty(<PyObject *>self._slots, head)

    cpdef object pop(self):
        """Remove and return the newest.  Raises `IndexError` if there is none."""
        cdef Py_ssize_t last
        if self._count == 0:
            raise IndexError("there is no item")
        self._count -= 1
        last = (self._head + self._count) & (size_of(<PyObject *>self._slots) - 1)
        return empty(<PyObject *>self._slots, last)

    cpdef object popleft(self):
        """Remove and return the oldest.  Raises `IndexError` if there is none."""
        if self._count == 0:
            raise IndexError("there is no item")
        return Items.take(self)

    cpdef object discard(self, object item):
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
        Items.take(self)

    cpdef object first(self):
        """Return the oldest without removing it; `NOTHING` if there is none."""
        return NOTHING if self._count == 0 else self._slots[self._head]

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


cdef class Stack(Items):
    """Last in, first out."""

    cpdef object take(self):
        """Remove and return the newest; `NOTHING` if there is none."""
        return NOTHING if self._count == 0 else Items.pop(self)

    cpdef object first(self):
        """Return the newest without removing it; `NOTHING` if there is none."""
        cdef Py_ssize_t last = (self._head + self._count - 1) & (PyList_GET_SIZE(self._slots) - 1)
        return NOTHING if self._count == 0 else self._slots[last]

# cython: boundscheck=False, wraparound=False
"""`_items.py` in C: a circular buffer in a list whose length is a power of two.

A list and not bare memory, so that the garbage collector sees what waits here.  No step below runs foreign code between
reading and writing the counters: what `None` replaces is still held by the caller.
"""

from cpython.list cimport PyList_GET_SIZE

from ._offers import NOTHING as _NOTHING

cdef object NOTHING = _NOTHING


cdef class Items:
    """The items of a queue.  Never switches; any thread may use it."""

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

    cpdef object append(self, object item):
        """Add *item* as the newest."""
        if self._count == PyList_GET_SIZE(self._slots):
            self._grow()
        self._slots[(self._head + self._count) & (PyList_GET_SIZE(self._slots) - 1)] = item
        self._count += 1

    cpdef object take(self):
        """Remove and return the oldest; `NOTHING` if there is none."""
        cdef Py_ssize_t head = self._head
        if self._count == 0:
            return NOTHING
        item = self._slots[head]
        self._head = (head + 1) & (PyList_GET_SIZE(self._slots) - 1)
        self._count -= 1
        self._slots[head] = None
        return item

    def popleft(self):
        """Remove and return the oldest.  Raises `IndexError` if there is none."""
        item = self.take()
        if item is NOTHING:
            raise IndexError("there is no item")
        return item

    cpdef object first(self):
        """Return the oldest without removing it; `NOTHING` if there is none."""
        return NOTHING if self._count == 0 else self._slots[self._head]

    def clear(self):
        """Forget all items."""
        slots = self._slots  # until the counters are right: dropping items may run their finalizers
        self._slots, self._head, self._count = [None] * 8, 0, 0

    def __repr__(self):
        return f"Items({list(self)!r})"

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

cimport cython
from ._entry cimport Entry
from cpython.list cimport PyList_GET_ITEM


@cython.final
cdef class Ring:
    cdef list _slots
    cdef Py_ssize_t _head
    cdef Py_ssize_t _count

    cdef inline bint has_any(self) noexcept:
        return self._count > 0

    cdef inline Entry first(self):
        return None if self._count == 0 else <Entry>PyList_GET_ITEM(self._slots, self._head)

    cpdef object append(self, Entry item)
    cpdef object appendleft(self, Entry item)
    cpdef Entry take(self)
    cpdef object discard(self, Entry item)
    cdef int _grow(self) except -1

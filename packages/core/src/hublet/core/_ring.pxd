cimport cython
from ._entry cimport Entry


@cython.final
cdef class Ring:
    cdef list _slots
    cdef Py_ssize_t _head
    cdef Py_ssize_t _count

    cdef inline bint has_any(self) noexcept:
        return self._count > 0

    cpdef object append(self, Entry item)
    cpdef object appendleft(self, Entry item)
    cpdef Entry take(self)
    cpdef Entry first(self)
    cpdef object discard(self, Entry item)
    cdef int _grow(self) except -1

cimport cython
from ._entry cimport Entry


@cython.final
cdef class Deadlines:
    cdef list _heap
    cdef double *_times
    cdef Py_ssize_t _size
    cdef readonly Py_ssize_t counting
    cdef readonly long long newest

    cpdef object add(self, Entry entry, double deadline)
    cpdef object remove(self, Entry entry)
    cpdef double first(self) except? -1.0
    cpdef Entry take_due(self, double now, long long latest=*)
    cdef int _resize(self, Py_ssize_t capacity) except -1
    cdef bint _before(self, Entry entry, Py_ssize_t index) noexcept
    cdef void _put(self, Entry entry, Py_ssize_t index) noexcept
    cdef void _sift_up(self, Entry entry, Py_ssize_t index) noexcept
    cdef void _sift_down(self, Entry entry, Py_ssize_t index) noexcept

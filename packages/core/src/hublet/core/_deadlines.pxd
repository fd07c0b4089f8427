cimport cython
from ._entry cimport Entry


@cython.final
cdef class Deadlines:
    cdef list _heap
    cdef readonly Py_ssize_t counting
    cdef readonly long long newest

    cpdef object add(self, Entry entry, double deadline)
    cpdef object remove(self, Entry entry)
    cpdef double first(self) except? -1.0
    cpdef Entry take_due(self, double now, long long latest=*)
    cdef object _sift_up(self, Entry entry, Py_ssize_t index)
    cdef object _sift_down(self, Entry entry, Py_ssize_t index)

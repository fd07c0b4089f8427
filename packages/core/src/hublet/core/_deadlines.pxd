cimport cython
from ._entry cimport Entry

@cython.final
cdef class Deadlines:
    cdef list _heap
    cdef long long _order
    cdef public Py_ssize_t counting

    cpdef object add(self, Entry entry, double deadline)
    @cython.locals(index=Py_ssize_t, heap=list, last=Entry, parent=Entry)
    cpdef object remove(self, Entry entry)
    cpdef double first(self) except? -1.0
    @cython.locals(entry=Entry)
    cpdef Entry take_due(self, double now)
    @cython.locals(heap=list, parent_index=Py_ssize_t, parent=Entry)
    cdef object _sift_up(self, Entry entry, Py_ssize_t index)
    @cython.locals(heap=list, size=Py_ssize_t, child_index=Py_ssize_t, least_index=Py_ssize_t, end=Py_ssize_t, least=Entry,
                   child=Entry)
    cdef object _sift_down(self, Entry entry, Py_ssize_t index)


cdef bint _before(Entry one, Entry other) noexcept

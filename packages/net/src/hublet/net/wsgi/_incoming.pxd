from . cimport _wire

cdef class Incoming:
    cdef public bytes data
    cdef public object sock
    cdef public Py_ssize_t start

    cpdef bint fill(self, object timeout) except -1
    cpdef bytes take(self, Py_ssize_t size)

cimport cython

@cython.final
cdef class Probe:
    cdef int _fd
    cdef int _family
    cdef int _is_connected

    cpdef list ways_to(self, list addresses)
    cpdef object close(self)

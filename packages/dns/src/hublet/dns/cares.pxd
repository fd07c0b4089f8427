from ._channel cimport Channel
from ._questions cimport Attempt

cdef Py_ssize_t _generation

cdef class _Sender:
    cdef object _settings
    cdef dict _channels
    cdef object _all
    cdef Py_ssize_t _generation

    cpdef object send(self, Attempt attempt)
    cpdef object close(self)

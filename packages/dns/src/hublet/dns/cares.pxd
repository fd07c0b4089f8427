from ._channel cimport Channel
from ._questions cimport Attempt

cdef Py_ssize_t _MOST_GIVEN_UP, _QUESTIONS_A_PORT, _generation

cdef class _Sender:
    cdef object _settings
    cdef dict _channels
    cdef object _all
    cdef Py_ssize_t _generation

    cpdef object send(self, Attempt attempt)
    cdef Channel _new_channel(self, Attempt attempt, Py_ssize_t questions_a_port)
    cpdef object close(self)

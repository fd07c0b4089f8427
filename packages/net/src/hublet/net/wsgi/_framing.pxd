cimport cython
from ._incoming cimport Incoming
from ._wire cimport Patience

cdef class Body:
    cdef readonly bint finished

    cpdef bytes read(self, Py_ssize_t size)
    cpdef object known_rest(self)

cdef class NoBody(Body):
    pass

cdef class _Arriving(Body):
    cdef object _failure
    cdef Incoming _incoming
    cdef object _limits
    cdef Patience _patience

    cpdef bytes read(self, Py_ssize_t size)
    cdef bytes _read(self, Py_ssize_t size)
    cdef object _fill(self)

cdef class LengthBody(_Arriving):
    cdef long long _left

    cdef bytes _read(self, Py_ssize_t size)

cdef class ChunkedBody(_Arriving):
    cdef object _left
    cdef bint _started
    cdef object _total

    cdef bytes _read(self, Py_ssize_t size)
    cdef bint _begin_chunk(self) except -1
    cdef object _skip_trailer(self)
    @cython.locals(incoming=Incoming)
    cdef bytes _line(self, Py_ssize_t longest, object refusal=*)

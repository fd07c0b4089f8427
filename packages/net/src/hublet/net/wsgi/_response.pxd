cimport cython
from . cimport _clock, _fields, _wire
from ._fields cimport ResponseHead
from ._wire cimport Patience

cdef Py_ssize_t _JOINED

cdef class Response:
    cdef bint _bodiless
    cdef bint _chunked
    cdef long long _declared
    cdef ResponseHead _head
    cdef bint _head_only
    cdef bint _http11
    cdef Patience _patience
    cdef object _server
    cdef object _sock
    cdef public bint ended
    cdef public bint keep_alive
    cdef public long long sent
    cdef public bint started
    cdef public object status

    cpdef object send_result(self, object result)
    cdef object _send_list(self, object pieces)
    cpdef object end(self)
    cpdef bint has_room_for_file(self)
    cpdef object begin_file(self, long long total)
    cpdef object send_error(self, str status, str why)
    cdef ResponseHead _take_head(self)
    cdef object _send_first(self, object data, Py_ssize_t size, long long total)
    cdef bytes _finish_head(self, ResponseHead head, long long total)
    cdef object _check_room(self, Py_ssize_t size)

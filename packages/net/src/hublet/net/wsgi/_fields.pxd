cimport cython
from . cimport _scan

cdef int _PLAIN, _LENGTH, _DATE, _CONNECTION, _DROPPED, _FORBIDDEN
cdef dict _statuses, _kinds

cdef class ResponseHead:
    cdef readonly int code
    cdef readonly bytes text
    cdef readonly long long length
    cdef readonly bint dated
    cdef readonly str connection

@cython.locals(head=ResponseHead, lines=list, text=bytes)
cpdef ResponseHead write_head(object status, object headers)
cdef bint _apply(ResponseHead head, int kind, object name, object value) except -1

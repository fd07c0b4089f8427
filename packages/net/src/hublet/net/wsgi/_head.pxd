cimport cython
from . cimport _scan
from ._incoming cimport Incoming

cdef dict _keys, _methods, _versions
cdef set _hosts
cdef frozenset _ONCE
cdef bytes _HOST_BYTES

cdef class Head:
    cdef readonly dict fields
    cdef readonly bint http11
    cdef readonly bint keep_alive
    cdef readonly long long length
    cdef readonly bytes line
    cdef readonly str method
    cdef readonly str path
    cdef readonly str query
    cdef readonly str target
    cdef readonly bint waits
    cdef readonly bint wants_upgrade

cdef class HeadParser:
    cdef dict _fields
    cdef object _limits
    cdef object _parser
    cdef object _refusal
    cdef Py_ssize_t _header_bytes, _header_count, _request_line

    @cython.locals(data=bytes, start=Py_ssize_t, end=Py_ssize_t, size=Py_ssize_t, line_end=Py_ssize_t)
    cpdef Py_ssize_t find_end(self, Incoming incoming, Py_ssize_t looked) except -2
    @cython.locals(line_end=Py_ssize_t, lines=Py_ssize_t)
    cpdef Head parse(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(key=str, text=str, fields=dict)
    cpdef object on_header(self, bytes name, bytes value)
    @cython.locals(method=bytes, target=bytes, version=bytes)
    cdef object _read_request_line(self, Head head, bytes line)
    @cython.locals(path=bytes, query=bytes)
    cdef object _read_target(self, Head head, bytes method, bytes target)
    @cython.locals(fields=dict)
    cdef object _read_fields(self, Head head, bytes data, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(fields=dict)
    cdef object _read_framing(self, Head head)

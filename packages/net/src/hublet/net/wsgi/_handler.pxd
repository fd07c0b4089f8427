cimport cython
from . cimport _clock, _wire
from ._framing cimport Body
from ._head cimport Head, HeadParser
from ._incoming cimport Incoming
from ._input cimport Input
from ._response cimport Response
from ._wire cimport Patience

cdef object _time
cdef dict _ESCAPED

cdef class WSGIHandler:
    cdef public object socket
    cdef public object client_address
    cdef public object server
    cdef public object application
    cdef public object environ
    cdef public object requestline
    cdef public object status
    cdef public long long response_length
    cdef public double time_start
    cdef public bint idle
    cdef public int requests
    cdef readonly Response response
    cdef readonly object upgrade
    cdef object _limits
    cdef Incoming _incoming
    cdef HeadParser _parser
    cdef Patience _patience
    cdef object _base
    cdef Head _head
    cdef Input _input
    cdef bint _may_keep
    cdef bint _gone
    cdef bint _must_linger

    @cython.locals(head=Head, body=Body, response=Response)
    cpdef bint handle_one_request(self) except -1
    @cython.locals(incoming=Incoming, looked=Py_ssize_t, end=Py_ssize_t, may_skip=bint, head=Head)
    cdef Head _read_head(self)
    cdef Body _make_body(self, Head head)
    cdef bint _discard(self, Body body) except -1
    @cython.locals(response=Response)
    cdef Response _respond(self, Head head, Body body)
    @cython.locals(response=Response)
    cpdef object run_application(self)
    @cython.locals(response=Response)
    cdef object _give_up(self, str status, str why)
    @cython.locals(response=Response, incoming=Incoming)
    cdef object _refuse(self, object refusal)
    cdef object _connection_environ(self)
    @cython.locals(head=Head)
    cpdef object get_environ(self)
    @cython.locals(head=Head)
    cpdef object log_request(self)
    cpdef str format_request(self)
    @cython.locals(head=Head)
    cpdef object log_error(self)

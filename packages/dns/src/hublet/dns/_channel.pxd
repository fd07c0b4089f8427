cimport cython
from ._answers cimport Answer
from ._cares cimport CAresChannel
from ._questions cimport Attempt, Question

# Looked up once, when the module is loaded, instead of at each use.
cdef object NOBODY, Waiter, deadline_in, forget_fd, get_hub, handle_for, spawn_raw
cdef int TIMED_OUT
cdef double inf, _TOLERANCE

cdef class Channel:
    cdef object __weakref__
    cdef public bint is_closed
    cdef public Py_ssize_t given_up
    cdef Py_ssize_t _wanted
    cdef bint _is_shared
    cdef object _server
    cdef dict _sockets
    cdef dict _handles
    cdef bint _is_flushing
    cdef bint _is_driven
    cdef bint _is_changed
    cdef object _waiter
    cdef double _deadline
    cdef CAresChannel _cares

    @cython.locals(question=Question)
    cpdef object send(self, Attempt attempt)
    cpdef object answered(self, Attempt attempt, Question question, int status, Answer answer)
    cpdef object _abandon(self, Attempt attempt)
    cdef object _forget_all(self)
    cdef object _flush_soon(self)
    cpdef object _flush(self)
    cdef object _see_to_it(self)
    cdef double _next_deadline(self) except? -1
    @cython.locals(deadline=double)
    cpdef object _drive(self)
    @cython.locals(waited=list, ready=list)
    cdef list _wait(self, double deadline)
    cpdef object socket_changed(self, int fd, int reads, int writes)
    cpdef object close(self)

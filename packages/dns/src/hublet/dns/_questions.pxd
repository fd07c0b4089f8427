cimport cython
from ._answers cimport Answer
from ._resolv_conf cimport Settings

# Of strings, numbers and tuples of strings: no cycle can go through it.
@cython.final
@cython.no_gc
cdef class Question:
    cdef public str name
    cdef public str kind
    cdef public Answer answer

    cpdef bint is_open(self) except -1

cdef class Attempt:
    cdef public object flight
    cdef public list questions
    cdef public object server
    cdef public Settings settings
    cdef public bint is_alone
    cdef public bint is_disturbed
    cdef public bint is_over
    cdef public object error
    cdef public Py_ssize_t pending
    cdef public object on_finish
    cdef public object interrupt

    cpdef object finish(self, object error=*)
    cpdef object end(self)

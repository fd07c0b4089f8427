cimport cython
cdef object _HOSTNAME

# Of strings, numbers and tuples of strings: no cycle can go through it.
@cython.final
@cython.no_gc
cdef class Answer:
    cdef public int status
    cdef public object name
    cdef public tuple aliases
    cdef public tuple values
    cdef public bint is_final
    cdef public bint is_timeout
    cdef public double ttl

cpdef bint is_hostname(str name) except -1

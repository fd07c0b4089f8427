cimport cython
from ._watched cimport Watched

# Of tuples of strings and numbers: no cycle can go through it.
@cython.final
@cython.no_gc
cdef class Settings:
    cdef public tuple servers
    cdef public tuple search
    cdef public Py_ssize_t ndots
    cdef public double timeout
    cdef public Py_ssize_t attempts
    cdef public bint rotate
    cdef public bint use_tcp
    cdef public bint edns

cdef class ResolvConf:
    cdef dict _fixed
    cdef Watched _file

    cpdef Settings get(self)

cimport cython
from ._watched cimport Watched

# Of strings and lists of strings: no cycle can go through it.
@cython.final
@cython.no_gc
cdef class Host:
    cdef public str name
    cdef public list aliases
    cdef public list addresses

    cpdef tuple as_tuple(self)

cdef class _Table:
    cdef public list lines
    cdef public dict by_name

cdef class Hosts:
    cdef Watched _file

    @cython.locals(table=_Table, found=Host)
    cpdef Host by_name(self, str name, int family)
    cpdef Host by_address(self, str address)

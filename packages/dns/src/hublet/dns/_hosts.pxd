cimport cython
from ._watched cimport Watched

cdef class _Table:
    cdef public list lines
    cdef public dict by_name

cdef class Hosts:
    cdef Watched _file

    @cython.locals(table=_Table)
    cpdef object by_name(self, str name, int family)
    cpdef object by_address(self, str address)

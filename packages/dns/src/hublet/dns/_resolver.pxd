cimport cython
from ._answers cimport Answer
from ._arguments cimport row_with, templates_for
from ._hostname cimport plain_name
from ._hosts cimport Host, Hosts
from ._names cimport Names
from ._order cimport Order
from ._search cimport search

cdef object AF_INET, AF_INET6, AF_UNSPEC, _EAI_NONAME, _KINDS
cdef int _V4MAPPED, _ALL

cdef class NetworkResolver:
    cdef public Hosts _hosts
    cdef public Names _names
    cdef Order _order

    cdef Host _host_of(self, str name, object family, bint wants_v4, bint wants_v6, int flags)
    cdef Host _look_up_mapped(self, str name, bint wants_all)
    @cython.locals(answers=list, answer=Answer, named=Answer, addresses=list, known=Host)
    cdef Host _look_up(self, str name, object family, object nowhere=*)
    cdef object _first_address(self, str name, object family)
    @cython.locals(answer=Answer, known=Host)
    cdef Host _name_of(self, str address)
    cdef object _own_domain(self)

cdef bint _is_localhost(str name) except -1

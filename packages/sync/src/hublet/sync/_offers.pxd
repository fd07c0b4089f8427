cimport cython
from ._items cimport Items

# Looked up once, when the module is loaded, instead of at each use.
cdef object NOTHING, Waiter

cdef class Offer:
    cdef readonly object waiter
    cdef readonly object item
    cdef public bint placed

    @cython.locals(claimed=bint)
    cdef bint park(self, Offers offers, object deadline) except -1

@cython.final
cdef class Offers:
    cdef Items _line

    cdef object add(self, Offer offer, bint ahead=*)
    cdef object withdraw(self, Offer offer)
    cdef Offer claim(self, object word)

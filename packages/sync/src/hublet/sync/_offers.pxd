cimport cython
from hublet.core.capi cimport Waiter, make_waiter
from ._items cimport Items

# Looked up once, when the module is loaded, instead of at each use.
cdef object NOTHING

cdef class Offer:
    cdef readonly Waiter waiter
    cdef readonly object item
    cdef public bint placed

    @cython.locals(claimed=bint)
    cdef bint park(self, Offers offers, object deadline) except -1

@cython.final
cdef class Offers:
    cdef Items _line

    cdef bint has_any(self) noexcept
    cdef object add(self, Offer offer, bint ahead=*)
    cdef object withdraw(self, Offer offer)
    @cython.locals(offer=Offer)
    cdef Offer claim(self, object word)

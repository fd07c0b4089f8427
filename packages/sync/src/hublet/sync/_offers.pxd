cdef class Offer:
    cdef readonly object waiter
    cdef readonly object item
    cdef public bint placed

    cdef bint park(self, Offers offers, object deadline) except -1

cdef class Offers:
    cdef object _line

    cdef object add(self, Offer offer, bint ahead=*)
    cdef object withdraw(self, Offer offer)
    cdef Offer claim(self, object word)

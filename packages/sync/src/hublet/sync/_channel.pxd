cimport cython
from ._offers cimport Offer, Offers

# Looked up once, when the module is loaded, instead of at each use.
cdef object Empty, Full, ShutDown, LOOK, TAKEN, ParkingLot, Waiter, deadline_in, get_hub_if_exists, getcurrent, yield_now

cdef class Channel:
    cdef object __weakref__
    cdef object _getters
    cdef Offers _putters
    cdef public bint is_shutdown

    @cython.locals(offer=Offer)
    cpdef object put(self, object item, bint block=*, object timeout=*)
    @cython.locals(offer=Offer)
    cpdef object get(self, bint block=*, object timeout=*)
    cdef object _end(self)

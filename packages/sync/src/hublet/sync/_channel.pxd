cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, deadline_in, getcurrent, make_waiter, recycle, yield_now
from ._offers cimport Offer, Offers

# Looked up once, when the module is loaded, instead of at each use.
cdef object Empty, Full, ShutDown, LOOK, TAKEN, get_hub_if_exists

cdef class Channel:
    cdef object __weakref__
    cdef ParkingLot _getters
    cdef Offers _putters
    cdef public bint is_shutdown

    @cython.locals(offer=Offer)
    cpdef object put(self, object item, bint block=*, object timeout=*)
    @cython.locals(offer=Offer, waiter=Waiter)
    cpdef object get(self, bint block=*, object timeout=*)
    cdef object _end(self)

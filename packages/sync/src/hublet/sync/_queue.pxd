cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, deadline_in, make_waiter, recycle, yield_now
from ._offers cimport Offer, Offers
from ._store cimport Store

# Looked up once, when the module is loaded, instead of at each use.
cdef object Empty, Full, LOOK, NOTHING, ShutDown, TAKEN, ceil

cdef Py_ssize_t _ENDLESS

cdef Py_ssize_t _whole(object maxsize) except? -1

cdef class Queue(Store):
    cdef public object _audience
    cdef bint _drops
    cdef ParkingLot _getters
    cdef bint _hands_over
    cdef ParkingLot _joiners
    cdef Py_ssize_t _maxsize
    cdef bint _peeked
    cdef ParkingLot _peekers
    cdef Offers _putters
    cdef Py_ssize_t _room
    cdef public bint is_shutdown

    cpdef object put(self, object item, bint block=*, object timeout=*)
    cpdef object put_nowait(self, object item)
    cdef bint _try_to_put(self, object item) except -1
    @cython.locals(room=Py_ssize_t)
    cdef bint _claim_room(self) except -1
    @cython.locals(offer=Offer)
    cdef object _wait_for_room(self, object item, object deadline)
    cdef object _look_for_room(self)
    @cython.locals(offer=Offer)
    cdef object _fill_room(self)
    cpdef object get(self, bint block=*, object timeout=*)
    cpdef object get_nowait(self)
    cdef object _take(self)
    cdef object _draw_and_tell(self)
    @cython.locals(waiter=Waiter)
    cdef object _wait_for_item(self, object timeout)
    cdef object _end(self)
    cpdef object _look_again(self)
    @cython.locals(unfinished=Py_ssize_t)
    cdef bint _finish_one(self) except -1
    cdef object _count_room(self)
    cpdef object _add_room(self, Py_ssize_t more)
    cpdef object _describe(self, bint with_items=*)
    cpdef bint full(self) except -1

cdef class UnboundQueue(Queue):
    pass

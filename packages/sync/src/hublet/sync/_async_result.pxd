cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, deadline_in, make_waiter, recycle

# Looked up once, when the module is loaded, instead of at each use.
cdef object Timeout

cdef object _NONE

cdef class AsyncResult:
    cdef object __weakref__
    cdef object _value
    cdef tuple _failure
    cdef Waiter _first
    cdef list _links
    cdef ParkingLot _others

    cpdef object set_exception(self, object exception, object exc_info=*)
    @cython.locals(first=Waiter, others=ParkingLot)
    cdef object _notify(self)
    cdef int _raise(self) except -1
    @cython.locals(waiter=Waiter, in_time=bint)
    cdef bint _park(self, object timeout) except -1
    @cython.locals(others=ParkingLot, together=ParkingLot)
    cdef int _line_up(self, Waiter waiter) except -1
    cpdef bint ready(self) except -1
    cpdef bint successful(self) except -1

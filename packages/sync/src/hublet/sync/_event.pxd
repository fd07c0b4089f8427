cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, deadline_in, make_waiter, recycle
cdef class Event:
    cdef object __weakref__
    cdef bint _flag
    cdef ParkingLot _line
    cdef list _links

    cpdef bint is_set(self)
    cpdef object set(self)
    @cython.locals(waiter=Waiter, in_time=bint)
    cpdef bint wait(self, object timeout=*) except -1

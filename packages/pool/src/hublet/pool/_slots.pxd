cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, make_waiter, recycle

cdef class Slots:
    cdef public Py_ssize_t free
    cdef ParkingLot _line
    cdef ParkingLot _watchers

    @cython.locals(free=Py_ssize_t)
    cpdef bint take(self) except -1
    @cython.locals(waiter=Waiter, in_time=bint)
    cpdef bint wait_and_take(self, object deadline, object reason) except -1
    @cython.locals(waiter=Waiter)
    cpdef Py_ssize_t wait(self, object deadline, object reason) except -1
    cpdef object give(self)
    cpdef object resize(self, Py_ssize_t more)
    cdef int _settle(self) except -1

cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, make_waiter, recycle

cdef class Tokens:
    cdef Py_ssize_t _free
    cdef Py_ssize_t _bound
    cdef ParkingLot _line
    cdef list _links
    cdef object __weakref__

    @cython.locals(free=Py_ssize_t)
    cdef bint _take(self) except -1
    @cython.locals(waiter=Waiter, in_time=bint)
    cdef bint _wait(self, object deadline) except -1
    @cython.locals(free=Py_ssize_t)
    cdef bint _give(self) except -1
    cdef int _settle(self) except -1
    cpdef object _take_back(self, object value)

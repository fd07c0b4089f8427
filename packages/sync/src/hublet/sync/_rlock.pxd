cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, getcurrent, make_waiter, recycle
from ._native cimport address

# Looked up once, when the module is loaded, instead of at each use.
cdef object lock_deadline

cdef object _FOREVER
cdef size_t _NEXT

cdef class RLock:
    cdef object __weakref__
    cdef size_t _owner
    cdef Py_ssize_t _again
    cdef ParkingLot _line

    @cython.locals(me=size_t)
    cpdef bint acquire(self, bint blocking=*, object timeout=*) except -1
    @cython.locals(owner=size_t)
    cdef bint _take(self, size_t who) except -1
    @cython.locals(waiter=Waiter, in_time=bint)
    cdef bint _wait(self, size_t me, object deadline) except -1
    cdef int _settle(self) except -1
    cpdef object _take_back(self, object value)
    cpdef object release(self)

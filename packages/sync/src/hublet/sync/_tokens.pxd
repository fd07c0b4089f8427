cimport cython

# Looked up once, when the module is loaded, instead of at each use.
cdef object ParkingLot, Waiter

cdef class Tokens:
    cdef Py_ssize_t _free
    cdef Py_ssize_t _bound
    cdef object _line
    cdef list _links
    cdef object __weakref__

    @cython.locals(free=Py_ssize_t)
    cdef bint _take(self) except -1
    cdef bint _wait(self, object deadline) except -1
    @cython.locals(free=Py_ssize_t)
    cdef bint _give(self) except -1
    cdef int _settle(self) except -1

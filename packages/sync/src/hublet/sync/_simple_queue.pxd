cimport cython
from hublet.core.capi cimport ParkingLot, Waiter, deadline_in, make_waiter, recycle
from ._items cimport Items

# Looked up once, when the module is loaded, instead of at each use.
cdef object Empty, LOOK, NOTHING

cdef class SimpleQueue:
    cdef object __weakref__
    cdef ParkingLot _getters
    cdef Items _items
    cdef bint _peeked
    cdef ParkingLot _peekers

    cpdef object put(self, object item, bint block=*, object timeout=*)
    @cython.locals(waiter=Waiter)
    cpdef object get(self, bint block=*, object timeout=*)
    @cython.locals(waiter=Waiter)
    cpdef object peek(self, bint block=*, object timeout=*)

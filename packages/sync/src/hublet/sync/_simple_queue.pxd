from ._items cimport Items

# Looked up once, when the module is loaded, instead of at each use.
cdef object Empty, LOOK, NOTHING, ParkingLot, Waiter, deadline_in

cdef class SimpleQueue:
    cdef object __weakref__
    cdef object _getters
    cdef Items _items

    cpdef object put(self, object item, bint block=*, object timeout=*)
    cpdef object get(self, bint block=*, object timeout=*)

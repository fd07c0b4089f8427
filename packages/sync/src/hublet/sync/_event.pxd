# Looked up once, when the module is loaded, instead of at each use.
cdef object ParkingLot, Waiter, deadline_in

cdef class Event:
    cdef object __weakref__
    cdef bint _flag
    cdef object _line
    cdef list _links

    cpdef bint is_set(self)
    cpdef object set(self)
    cpdef bint wait(self, object timeout=*) except -1

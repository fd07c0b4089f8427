from hublet.core.capi cimport ParkingLot, deadline_in, make_waiter, recycle

cdef class Event:
    cdef object __weakref__
    cdef bint _flag
    cdef ParkingLot _line
    cdef list _links

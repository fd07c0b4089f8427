cimport cython
from hublet.core.capi cimport Greenlet, Listener, ParkingLot, make_greenlet

from ._mapping cimport Mapping


cdef class Leaving(Listener):
    cdef object _group

    @cython.locals(group=Group)
    cdef object hear(self, object source)


cdef class Group(Mapping):
    cdef dict __dict__
    cdef object __weakref__
    cdef public set greenlets
    cdef public set dying
    cdef ParkingLot _joiners
    cdef Leaving _leaving
    cdef bint _is_plain
    cdef bint _hears

    cdef object _admit(self, object greenlet)
    @cython.locals(ours=Greenlet)
    cdef object _listen_to(self, object greenlet)
    cpdef object _discard(self, object greenlet)
    @cython.locals(ours=Greenlet)
    cdef object _forget(self, object greenlet)
    cdef object _take_room(self, bint blocking, object timeout)
    cdef object _freed(self)

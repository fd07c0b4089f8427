from ._mapping cimport Mapping

cdef class Group(Mapping):
    cdef dict __dict__
    cdef object __weakref__
    cdef public set greenlets
    cdef public set dying
    cdef object _joiners
    cdef object _leave

    cdef object _admit(self, object greenlet)
    cpdef object _discard(self, object greenlet)
    cdef object _freed(self)

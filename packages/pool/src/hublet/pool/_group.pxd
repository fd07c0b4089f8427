from ._mapping cimport Mapping

cdef class Group(Mapping):
    cdef dict __dict__
    cdef object __weakref__
    cdef public set greenlets
    cdef public set dying
    cdef object _joiners
    cdef object _leave

    cpdef object _discard(self, object greenlet)
    cpdef object _freed(self)

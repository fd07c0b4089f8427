from ._group cimport Group
from ._slots cimport Slots

cdef class Pool(Group):
    cdef public object size
    cdef Slots _slots

    cpdef object add(self, object greenlet, bint blocking=*, object timeout=*)
    cpdef object _freed(self)

from ._group cimport Group
from ._slots cimport Slots

cdef class Pool(Group):
    cdef public object size
    cdef Slots _slots

    cdef object _take_room(self, bint blocking, object timeout)
    cdef object _freed(self)

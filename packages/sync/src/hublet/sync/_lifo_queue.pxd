from ._queue cimport Queue

cdef class LifoQueue(Queue):
    cpdef object _get(self)
    cpdef object _peek(self)

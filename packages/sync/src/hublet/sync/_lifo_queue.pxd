from ._queue cimport Queue

cdef class LifoQueue(Queue):
    pass

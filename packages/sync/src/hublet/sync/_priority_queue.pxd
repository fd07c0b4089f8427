from ._queue cimport Queue

cdef class PriorityQueue(Queue):
    pass

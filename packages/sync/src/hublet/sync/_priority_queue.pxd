from ._queue cimport Queue

# Looked up once, when the module is loaded, instead of at each use.
cdef object heappop, heappush

cdef class PriorityQueue(Queue):
    cpdef object _put(self, object item)
    cpdef object _get(self)

from ._heap cimport heappop, heappush
from ._queue cimport Queue

cdef class PriorityQueue(Queue):
    cpdef object _put(self, object item)
    cpdef object _get(self)

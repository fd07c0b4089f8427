cdef class Items:
    cdef list _slots
    cdef Py_ssize_t _head
    cdef Py_ssize_t _count

    cdef bint has_any(self) noexcept
    cpdef object append(self, object item)
    cpdef object appendleft(self, object item)
    cpdef object take(self)
    cpdef object pop(self)
    cpdef object popleft(self)
    cpdef object discard(self, object item)
    cpdef object first(self)
    cdef int _grow(self) except -1

cdef class Stack(Items):
    pass

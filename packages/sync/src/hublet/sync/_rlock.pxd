

cdef object _FOREVER
cdef object _NEXT

cdef class RLock:
    cdef object __weakref__
    cdef object _owner
    cdef Py_ssize_t _again
    cdef object _line

    cpdef bint acquire(self, bint blocking=*, object timeout=*) except -1
    cdef bint _take(self, object who) except -1
    cdef bint _wait(self, object me, object deadline) except -1
    cdef int _settle(self) except -1
    cpdef object release(self)

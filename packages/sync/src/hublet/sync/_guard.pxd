cimport cython

cdef class Guard:
    cdef object _queue
    cdef size_t _inside
    cdef object _late

    @cython.locals(me=size_t, inside=size_t)
    cdef bint _enter(self) except -1
    cdef object _leave(self)
    cdef bint put(self, object item, Py_ssize_t maxsize) except -1
    cdef object get(self)
    cdef object peek(self)
    cdef bint has_items(self) except -1

cimport cython

# A C variable: a global name would be looked up at each use.
cdef Py_ssize_t _MANY

cdef class Mapping:
    @cython.locals(calls=list, taken=Py_ssize_t, i=Py_ssize_t)
    cpdef object map(self, object func, object iterable)

from cpython.object cimport PyObject

cdef class _Spaces:
    cdef object __weakref__
    cdef tuple args
    cdef dict kwargs
    cdef dict all
    cdef PyObject *latest
    cdef dict latest_values

    cpdef object forget(self, size_t key)
    cdef list open(self, size_t key)

cdef class local:
    cdef object __weakref__
    cdef _Spaces _spaces

    cdef dict _come(self, size_t key)

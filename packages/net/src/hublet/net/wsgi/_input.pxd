from ._framing cimport Body

cdef class Input:
    cdef Py_ssize_t _at
    cdef Body _body
    cdef bytes _kept
    cdef object _on_first_read

    cdef bytes _more(self, Py_ssize_t size)
    cpdef bytes read(self, object size=*)
    cpdef bytes readline(self, object size=*)

from ._file_state cimport FileState

cdef class Watched:
    cdef public object path
    cdef public Py_ssize_t version
    cdef object _parse
    cdef FileState _state
    cdef object _value

    cpdef object get(self)
    cdef object _read(self)

from ._watched cimport Watched

cdef class ResolvConf:
    cdef dict _fixed
    cdef Watched _file

    cpdef object get(self)

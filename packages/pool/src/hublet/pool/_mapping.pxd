cdef class Mapping:
    pass

cdef class FileState:
    cdef bytes _path
    cdef bint _is_known
    cdef unsigned long long _inode
    cdef long long _size
    cdef long long _seconds
    cdef long long _nanoseconds

    cpdef bint changed(self)

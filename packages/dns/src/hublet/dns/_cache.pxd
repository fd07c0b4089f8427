cdef object deadline_in
cdef double _LONGEST

cdef class Cache:
    cdef public Py_ssize_t size
    cdef public Py_ssize_t hits
    cdef public Py_ssize_t misses
    cdef object _values

    cpdef object get(self, object key)
    cpdef object put(self, object key, object value, double ttl)
    cpdef object clear(self)

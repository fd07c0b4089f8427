cdef object _HOSTNAME

cdef class Answer:
    cdef public int status
    cdef public object name
    cdef public tuple aliases
    cdef public tuple values
    cdef public bint is_final
    cdef public bint is_timeout
    cdef public double ttl

cpdef bint is_hostname(str name) except -1

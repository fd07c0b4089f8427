cdef object _PLAIN, _NO_SERVICE
cdef int _ADDRCONFIG

cpdef object plain_name(object host)
cpdef object templates_for(object port, object family, object type, object proto, object flags)
cpdef tuple row_like(tuple template, str address)

cimport cython

cdef object _NO_SERVICE
cdef int _ADDRCONFIG, AF_INET6

cpdef object templates_for(object port, object family, object type, object proto, object flags)
@cython.locals(head=tuple, tail=tuple)
cpdef tuple row_with(tuple template, str address)

cdef int _MORE
cdef Py_ssize_t _JOINED
cdef object deadline_in, plain

cdef class Patience:
    cdef double _began
    cdef double _waited
    cdef public long long moved
    cdef public object rate
    cdef public object timeout

    cpdef object restart(self)
    cpdef object begin(self)
    cpdef object end(self, long long moved)

cpdef bint is_plain(object sock)
cpdef object set_timeout(object sock, object timeout)
cpdef object send(object sock, object data, Patience patience, int flags=*)
cpdef object send_pieces(object sock, object pieces, Patience patience)

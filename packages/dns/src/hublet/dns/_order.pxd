cimport cython

cdef bytes _MAPPED, _ZEROS
cdef double _FRESH
cdef Py_ssize_t _MOST

cdef class Order:
    cdef object _probe
    cdef dict _known
    cdef double _expires

    cpdef list best_first(self, list addresses)

@cython.locals(
    scope=int, policy=int, precedence=int, label=int, is_unusable=int, has_other_scope=int, has_other_label=int, common=int
)
cdef int _badness(bytes destination, object source) except -1
cdef int _scope(bytes packed) except -1
cdef int _policy(bytes packed) except -1
cdef int _common_bits(bytes destination, bytes source) except -1

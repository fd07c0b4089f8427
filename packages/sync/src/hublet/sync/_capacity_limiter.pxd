from ._tokens cimport Tokens

cdef class CapacityLimiter(Tokens):
    cdef object _total
    cdef dict _loans

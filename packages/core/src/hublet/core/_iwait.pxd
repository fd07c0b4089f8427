from . cimport _park
from ._park cimport Waiter, deadline_in

cdef class IWait:
    cdef dict _pending
    cdef Py_ssize_t _left
    cdef object _deadline
    cdef list _ready
    cdef Py_ssize_t _given
    cdef Waiter _waiting

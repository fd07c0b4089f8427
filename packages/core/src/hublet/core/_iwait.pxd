cimport cython
from . cimport _park
from ._entry cimport Listener
from ._greenlet cimport Greenlet
from ._park cimport Waiter, deadline_in

cdef class IWait(Listener):
    cdef list _greenlets
    cdef dict _linked
    cdef list _ready
    cdef Py_ssize_t _given
    cdef Py_ssize_t _left
    cdef object _deadline
    cdef Waiter _waiting

    @cython.locals(greenlet=Greenlet)
    cdef object _add(self, object each)
    cpdef object hear(self, object source)
    cpdef object close(self)
    @cython.locals(greenlet=Greenlet)
    cdef object _leave_greenlets(self)
    @cython.locals(greenlet=Greenlet)
    cdef list _pending_greenlets(self)

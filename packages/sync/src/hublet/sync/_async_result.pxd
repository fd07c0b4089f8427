cimport cython
from hublet.core.capi cimport Waiter, deadline_in, make_waiter, recycle

# Looked up once, when the module is loaded, instead of at each use.
cdef object Timeout

cdef object _NONE

cdef class AsyncResult:
    cdef object __weakref__
    cdef object _value
    cdef tuple _failure
    cdef list _links
    cdef list _waiting

    cpdef object set(self, object value=*)
    cpdef object set_exception(self, object exception, object exc_info=*)
    @cython.locals(waiter=Waiter, waiting=list)
    cdef object _notify(self)
    cpdef object get(self, bint block=*, object timeout=*)
    @cython.locals(waiter=Waiter, waiting=list, together=list, in_time=bint)
    cdef bint _park(self, object timeout) except -1
    cpdef bint ready(self)
    cpdef bint successful(self)

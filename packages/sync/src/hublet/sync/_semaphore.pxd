from hublet.core.capi cimport deadline_in, make_waiter
from ._tokens cimport Tokens

cdef class Semaphore(Tokens):
    cpdef bint ready(self) except -1
    cpdef bint locked(self) except -1
    cpdef bint acquire(self, bint blocking=*, object timeout=*) except -1
    cdef bint _acquire_within(self, object timeout, bint blocking) except -1
    cpdef object release(self, Py_ssize_t n=*)
    cdef int _release_many(self, Py_ssize_t n) except -1

cdef class BoundedSemaphore(Semaphore):
    pass

cdef class DummySemaphore:
    cdef object __weakref__

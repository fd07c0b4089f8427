cimport cython
from hublet.core.capi cimport deadline_in
from ._tokens cimport Tokens

cdef object _FOREVER
cpdef object lock_deadline(bint blocking, object timeout)

cdef class Lock(Tokens):
    cpdef bint acquire(self, bint blocking=*, object timeout=*) except -1
    cpdef object release(self)

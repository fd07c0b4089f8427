cimport cython
from ._tokens cimport Tokens

# Looked up once, when the module is loaded, instead of at each use.
cdef object deadline_in

cdef object _FOREVER
cpdef object lock_deadline(bint blocking, object timeout)

cdef class Lock(Tokens):
    cpdef bint acquire(self, bint blocking=*, object timeout=*) except -1
    cpdef object release(self)

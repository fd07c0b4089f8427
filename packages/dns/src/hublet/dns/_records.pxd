cimport cython
from ._answers cimport Answer
from ._hostname cimport is_hostname

cdef double _LONGEST

# Of strings, numbers and tuples of strings: no cycle can go through it.
@cython.final
@cython.no_gc
cdef class Record:
    cdef public str owner
    cdef public str kind
    cdef public double ttl
    cdef public str value

cpdef double shorter(double ttl, double other)
@cython.locals(owner=str, names=list, values=list, ttl=double, alias=Record, record=Record)
cpdef Answer answer_from(str name, str kind, list records, double negative_ttl, bint exists=*)

from ._outbox cimport Outbox
from ._questions cimport Attempt, Question

cdef class CAresChannel:
    cdef void *_pointer
    cdef Outbox _outbox
    cdef int _depth
    cdef bint _is_doomed

    cpdef object ask(self, object owner, Attempt attempt, Question question)
    cpdef object process(self, int reader=*, int writer=*)
    cpdef bint is_holding(self)
    cpdef bint flush(self) except -1
    cpdef object timeout(self)
    cpdef object cancel(self)
    cpdef object destroy(self)
    cdef object _returned(self)

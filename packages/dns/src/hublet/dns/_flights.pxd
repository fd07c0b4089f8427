cimport cython
from ._answers cimport Answer
from ._questions cimport Attempt, Question
from ._resolv_conf cimport Settings

# Looked up once, when the module is loaded, instead of at each use.
cdef Answer _SILENCE
cdef object InvalidThreadUseError, ParkingLot, deadline_in, get_hub

cdef class Flight:
    cdef public str key
    cdef public list questions
    cdef public Settings settings
    cdef public Py_ssize_t shift
    cdef public Py_ssize_t turns
    cdef public Attempt attempt
    cdef public object deadline
    cdef public object lot
    cdef public Py_ssize_t askers
    cdef public bint is_over
    cdef public object error

    @cython.locals(settled=bint, question=Question)
    cpdef bint is_answered(self) except -1

cdef class Flights:
    cdef public Py_ssize_t shared
    cdef object _sender
    cdef object _keep
    cdef public dict _under_way
    cdef Py_ssize_t _turn
    cdef object _on_finish
    cdef list _lots
    cdef object _thread_ident

    @cython.locals(flight=Flight, question=Question)
    cpdef list ask(self, str key, str name, object kinds, Settings settings)
    cdef object _check_thread(self, object ident)
    @cython.locals(flights=list, missing=list, flight=Flight, question=Question)
    cdef list _board(self, str key, str name, object kinds, Settings settings)
    @cython.locals(attempt=Attempt)
    cdef object _wait_for(self, Flight flight)
    @cython.locals(attempt=Attempt, last=Attempt, is_alone=bint, question=Question, round=Py_ssize_t, place=Py_ssize_t)
    cdef object _ask_next(self, Flight flight)
    @cython.locals(flight=Flight)
    cpdef object _attempt_finished(self, Attempt attempt)
    @cython.locals(question=Question)
    cdef object _land(self, Flight flight)
    @cython.locals(attempt=Attempt)
    cdef object _end(self, Flight flight)
    cpdef object end_all(self)

@cython.locals(flight=Flight, question=Question)
cdef Answer _answer(list flights, str kind)

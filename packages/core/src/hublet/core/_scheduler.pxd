cimport cython
from . cimport _running_loop, _switch
from ._deadlines cimport Deadlines
from ._entry cimport Entry
from ._ring cimport Ring
from .loops._protocol cimport Loop

cdef int BUDGET
cdef double TURN
cdef double LONGEST
cdef double HEARTBEAT
cdef bint _COMPILED
cdef int _ITSELF
cdef int _READY
cdef int _HUB

@cython.final
cdef class Scheduler:
    cdef readonly object greenlet
    cdef readonly object main
    cdef public Loop loop
    cdef readonly Ring ready
    cdef readonly Deadlines deadlines
    cdef public object thread_ident
    cdef public object clock
    cdef public Py_ssize_t outside
    cdef public Py_ssize_t parked
    cdef readonly dict handles
    cdef readonly Entry spare
    cdef readonly Entry spare_timer
    cdef readonly Entry spare_start
    cdef readonly Entry spare_turn
    cdef Entry starting
    cdef object ended
    cdef readonly long long turns
    cdef readonly bint is_polling
    cdef public bint attention
    cdef public dict postponed
    cdef public dict shielded
    cdef public dict unswitchable
    cdef Ring _idle
    cdef Py_ssize_t _base
    cdef int _budget
    cdef double _turn_ends

    cpdef bint has_nothing_left(self) except -1
    cpdef double now(self) except? -1.0
    cpdef object schedule(self, Entry entry)
    cpdef object schedule_idle(self, Entry entry)
    cdef bint may_stay(self) except -1
    cdef bint _is_over(self) except -1
    @cython.locals(following=int)
    cdef object switch_out(self, object leaving)
    @cython.locals(entry=Entry)
    cdef int _choose(self, object leaving) except -1
    cdef object adopt(self, object new, bint calls_end)
    @cython.locals(entry=Entry)
    cdef object end(self, object ending)
    cdef object _see_to_ended(self)
    @cython.locals(entry=Entry)
    cpdef object forget_starts(self)
    @cython.locals(ready=Ring, entry=Entry)
    cdef object _turn(self)
    @cython.locals(budget=int)
    cdef object _call(self, Entry entry)
    @cython.locals(now=double, latest=longlong, entry=Entry)
    cdef object _expire(self)
    @cython.locals(loop=Loop)
    cdef object _poll(self)
    @cython.locals(budget=int)
    cdef object _poll_in_place(self)
    cdef object _look(self, object timeout)
    @cython.locals(deadline=double, idle=Entry)
    cdef object _patience(self)
    @cython.locals(budget=int)
    cpdef object interrupt(self, object target, object error, int shields=*)
    cpdef object postpone(self, object target, object error, int shields)
    cpdef object take_postponed(self, object target)
    cpdef object withdraw(self, object target, object error)
    cpdef object run(self)

cimport cython
from . cimport _switch
from ._entry cimport Entry
from ._scheduler cimport Scheduler

cdef class Timer(Entry):
    cdef readonly Scheduler scheduler
    cdef readonly object target
    cdef readonly object error
    cdef int shields

    cdef object begin_timing(self, Scheduler scheduler, object target, object error)
    cpdef object start(self, double deadline)
    cdef object expire(self)
    cpdef object cancel(self)


cdef class Timeout(BaseException):
    cdef bint _ref
    cdef Timer _timer
    cdef public object exception
    cdef public object seconds

    @cython.locals(scheduler=Scheduler, timer=Timer, deadline=double)
    cdef object _begin(self)
    @cython.locals(timer=Timer)
    cdef object _stop(self)

@cython.locals(timer=Timer)
cdef Timer _make_timer(Scheduler scheduler, object error)

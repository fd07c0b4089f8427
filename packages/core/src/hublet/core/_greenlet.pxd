cimport cython
from . cimport _switch
from ._entry cimport Callback, Entry
from ._park cimport ParkingLot
from ._scheduler cimport Scheduler
from ._switch cimport greenlet

cdef class _Start(Entry):
    cdef public object starting

    @cython.locals(starting=object)
    cdef object run(self)
    cdef object expire(self)


cdef class _Kill(Entry):
    cdef object victim
    cdef object error

    cdef object run(self)


cdef class Greenlet(greenlet):
    cdef public tuple args
    cdef public dict kwargs
    cdef readonly Scheduler _scheduler
    cdef public object _function
    cdef _Start _start
    cdef object _result
    cdef object _error
    cdef object _traceback
    cdef bint _begun
    cdef bint _killed
    cdef ParkingLot _joiners
    cdef list _links
    cdef dict _extras
    cdef object _spawn_code
    cdef int _spawn_line

    cpdef object start(self)
    cdef object _fail(self, object error)
    @cython.locals(scheduler=Scheduler, joiners=ParkingLot)
    cdef object _finish(self, object result, object error)
    @cython.locals(start=_Start)
    cdef object _end_before_start(self, object error)
    cpdef object _kill_now(self, object error)
    cpdef object _join_until(self, object deadline)
    cpdef object join(self, object timeout=*)
    cpdef object get(self, object block=*, object timeout=*)
    cpdef object ready(self)
    cdef dict _extra(self)
    cpdef object _notify(self)

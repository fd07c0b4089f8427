cimport cython
from . cimport _park, _switch
from ._park cimport Waiter
from ._scheduler cimport Scheduler
from .loops._protocol cimport Handle

cdef int _READ
cdef int _ENDED

@cython.final
cdef class IoReason:
    cdef public int event
    cdef public int fd

@cython.locals(handle=Handle)
cpdef Handle handle_for(int fd)

@cython.locals(scheduler=Scheduler, handle=Handle)
cdef Handle _find(int fd)

cdef object _reason(Handle handle, int event)

@cython.locals(waiter=Waiter, in_time=bint)
cpdef bint wait_on_handle(Handle handle, int event, object deadline) except -1

@cython.locals(scheduler=Scheduler)
cpdef int wait_to_call(Handle handle, int event, object deadline, bint tried) except -2

cdef int _take_slot(Handle handle, int event, Waiter waiter) except -1
cdef int _leave_slot(Handle handle, int event, Waiter waiter) except -1

cimport cython
from . cimport _chunks, _park, _start, _switch
from ._entry cimport Callback, Entry, Listener
from ._park cimport ParkingLot, Waiter, deadline_in
from ._scheduler cimport Scheduler
from ._start cimport Start
from ._switch cimport greenlet

# C variables: a global name would be looked up at each use.
cdef bint _COMPILED
cdef object _UNFINISHED
cdef list _recording

cdef class _Notify(Entry):
    cdef Greenlet finished

    cdef object begin_notifying(self, object finished)
    cdef object run(self)


cdef class _Kill(Entry):
    cdef Greenlet victim
    cdef object error

    cdef object run(self)


cdef class _RunDescriptor:
    pass


cdef class Greenlet(greenlet):
    cdef public tuple args
    cdef dict _kwargs
    cdef readonly Scheduler _scheduler
    cdef public object _function
    cdef Start _start
    cdef object _result
    cdef object _error
    cdef object _traceback
    cdef bint _begun
    cdef bint _killed
    cdef bint _has_other_parent
    cdef Waiter _joiner
    cdef ParkingLot _joiners
    cdef object _links
    cdef Listener _listener
    cdef dict _extras
    cdef object _spawn_code
    cdef int _spawn_instruction

    @cython.locals(scheduler=Scheduler)
    cdef object _set_up(self, object run, tuple args, dict kwargs, object context)
    @cython.locals(start=Start, scheduler=Scheduler)
    cdef object _start_now(self)
    @cython.locals(start=Start, scheduler=Scheduler)
    cdef object _begin(self)
    cdef object _run_interruptibly(self)
    cdef object _run_once(self)
    cdef object _end_in_hub(self)
    cdef bint has_stack_here(self) noexcept
    cdef object _end_raising(self, object error)
    cdef object _end_with(self, object error)
    @cython.locals(notify=_Notify)
    cdef object _schedule_links(self)
    cdef object _notify(self)
    cdef object _link(self, object kind, object callback, object given)
    @cython.locals(scheduler=Scheduler, joiners=ParkingLot, joiner=Waiter, listener=Listener)
    cdef object _finish(self, object result, object error)
    @cython.locals(start=Start)
    cdef object _end_before_start(self, object error)
    cdef object _kill_now(self, object error)
    @cython.locals(waiter=Waiter)
    cdef object _join_until(self, object deadline)
    @cython.locals(joiners=ParkingLot)
    cdef object _line_up(self, Waiter waiter)
    cdef bint tell(self, Listener listener) except -1
    cdef bint tells(self, Listener listener) except -1
    cdef object tell_no_more(self, Listener listener)
    cdef Scheduler _owner(self)
    cdef dict _extra(self)


cpdef object _run_given(Greenlet given)

@cython.locals(new=Greenlet)
cpdef object make_greenlet(object function, tuple args, dict kwargs, bint start)

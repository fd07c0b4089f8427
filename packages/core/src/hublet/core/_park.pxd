cimport cython
from . cimport _switch
from ._entry cimport Entry
from ._ring cimport Ring
from ._scheduler cimport Scheduler

# A C variable: a global name would be looked up at each use.
cdef object _UNSET
cdef bint _COMPILED

cdef class Waiter(Entry):
    cdef readonly Scheduler scheduler
    cdef public object reason
    cdef public ParkingLot lot
    cdef readonly bint claimed
    cdef readonly bint expired
    cdef readonly object value
    cdef readonly BaseException error
    cdef object _lock

    cdef object begin_waiting(self, object reason, Scheduler scheduler)
    @cython.locals(scheduler=Scheduler)
    cpdef bint park(self, object deadline=*) except -1
    cdef object _refuse_the_hub(self, Scheduler scheduler)
    cdef object _await_value(self)
    cdef object _expire_at(self, Scheduler scheduler, object deadline)
    cdef object _interrupted(self, Scheduler scheduler, object greenlet, object error)
    cdef object _hand_back(self)
    @cython.locals(claimed=bint)
    cdef bint _give_up(self, Scheduler scheduler) except -1
    cdef bint _park_thread(self, object deadline) except -1
    @cython.locals(claimed=bint)
    cpdef bint unpark(self, object value=*) except -1
    @cython.locals(claimed=bint)
    cpdef bint fail(self, object error) except -1
    @cython.locals(claimed=bint)
    cdef object expire(self)
    cdef object notify(self)


cdef inline object _resume(Waiter waiter)

@cython.locals(scheduler=Scheduler)
cdef inline Scheduler _scheduler_here()
cdef Scheduler _first_scheduler()

# With one caller each, and inline, so that they are no part of the interface in C, they become pieces of those: a frame costs
# twice, when a switch copies it, and when CPUs mispredict the return from it because who ran before was parked otherwise.
cdef inline object _wait(Waiter waiter, Scheduler scheduler, object greenlet, object deadline)
cdef inline object _wait_for_turn(Waiter turn, Scheduler scheduler, object greenlet)

@cython.locals(waiter=Waiter, scheduler=Scheduler)
cpdef Waiter make_waiter(object reason)

cpdef object recycle(Waiter waiter)

@cython.locals(lot=ParkingLot)
cdef ParkingLot make_lot()

cdef object _attend(Scheduler scheduler, object greenlet, Waiter waiter)

@cython.locals(turn=Waiter, scheduler=Scheduler)
cpdef object yield_now()

@cython.locals(scheduler=Scheduler, deadline=double)
cpdef object deadline_in(object timeout)


@cython.final
cdef class ParkingLot:
    cdef Ring _waiters

    @cython.locals(waiter=Waiter, in_time=bint)
    cpdef bint park(self, object deadline=*, object reason=*) except -1
    cpdef object add(self, Waiter waiter)
    @cython.locals(waiter=Waiter, waiters=Ring)
    cpdef bint unpark(self, object value=*) except -1
    cpdef Py_ssize_t unpark_all(self, object value=*) except -1
    cpdef object forget(self, Waiter waiter)
    cpdef bint has_any(self) noexcept

cimport cython
from . cimport _greenlet, _park, _start, _switch
from ._greenlet cimport Greenlet
from ._park cimport Waiter, deadline_in
from ._scheduler cimport Scheduler

@cython.locals(scheduler=Scheduler)
cdef object _make_raw(object function)

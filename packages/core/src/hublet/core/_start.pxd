cimport cython
from . cimport _switch
from ._entry cimport Entry
from ._scheduler cimport Scheduler


cdef class Start(Entry):
    cdef object begin_starting(self, object new)

    cdef object expire(self)


@cython.locals(start=Start)
cdef Start make_start(Scheduler scheduler, object new)

@cython.locals(start=Start)
cdef Start make_later_start(object new)

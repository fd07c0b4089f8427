cimport cython
from .._entry cimport Entry

# READ and WRITE without the lookup of a global name and without an object.
cdef int _READ
cdef int _WRITE

@cython.final
cdef class Handle:
    cdef public Loop loop
    cdef public int fd
    cdef public int armed
    cdef public int fresh
    cdef public Entry reader
    cdef public Entry writer
    cdef public object data
    cdef public object to_read
    cdef public object to_write
    cdef public bint kept
    cdef unsigned int generation  # for the native loop: which of all owners of this descriptor's number it is

    @cython.locals(loop=Loop)
    cpdef object set_reader(self, Entry entry)
    @cython.locals(loop=Loop)
    cpdef object set_writer(self, Entry entry)
    cpdef object clear_reader(self, Entry entry)
    cpdef object clear_writer(self, Entry entry)
    @cython.locals(unwanted=int, entry=Entry)
    cpdef int ready(self, int events) except -1


cdef class Loop:
    cdef public bint polls_in_c
    cdef public bint sleeping
    cdef public Py_ssize_t waiting

    cpdef Handle watch(self, int fd)
    cpdef object unwatch(self, Handle handle)
    cpdef object arm(self, Handle handle, int event)
    cpdef object poll(self, object timeout)
    cpdef object wake(self)
    cpdef object close(self)
    cpdef object after_fork(self)

cimport cython


cdef class Entry:
    cdef public object greenlet
    cdef public double deadline
    cdef public long long order
    cdef public Py_ssize_t place
    cdef public bint starts
    cdef public bint uncounted

    cdef object begin(self)
    cdef object run(self)
    cdef object expire(self)
    cdef object notify(self)


cdef class Callback(Entry):
    cdef public object function
    cdef public tuple arguments

    cdef object run(self)
    cpdef object cancel(self)


cdef class Listener:
    cdef object hear(self, object source)

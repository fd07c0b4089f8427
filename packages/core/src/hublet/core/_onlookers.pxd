from ._entry cimport Entry


cdef class Onlookers(Entry):
    cdef public object taker
    cdef public list looking

    cdef object notify(self)

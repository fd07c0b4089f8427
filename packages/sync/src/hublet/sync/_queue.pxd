cimport cython
from ._guard cimport Guard
from ._offers cimport Offer, Offers

cdef Py_ssize_t _ENDLESS

cdef class Queue:
    cdef object __weakref__
    cdef object _getters
    cdef Guard _guard
    cdef bint _hands_over
    cdef object _joiners
    cdef Py_ssize_t _maxsize
    cdef object _peekers
    cdef Offers _putters
    cdef Py_ssize_t _room
    cdef public bint is_shutdown
    cdef public object queue
    cdef public Py_ssize_t unfinished_tasks

    cdef bint _keeps_items_as(self, object kind) except -1
    cpdef object put(self, object item, bint block=*, object timeout=*)
    cpdef object put_nowait(self, object item)
    cdef bint _try_to_put(self, object item) except -1
    cdef bint _store(self, object item) except -1
    @cython.locals(room=Py_ssize_t)
    cdef bint _claim_room(self) except -1
    cdef object _announce(self)
    @cython.locals(offer=Offer)
    cdef object _wait_for_room(self, object item, object deadline)
    cdef object _look_for_room(self)
    @cython.locals(offer=Offer)
    cdef object _fill_room(self)
    cpdef object get(self, bint block=*, object timeout=*)
    cpdef object get_nowait(self)
    cdef bint _has_items(self) except -1
    cdef object _take(self)
    cdef object _take_guarded(self)
    cdef object _wait_for_item(self, object timeout)
    cdef object _look(self)
    @cython.locals(unfinished=Py_ssize_t)
    cdef bint _finish_one(self) except -1
    cdef object _describe(self)

cdef class UnboundQueue(Queue):
    pass

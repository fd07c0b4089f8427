cimport cython
from ._items cimport Items
from ._native cimport give_way, thread_ident

# Looked up once, when the module is loaded, instead of at each use.
cdef object NOTHING

cdef class Store:
    cdef object __weakref__
    cdef Items _aside
    cdef size_t _inside
    cdef Items _items
    cdef object _kept
    cdef bint _late
    cdef public Py_ssize_t unfinished_tasks

    cdef object _count_room(self)
    cdef bint _keeps_items_as(self, object kind) except -1
    cpdef Py_ssize_t _qsize(self) except -1
    cpdef object _put(self, object item)
    cpdef object _get(self)
    cpdef object _peek(self)
    cdef bint _store(self, object item, Py_ssize_t maxsize) except -1
    cdef object _draw(self)
    cdef object _first(self)
    cdef bint _has_items(self) except -1
    @cython.locals(me=size_t, inside=size_t)
    cdef bint _enter(self) except -1
    cdef object _leave(self)

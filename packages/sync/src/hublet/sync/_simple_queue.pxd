from ._items cimport Items

cdef class SimpleQueue:
    cdef object __weakref__
    cdef object _getters
    cdef Items _items

    cpdef object put(self, object item, bint block=*, object timeout=*)
    cpdef object get(self, bint block=*, object timeout=*)

cimport cython
from . cimport _switch

cdef dict _modules
cdef long long _seen
cdef object _get_running_loop
cdef object _set_running_loop

@cython.locals(version=longlong)
cpdef object leave()
cpdef object restore(object state)
cdef object _leave(object loop)
cdef object _bind()

cdef dict _modules
cdef Py_ssize_t _known
cdef object _get_running_loop
cdef object _set_running_loop

cpdef object leave()
cpdef object restore(object state)
cdef object _leave(object loop)
cdef object _look_for_asyncio()

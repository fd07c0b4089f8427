cdef dict _modules
cdef object _get_running_loop
cdef object _set_running_loop

cpdef object leave()
cpdef object restore(object state)
cdef object _leave(object loop)
cdef object _bind()

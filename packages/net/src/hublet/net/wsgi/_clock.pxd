cdef object _time

cpdef bytes date_header()
cpdef str log_date()

cpdef bint is_hostname(str name) except -1
cpdef str plain_name(object host)

cdef object _MAPPED, _POLICIES

cpdef list sorted_addresses(list addresses)

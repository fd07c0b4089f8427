cpdef list ways_to(list addresses)

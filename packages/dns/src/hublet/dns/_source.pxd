cpdef object source_of(str address)

cpdef object bind_quickly(object cls)

cpdef Py_ssize_t count_lines(bytes data, Py_ssize_t start, Py_ssize_t end) except -2
cpdef bint is_visible(bytes text) except -1

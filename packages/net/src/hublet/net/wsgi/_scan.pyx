"""`_scan.py` in C: each looks at every byte once."""

__all__ = ["count_lines", "is_visible"]


cpdef Py_ssize_t count_lines(bytes data, Py_ssize_t start, Py_ssize_t end) except -2:
    cdef const unsigned char *text = data
    cdef Py_ssize_t count = 0, i
    cdef unsigned char byte
    for i in range(start, end):
        byte = text[i]
        if byte > 13:
            continue
        if byte == 10:
            if i == start or text[i - 1] != 13 or (i + 1 < end and (text[i + 1] == 32 or text[i + 1] == 9)):
                return -1
            count += 1
        elif byte == 13:
            if i + 1 >= end or text[i + 1] != 10:
                return -1
        elif byte == 0:
            return -1
    return count


cpdef bint is_visible(bytes text) except -1:
    cdef const unsigned char *each = text
    cdef Py_ssize_t i
    for i in range(len(text)):
        if each[i] <= 32 or each[i] >= 127:
            return False
    return True

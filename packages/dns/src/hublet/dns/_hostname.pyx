"""`_hostname.py` in C: one pass over the characters instead of a regular expression."""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize


cdef int _last_label(const char *name, Py_ssize_t size) noexcept:
    """Return where the last label begins, or -1 if it is no name that hosts can have."""
    cdef Py_ssize_t i
    cdef int start = 0
    cdef char c
    if size and name[size - 1] == b".":
        size -= 1
    if not 0 < size <= 253:
        return -1
    for i in range(size):
        c = name[i]
        if c == b".":
            if not 0 < i - start <= 63:
                return -1
            start = i + 1
        elif not (
            b"a" <= c <= b"z" or b"A" <= c <= b"Z" or b"0" <= c <= b"9" or c == b"_" or (c == b"-" and i > start)
        ):
            return -1
    return start if 0 < size - start <= 63 else -1


cpdef bint is_hostname(str name) except -1:
    """Say whether *name* is one that hosts can have, by glibc's rules: no others are asked for, or believed."""
    cdef Py_ssize_t size
    if not name.isascii():
        return False
    return _last_label(PyUnicode_AsUTF8AndSize(name, &size), size) >= 0


cpdef str plain_name(object host):
    """Return *host*, str or bytes, as text if it is a hostname that is no address, however those are written; or `None`.

    All ways to write an address end in a number or have a colon.  Such names need neither encoding nor a closer look.
    """
    cdef Py_ssize_t size
    cdef const char *text
    cdef int start
    if type(host) is bytes:
        host = (<bytes>host).decode("latin-1")  # what is not ASCII does not match
    elif type(host) is not str:
        return None
    if not (<str>host).isascii():
        return None
    text = PyUnicode_AsUTF8AndSize(host, &size)
    start = _last_label(text, size)
    return None if start < 0 or b"0" <= text[start] <= b"9" else host

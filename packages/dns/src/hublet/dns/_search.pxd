cimport cython
from ._answers cimport Answer
from ._hostname cimport is_hostname
from ._resolv_conf cimport Settings

@cython.locals(is_absolute=bint, first_as_it_is=bint, failures=list, answers=list, failure=Answer)
cpdef list search(str name, Settings settings, object asker, object kinds, object nowhere=*)
@cython.locals(answer=Answer)
cdef bint _is_final(list answers) except -1
@cython.locals(answer=Answer)
cdef list _found(list answers, object nowhere)

cimport cython
from ._ring cimport Ring

cdef extern from "greenlet/greenlet.h":
    ctypedef class greenlet.greenlet [object PyGreenlet]:
        pass

cpdef object current()
cpdef object thread_scheduler()
cpdef object set_thread_scheduler(object scheduler)
cpdef object switch(greenlet target)
cpdef object switch_to_first(Ring ring)
cpdef object make_raw(object run, greenlet parent)
cpdef object set_parent(greenlet child, greenlet parent)
cpdef object parent_of(greenlet child)
cpdef double monotonic() except? -1.0
cpdef double coarse_monotonic() except? -1.0
cpdef object caller()
cpdef object code_of(object frame)
cpdef int instruction_of(object frame) except -2
cpdef object inherit_context(greenlet child)
cpdef object drop_context(greenlet ending)
cpdef long long version_of(dict dictionary) except -2
@cython.final
cdef class Raised:
    cdef readonly object error

cpdef object attempt(object function, tuple args, dict kwargs)
cpdef object call_builtin(object function)
cpdef bint is_only_reference(object thing) except -1
cpdef object hide_from_collector(object thing)
cpdef object show_to_collector(object thing)
cpdef Py_ssize_t stack_position() except -1
cpdef bint is_stack_near(Py_ssize_t base) except -1
cpdef Py_ssize_t count_other_threads() except -1
cpdef object forget_other_threads()

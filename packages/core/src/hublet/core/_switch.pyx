"""`_switch.py` in C: greenlet's C interface, a native thread-local, and the clock without a Python call.

The thread-local is a borrowed reference; a Python thread-local beside it owns the scheduler, so that the interpreter drops it
when the thread ends.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

from . cimport _chunks
from ._entry cimport Entry
from ._ring cimport Ring

from ._native import monotonic as _python_monotonic, thread_local

cdef extern from *:
    """
    #include "greenlet/greenlet.h"

    /* Declared here to take a borrowed pointer, of which Cython makes no reference of its own. */
    #define hublet_switch(target) PyGreenlet_Switch((PyGreenlet *)(target), NULL, NULL)

    /* Begins a greenlet so many bytes further down the C stack.  A switch copies away only what lies as deep as the stack of
       its target or deeper, so that of two greenlets which take turns at two depths only one is copied. */
    #if defined(_MSC_VER)
      #include <malloc.h>
      #define HUBLET_ALLOCA _alloca
    #else
      #define HUBLET_ALLOCA __builtin_alloca
    #endif
    static PyObject *hublet_begin(PyObject *target, int depth) {
        volatile char *above = (volatile char *)HUBLET_ALLOCA(depth + 1);
        PyObject *result;
        *above = 0;  /* or compilers would leave it out */
        result = hublet_switch(target);
        (void)*above;
        return result;
    }

    #if defined(_MSC_VER)
      #define HUBLET_THREAD_LOCAL __declspec(thread)
    #elif defined(__GLIBC__)
      /* A pointer fits into what glibc keeps free for this; elsewhere a loaded library may not ask for it. */
      #define HUBLET_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
    #else
      #define HUBLET_THREAD_LOCAL __thread
    #endif
    static HUBLET_THREAD_LOCAL PyObject *hublet_scheduler = NULL;

    /* Only where it is the clock that time.monotonic reads: deadlines are compared with the user's readings of it. */
    #if defined(__linux__)
      #include <time.h>
      static double hublet_monotonic(void) {
          struct timespec now;
          if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return -1.0;
          return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
      }
      static double hublet_coarse_monotonic(void) {
          struct timespec now;
          if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0) return -1.0;
          return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
      }
    #else
      static double hublet_monotonic(void) { return -1.0; }
      static double hublet_coarse_monotonic(void) { return -1.0; }
    #endif

    /* The exception that is set, with its traceback, as a new reference. */
    static PyObject *hublet_take_error(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyErr_GetRaisedException();
    #else
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        if (traceback != NULL) {
            PyException_SetTraceback(value, traceback);
            Py_DECREF(traceback);
        }
        Py_DECREF(type);
        return value;
    #endif
    }

    /* To Cython, a new reference. */
    #define hublet_owned(thing) (thing)

    static PyObject *hublet_code(PyObject *frame) {
        return (PyObject *)PyFrame_GetCode((PyFrameObject *)frame);
    }

    static int hublet_instruction(PyObject *frame) {
    #if PY_VERSION_HEX >= 0x030B0000
        return PyFrame_GetLasti((PyFrameObject *)frame);
    #else
        PyObject *index = PyObject_GetAttrString(frame, "f_lasti");
        int instruction = index == NULL ? -1 : (int)PyLong_AsLong(index);
        Py_XDECREF(index);
        PyErr_Clear();
        return instruction;
    #endif
    }

    /* Threads that have not begun to run included: their states are made by those that start them. */
    static Py_ssize_t hublet_count_threads(void) {
        Py_ssize_t count = 0;
        PyThreadState *each = PyInterpreterState_ThreadHead(PyThreadState_GetInterpreter(PyThreadState_Get()));
        for (; each != NULL; each = PyThreadState_Next(each)) count++;
        return count;
    }

    /* A number that every change of a dictionary changes, up to 3.13.  0: there is none. */
    static long long hublet_version(PyObject *dictionary) {
    #if PY_VERSION_HEX < 0x030E0000
        _Py_COMP_DIAG_PUSH
        _Py_COMP_DIAG_IGNORE_DEPR_DECLS
        return (long long)((PyDictObject *)dictionary)->ma_version_tag;
        _Py_COMP_DIAG_POP
    #else
        return 0;
    #endif
    }

    /* A thread that never set a variable has no context at all, and copying nothing is what most greenlets would do. */
    static int hublet_has_context(void) { return PyThreadState_Get()->context != NULL; }
    """
    PyObject *hublet_switch(PyObject *target)
    PyObject *hublet_begin(PyObject *target, int depth)
    PyObject *hublet_scheduler
    double hublet_monotonic() noexcept
    double hublet_coarse_monotonic() noexcept
    object hublet_take_error()
    object hublet_owned(PyObject *thing)
    object hublet_code(object frame)
    int hublet_instruction(object frame)
    bint hublet_has_context()
    long long hublet_version(dict dictionary)
    Py_ssize_t hublet_count_threads()

cdef extern from "Python.h":
    PyObject *PyEval_GetFrame()
    PyObject *PyObject_Call(object function, object args, PyObject *kwargs)
    Py_ssize_t Py_REFCNT(object thing)
    void PyObject_GC_Track(PyObject *thing)
    void PyObject_GC_UnTrack(PyObject *thing)
    ctypedef object (*c_function)(PyObject *self, PyObject *nothing)
    int METH_NOARGS
    bint PyCFunction_CheckExact(object function)
    int PyCFunction_GET_FLAGS(object function)
    c_function PyCFunction_GET_FUNCTION(object function)
    PyObject *PyCFunction_GET_SELF(object function)
    object PyContext_CopyCurrent()

cdef extern from "greenlet/greenlet.h":
    void PyGreenlet_Import()
    greenlet PyGreenlet_GetCurrent()
    int PyGreenlet_SetParent(greenlet child, greenlet parent) except -1
    PyObject *PyGreenlet_GetParent(greenlet child)

cdef enum:
    NEAR = 32 * 1024
    DEPTHS = 4
    APART = 4096  # bytes: who waits in a primitive or a socket has less than that on the C stack

PyGreenlet_Import()

compiled = True


class _PerThread(thread_local):
    scheduler = None

    def __del__(self):
        set_thread_scheduler(None)


cdef object _per_thread = _PerThread()


cpdef object current():
    return PyGreenlet_GetCurrent()


cpdef object thread_scheduler():
    return None if hublet_scheduler == NULL else <object>hublet_scheduler


cpdef object set_thread_scheduler(object scheduler):
    global hublet_scheduler
    hublet_scheduler = NULL if scheduler is None else <PyObject *>scheduler
    _per_thread.scheduler = scheduler


cdef int _begun = 0


cdef inline PyObject *switch_to(PyObject *target, bint starts) noexcept:
    # Where only C waits, as in a greenlet that is one call of `sleep`, the chunk for Python's frames goes round.
    global _begun
    cdef bint is_aside = _chunks.has_empty_chunk() and _chunks.set_small_chunk_aside()
    cdef PyObject *result
    if starts:
        _begun = (_begun + 1) % DEPTHS
        result = hublet_begin(target, _begun * APART)
    else:
        result = hublet_switch(target)
    if is_aside:
        _chunks.use_small_first_chunk()
    return result


cpdef object switch(greenlet target):
    cdef PyObject *result = switch_to(<PyObject *>target, False)
    if result == NULL:
        return hublet_take_error()
    Py_DECREF(<object>result)
    return None


cpdef object switch_to_first(Ring ring):
    cdef Entry entry = ring.take()
    cdef PyObject *target = <PyObject *>entry.greenlet
    cdef bint starts = entry.starts
    cdef PyObject *result
    entry = None
    result = switch_to(target, starts)
    if result == NULL:
        return hublet_take_error()
    Py_DECREF(<object>result)
    return None


cpdef object make_raw(object run, greenlet parent):
    # PyGreenlet_New() makes a dictionary and parses it: a third of all that starting a greenlet costs.
    cdef greenlet new = greenlet.__new__(greenlet)
    new.run = run
    PyGreenlet_SetParent(new, parent)
    return new


cpdef object set_parent(greenlet child, greenlet parent):
    # Most have it already, and greenlet would walk up all ancestors of the new one (`benchmarks/kernel`, spawn + join).
    cdef PyObject *present = PyGreenlet_GetParent(child)
    if present != NULL:
        Py_DECREF(<object>present)
    if present != <PyObject *>parent:
        PyGreenlet_SetParent(child, parent)


cpdef object parent_of(greenlet child):
    cdef PyObject *parent = PyGreenlet_GetParent(child)
    if parent == NULL:
        return None
    try:
        return <object>parent
    finally:
        Py_DECREF(<object>parent)


cpdef double monotonic() except? -1.0:
    cdef double now = hublet_monotonic()
    return now if now >= 0.0 else _python_monotonic()


cpdef object caller():
    # Compiled, core's own functions have no frames to leave out.
    cdef PyObject *frame = <PyObject *>PyEval_GetFrame()
    return None if frame == NULL else <object>frame


cpdef object code_of(object frame):
    return hublet_code(frame)


cpdef int instruction_of(object frame) except -2:
    return hublet_instruction(frame)


cpdef object inherit_context(greenlet child):
    if hublet_has_context():
        child.gr_context = PyContext_CopyCurrent()


cpdef object drop_context(greenlet ending):
    if hublet_has_context():
        ending.gr_context = None


cpdef long long version_of(dict dictionary) except -2:
    return hublet_version(dictionary)


cdef class Raised:
    def __init__(self, error):
        self.error = error


cpdef object attempt(object function, tuple args, dict kwargs):
    cdef PyObject *result = PyObject_Call(function, args, NULL if kwargs is None else <PyObject *>kwargs)
    return hublet_owned(result) if result != NULL else Raised(hublet_take_error())


cpdef object call_builtin(object function):
    if PyCFunction_CheckExact(function) and PyCFunction_GET_FLAGS(function) == METH_NOARGS:
        return PyCFunction_GET_FUNCTION(function)(PyCFunction_GET_SELF(function), NULL)
    return function()


cpdef bint is_only_reference(object thing) except -1:
    return Py_REFCNT(thing) == 1


cpdef object hide_from_collector(object thing):
    PyObject_GC_UnTrack(<PyObject *>thing)


cpdef object show_to_collector(object thing):
    PyObject_GC_Track(<PyObject *>thing)


cpdef Py_ssize_t stack_position() except -1:
    cdef char here
    return <Py_ssize_t>&here


cpdef bint is_stack_near(Py_ssize_t base) except -1:
    cdef char here
    cdef Py_ssize_t distance = base - <Py_ssize_t>&here
    return base != 0 and -NEAR < distance < NEAR


cpdef Py_ssize_t count_other_threads() except -1:
    return hublet_count_threads() - 1


cpdef object forget_other_threads():
    pass  # CPython itself forgets their states in a forked child


cpdef double coarse_monotonic() except? -1.0:
    cdef double now = hublet_coarse_monotonic()
    return now if now >= 0.0 else _python_monotonic()

"""`_local.py` in C: greenlet's C interface, and CPython's own lookup of attributes with a dictionary of our choice.

The greenlet that came last is remembered, since the next to come is most often the same (benchmarks/sync, local).
"""

from cpython.object cimport PyObject, PyTypeObject

from sys import intern

from hublet.core import getcurrent

from ._ending import Ending

__all__ = ["local"]

cdef extern from *:
    """
    #include "greenlet/greenlet.h"

    /* As a borrowed pointer: whoever runs is alive. */
    static inline PyObject *hublet_current(void) {
        PyObject *current = (PyObject *)PyGreenlet_GetCurrent();
        Py_XDECREF(current);
        return current;
    }

    /* What is not the same object and interned, as names in code are, is not the same name; otherwise ask. */
    static inline int hublet_is(PyObject *name, PyObject *wanted) {
        if (name == wanted) return 1;
        if (PyUnicode_CheckExact(name) && PyUnicode_CHECK_INTERNED(name)) return 0;
        return PyObject_RichCompareBool(name, wanted, Py_EQ);
    }
    """
    PyObject *hublet_current() except NULL
    bint hublet_is(object name, object wanted) except -1
    void PyGreenlet_Import()

cdef object DICT = intern("__dict__")

cdef extern from *:
    """
    /* The two functions of the interpreter are what `threading.local` is made of: not documented, and the same since Python 2.
       What is not in the class, and that is most, need not go through them (benchmarks/sync, local). */
    static inline int hublet_is_of_instance(PyObject *thing, PyObject *name, PyTypeObject *plain) {
        if (!PyUnicode_CheckExact(name)) return 0;
        /* All names of the class itself begin with an underscore. */
        if (Py_IS_TYPE(thing, plain) && PyUnicode_IS_COMPACT_ASCII(name) && *PyUnicode_1BYTE_DATA(name) != '_') return 1;
        return _PyType_Lookup(Py_TYPE(thing), name) == NULL;
    }

    static inline PyObject *hublet_get(PyObject *thing, PyObject *name, PyObject *values, PyTypeObject *plain) {
        if (hublet_is_of_instance(thing, name, plain)) {
            PyObject *found = PyDict_GetItemWithError(values, name);
            if (found != NULL) {
                Py_INCREF(found);
                return found;
            }
            if (PyErr_Occurred()) return NULL;
        }
        return _PyObject_GenericGetAttrWithDict(thing, name, values, 0);
    }

    static inline int hublet_set(
        PyObject *thing, PyObject *name, PyObject *value, PyObject *values, PyTypeObject *plain
    ) {
        if (value != NULL && hublet_is_of_instance(thing, name, plain))
            return PyDict_SetItem(values, name, value);
        return _PyObject_GenericSetAttrWithDict(thing, name, value, values);
    }
    """
    object hublet_get(object thing, object name, object values, PyTypeObject *plain)
    int hublet_set(object thing, object name, PyObject *value, object values, PyTypeObject *plain) except -1

PyGreenlet_Import()


cdef class _Spaces:
    """The attributes of one `local`, by the address of the greenlet that they belong to."""

    def __cinit__(self, tuple args, dict kwargs):
        self.args = args
        self.kwargs = kwargs
        self.all = {}
        self.latest = NULL

    cpdef object forget(self, size_t key):
        """Drop what the greenlet at that address had."""
        cdef object latest = None
        if <size_t>self.latest == key:
            self.latest = NULL
            latest, self.latest_values = self.latest_values, None  # freed when all is in order
        self.all.pop(key, None)

    cdef list open(self, size_t key):
        """Return what the greenlet at that address, which runs, has: the attributes, and what waits for its end."""
        cdef list space = [{}, None]
        cdef list found = self.all.setdefault(key, space)
        if found is space:
            space[1] = Ending(self, getcurrent(), key)
        return found


cdef class local:
    """An object whose attributes are different ones in every greenlet, and in every native thread.

    A subclass may have an `__init__`: it is called in each greenlet that comes to the object, when it first does, with the
    arguments that the object was made with.  Slots of a subclass, like attributes of the class, are the same for all.  What
    a greenlet has assigned is dropped when it ends.  Never switches, unless `__init__` does.  Any thread may use it.  Raises
    `TypeError` if there are arguments and no `__init__` to take them; an attribute that only others have is an
    `AttributeError`.
    """

    def __cinit__(self, *args, **kwargs):
        if (args or kwargs) and type(self).__init__ is object.__init__:
            raise TypeError(f"{type(self).__name__}() takes no arguments: it has no __init__")
        self._spaces = _Spaces(args, kwargs)
        self._spaces.open(<size_t>hublet_current())

    cdef dict _come(self, size_t key):
        cdef _Spaces spaces = self._spaces
        cdef list space = spaces.all.get(key)
        cdef bint is_new = space is None
        cdef object earlier
        if is_new:
            space = spaces.open(key)
        # Nothing may come in between: the earlier values are freed at the end.
        earlier = spaces.latest_values
        spaces.latest_values = space[0]
        spaces.latest = <PyObject *>key
        if is_new and type(self).__init__ is not object.__init__:
            try:
                type(self).__init__(self, *spaces.args, **spaces.kwargs)
            except BaseException:
                spaces.forget(key)
                raise
        return space[0]

    def __getattribute__(self, name):
        cdef dict values = _values(self)
        if hublet_is(name, DICT):
            return values
        return hublet_get(self, name, values, <PyTypeObject *>local)

    def __setattr__(self, name, value):
        if hublet_is(name, DICT):
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        cdef dict values = _values(self)
        hublet_set(self, name, <PyObject *>value, values, <PyTypeObject *>local)

    def __delattr__(self, name):
        if hublet_is(name, DICT):
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        cdef dict values = _values(self)
        hublet_set(self, name, NULL, values, <PyTypeObject *>local)

    def __reduce__(self):
        # Not by copying what it is made of: that is the values of all greenlets, by addresses that mean nothing elsewhere.
        raise TypeError(f"cannot pickle or deeply copy {type(self).__name__!r} object: every greenlet has its own attributes")

    def __copy__(self):
        """Make another with the same arguments, and let it have the attributes that this greenlet has here."""
        cdef local copied = type(self)(*self._spaces.args, **self._spaces.kwargs)
        _values(copied).update(_values(self))
        return copied


cdef inline dict _values(local self):
    """Return the attributes of the current greenlet."""
    # Not a method, which C could not inline, for a subclass might have another.
    cdef _Spaces spaces = self._spaces
    cdef PyObject *current = hublet_current()
    if spaces.latest == current:
        return spaces.latest_values
    return self._come(<size_t>current)

"""`_binding.py` in C: the bound methods that `with` makes of `__enter__` and `__exit__` are used again and again.

CPython makes new ones each time, which takes longer than taking and releasing a lock (`benchmarks/sync`).  The types here are
CPython's own but for two functions: one binds a method, the other frees what that made.  From 3.14 on `with` binds nothing,
so there is nothing to gain; and without a lock around the interpreter threads could not share what is spare.
"""

from cpython.object cimport PyObject, PyTypeObject

cdef extern from *:
    """
    #if PY_VERSION_HEX < 0x030E0000 && !defined(Py_GIL_DISABLED)
    #define HUBLET_ARGUMENTS (METH_FASTCALL | METH_KEYWORDS)  /* as Cython takes those of `__exit__` */

    static PyTypeObject hublet_method_type, hublet_bound_type;
    static vectorcallfunc hublet_call_without;  /* how CPython calls a bound method that takes no arguments */
    static PyCFunctionObject *hublet_spares[8];  /* each bound to nothing, with the one reference that is kept here */
    static int hublet_spares_count = 0;

    static PyObject *hublet_call_spare(PyObject *self, PyObject *const *args, size_t count, PyObject *names) {
        PyErr_SetString(PyExc_TypeError, "this bound method was given back, and is bound to nothing");
        return NULL;
    }

    /* As CPython calls one that takes arguments, but straight: a frame less on the C stack of who waits in there. */
    static PyObject *hublet_call_with(PyObject *self, PyObject *const *args, size_t count, PyObject *names) {
        PyCFunctionObject *bound = (PyCFunctionObject *)self;
        _PyCFunctionFastWithKeywords function = (_PyCFunctionFastWithKeywords)(void (*)(void))bound->m_ml->ml_meth;
        return function(bound->m_self, args, PyVectorcall_NARGS(count), names);
    }

    static PyObject *hublet_bind(PyObject *self, PyObject *instance, PyObject *cls) {
        PyMethodDef *method = ((PyMethodDescrObject *)self)->d_method;
        PyCFunctionObject *bound;
        if (instance == NULL || !PyObject_TypeCheck(instance, PyDescr_TYPE(self)))
            return PyMethodDescr_Type.tp_descr_get(self, instance, cls);  /* asked of the class, or an error */
        if (hublet_spares_count > 0) {
            bound = hublet_spares[--hublet_spares_count];
        } else {
            bound = PyObject_GC_New(PyCFunctionObject, &hublet_bound_type);
            if (bound == NULL) return NULL;
            bound->m_self = bound->m_module = bound->m_weakreflist = NULL;
            PyObject_GC_Track(bound);
        }
        Py_INCREF(instance);
        bound->m_ml = method;
        bound->m_self = instance;
        bound->vectorcall = method->ml_flags == METH_NOARGS ? hublet_call_without : hublet_call_with;
        return (PyObject *)bound;
    }

    static void hublet_free_bound(PyObject *self) {
        PyCFunctionObject *bound = (PyCFunctionObject *)self;
        PyObject *instance = bound->m_self;
        if (bound->m_weakreflist == NULL && hublet_spares_count < (int)Py_ARRAY_LENGTH(hublet_spares)) {
            /* It lives on, before anything else happens: the collector knows it all the time. */
    #ifdef Py_REF_DEBUG
            _Py_NewReference(self);
    #else
            Py_SET_REFCNT(self, 1);
    #endif
            bound->m_self = NULL;
            bound->vectorcall = hublet_call_spare;
            hublet_spares[hublet_spares_count++] = bound;
            Py_DECREF(instance);  /* which may bind and free others */
            return;
        }
        PyObject_GC_UnTrack(self);
        if (bound->m_weakreflist != NULL) PyObject_ClearWeakRefs(self);
        Py_CLEAR(bound->m_self);
        PyObject_GC_Del(bound);
    }

    static PyTypeObject hublet_method_type = {
        PyVarObject_HEAD_INIT(NULL, 0)
        .tp_name = "method_descriptor",
        .tp_base = &PyMethodDescr_Type,
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_METHOD_DESCRIPTOR,
        .tp_descr_get = hublet_bind,
    };

    static PyTypeObject hublet_bound_type = {
        PyVarObject_HEAD_INIT(NULL, 0)
        .tp_name = "builtin_function_or_method",
        .tp_base = &PyCFunction_Type,
        .tp_flags = Py_TPFLAGS_DEFAULT,
        .tp_dealloc = hublet_free_bound,
    };

    static int hublet_bind_quickly(PyTypeObject *cls, const char *name) {
        PyObject *method = PyDict_GetItemString(cls->tp_dict, name);
        int flags;
        if (PyType_Ready(&hublet_method_type) < 0 || PyType_Ready(&hublet_bound_type) < 0) return -1;
        if (method == NULL || !Py_IS_TYPE(method, &PyMethodDescr_Type)) return 0;
        flags = ((PyMethodDescrObject *)method)->d_method->ml_flags;
        if (flags != METH_NOARGS && flags != HUBLET_ARGUMENTS) return 0;
        if (flags == METH_NOARGS && hublet_call_without == NULL) {
            PyObject *bound = PyCFunction_New(((PyMethodDescrObject *)method)->d_method, Py_None);
            if (bound == NULL) return -1;
            hublet_call_without = ((PyCFunctionObject *)bound)->vectorcall;
            Py_DECREF(bound);
        }
        Py_SET_TYPE(method, &hublet_method_type);  /* which has the same fields */
        PyType_Modified(cls);
        return 0;
    }
    #else
    static int hublet_bind_quickly(PyTypeObject *cls, const char *name) { return 0; }
    #endif
    """
    int hublet_bind_quickly(PyTypeObject *cls, const char *name) except -1


cpdef object bind_quickly(object cls):
    hublet_bind_quickly(<PyTypeObject *>cls, "__enter__")
    hublet_bind_quickly(<PyTypeObject *>cls, "__exit__")

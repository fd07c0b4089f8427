/* What pyuv 1.4.0 needs to compile and to run on CPython 3.10 and later.
 *
 * pyuv was last released in 2018.  With this folder first on the include path its sources compile unchanged: they find this
 * file, which includes the real Python.h and then supplies what is gone and changes the meaning of what has become unsafe.
 * `hublet.core.loops.install_pyuv` does that.
 */
#ifndef HUBLET_PYUV_COMPAT_PYTHON_H
#define HUBLET_PYUV_COMPAT_PYTHON_H

#include_next <Python.h>

#ifdef Py_GIL_DISABLED
#error "pyuv relies on the GIL: use a Python that has it"
#endif

/* Gone ---------------------------------------------------------------------------------------------------------------- */

/* Assigned to where a handle is brought back to life by its own deallocation.  No lvalue since 3.10. */
#undef Py_REFCNT
#define Py_REFCNT(object) (((PyObject *)(object))->ob_refcnt)

/* Used for encoding where there is no file system encoding, that is nowhere; gone since 3.11 and 3.12. */
#undef PyUnicode_EncodeUTF8
#undef PyUnicode_AS_UNICODE
#undef PyUnicode_GET_SIZE
#define PyUnicode_EncodeUTF8(text, size, errors) PyUnicode_AsEncodedString((text), "utf-8", (errors))
#define PyUnicode_AS_UNICODE(text) (text)
#define PyUnicode_GET_SIZE(text) (0)

/* Deprecated since 3.12, to be removed.  "utf-8" it is, unless the user has asked for something else. */
#undef Py_FileSystemDefaultEncoding
#define Py_FileSystemDefaultEncoding "utf-8"

/* Has done nothing since 3.9 and is gone since 3.13. */
#undef PyEval_InitThreads
#define PyEval_InitThreads() ((void)0)

/* Unsafe -------------------------------------------------------------------------------------------------------------- */

/* pyuv frees, and in places allocates, without holding the GIL, which only the raw allocator allows.  Through the other one
   it crashes on 3.12 and later, and corrupts memory before. */
#undef PyMem_Malloc
#undef PyMem_Realloc
#undef PyMem_Free
#define PyMem_Malloc PyMem_RawMalloc
#define PyMem_Realloc PyMem_RawRealloc
#define PyMem_Free PyMem_RawFree

/* pyuv's deallocators leave the object tracked by the garbage collector while they let go of what it refers to.  A `__del__`
   that runs then and collects finds an object without references, and hangs or crashes.  So every type's deallocator is
   called through one that untracks the object first.  An object that brings itself back to life is tracked again. */

typedef struct {
    PyTypeObject *type;
    destructor deallocate;
} hublet_deallocator;

static hublet_deallocator hublet_deallocators[64];
static int hublet_deallocator_count = 0;

static void
hublet_deallocate(PyObject *self)
{
    PyTypeObject *type;
    int i;
    for (type = Py_TYPE(self); type != NULL; type = type->tp_base) {
        for (i = 0; i < hublet_deallocator_count; i++) {
            if (hublet_deallocators[i].type == type) {
                if (PyObject_IS_GC(self)) {
                    PyObject_GC_UnTrack(self);
                }
                hublet_deallocators[i].deallocate(self);
                return;
            }
        }
    }
    Py_FatalError("pyuv: an object of a type that hublet's header does not know");
}

/* Only a type that has a deallocator of its own is wrapped, and before it is readied, so that those derived from it inherit
   what is put here. */
static int
hublet_type_ready(PyTypeObject *type)
{
    PyTypeObject *wrapped;
    for (wrapped = type; wrapped != NULL && !(wrapped->tp_flags & Py_TPFLAGS_READY); wrapped = wrapped->tp_base) {
        if (wrapped->tp_dealloc != NULL && wrapped->tp_dealloc != hublet_deallocate) {
            if (hublet_deallocator_count == (int)(sizeof(hublet_deallocators) / sizeof(hublet_deallocators[0]))) {
                PyErr_SetString(PyExc_SystemError, "pyuv has more types than hublet's header has room for");
                return -1;
            }
            hublet_deallocators[hublet_deallocator_count].type = wrapped;
            hublet_deallocators[hublet_deallocator_count].deallocate = wrapped->tp_dealloc;
            hublet_deallocator_count++;
            wrapped->tp_dealloc = hublet_deallocate;
        }
    }
    return PyType_Ready(type);
}
#define PyType_Ready hublet_type_ready

static void
hublet_new_reference(PyObject *self)
{
    _Py_NewReference(self);
    if (PyObject_IS_GC(self) && !PyObject_GC_IsTracked(self)) {
        PyObject_GC_Track(self);
    }
}
#define _Py_NewReference hublet_new_reference

#endif

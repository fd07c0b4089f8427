# Items in a list that is never longer or shorter: what circular buffers are made of.
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* Put an item where there is `None`, and take one leaving `None`: without counting references of the list, or twice
       those of the item (benchmarks/kernel, sleep(0), and benchmarks/sync, put + get). */
    static inline void hublet_fill(PyObject *slots, Py_ssize_t index, PyObject *item) {
        Py_INCREF(item);
        PyList_SET_ITEM(slots, index, item);
        Py_DECREF(Py_None);
    }
    static inline PyObject *hublet_empty(PyObject *slots, Py_ssize_t index) {
        PyObject *item = PyList_GET_ITEM(slots, index);
        Py_INCREF(Py_None);
        PyList_SET_ITEM(slots, index, Py_None);
        return item;
    }
    """
    void fill "hublet_fill"(PyObject *slots, Py_ssize_t index, PyObject *item)
    object empty "hublet_empty"(PyObject *slots, Py_ssize_t index)
    Py_ssize_t size_of "PyList_GET_SIZE"(PyObject *slots)

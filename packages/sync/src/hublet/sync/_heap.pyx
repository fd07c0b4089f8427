# cython: boundscheck=False, wraparound=False
"""`_heap.py` in C (benchmarks/sync, PriorityQueue).

Comparing runs anybody's code, which may get at the list through `queue`: after each comparison the size is looked at again.
"""

from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject

cdef extern from *:
    """
    static inline void hublet_exchange(PyObject *heap, Py_ssize_t first, Py_ssize_t second) {
        PyObject *item = PyList_GET_ITEM(heap, first);
        PyList_SET_ITEM(heap, first, PyList_GET_ITEM(heap, second));
        PyList_SET_ITEM(heap, second, item);
    }

    /* Numbers of one machine word are most of what is compared, and cost half as much this way. */
    static inline int hublet_is_less(PyObject *heap, Py_ssize_t first, Py_ssize_t second, Py_ssize_t size) {
        PyObject *one = PyList_GET_ITEM(heap, first), *other = PyList_GET_ITEM(heap, second);
        int less;
        if (PyLong_CheckExact(one) && PyLong_CheckExact(other)) {
            int too_large, too_large_too;
            long long number = PyLong_AsLongLongAndOverflow(one, &too_large);
            long long other_number = PyLong_AsLongLongAndOverflow(other, &too_large_too);
            if (!too_large && !too_large_too) return number < other_number;
        }
        Py_INCREF(one);
        Py_INCREF(other);
        less = PyObject_RichCompareBool(one, other, Py_LT);
        Py_DECREF(one);
        Py_DECREF(other);
        if (less >= 0 && PyList_GET_SIZE(heap) != size) {
            PyErr_SetString(PyExc_RuntimeError, "the items of the queue changed while they were compared");
            return -1;
        }
        return less;
    }
    """
    void hublet_exchange(PyObject *heap, Py_ssize_t first, Py_ssize_t second)
    bint hublet_is_less(PyObject *heap, Py_ssize_t first, Py_ssize_t second, Py_ssize_t size) except -1


cpdef object heappush(list heap, object item):
    """Put *item* in."""
    heap.append(item)
    _rise(heap, PyList_GET_SIZE(heap) - 1)


cpdef object heappop(list heap):
    """Take the least item out.  Raises `IndexError` if there is none."""
    cdef object last = heap.pop()
    cdef object least
    cdef Py_ssize_t size = PyList_GET_SIZE(heap)
    cdef Py_ssize_t hole = 0
    cdef Py_ssize_t child = 1
    if size == 0:
        return last
    least = heap[0]
    heap[0] = last
    # What was last is most likely among the greatest.  So let it sink to the bottom along the lesser children, which is one
    # comparison a level, and rise from there to where it belongs.
    while child < size:
        if child + 1 < size and not hublet_is_less(<PyObject *>heap, child, child + 1, size):
            child += 1
        hublet_exchange(<PyObject *>heap, hole, child)
        hole = child
        child = 2 * hole + 1
    _rise(heap, hole)
    return least


cdef int _rise(list heap, Py_ssize_t place) except -1:
    """Exchange the item at *place* with those above it that are greater."""
    cdef Py_ssize_t size = PyList_GET_SIZE(heap)
    cdef Py_ssize_t above
    while place > 0:
        above = (place - 1) >> 1
        if not hublet_is_less(<PyObject *>heap, place, above, size):
            break
        hublet_exchange(<PyObject *>heap, place, above)
        place = above
    return 0

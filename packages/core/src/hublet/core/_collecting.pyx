"""`_collecting.py` in C: whether the collector may look into a `Greenlet`.

It asks for each reference to one that it meets, and greenlet's answer takes a hundred instructions, of which most go into
making sure that it is a greenlet.  With many of them that is a tenth of a program's time (`benchmarks/kernel`, 100,000
sleeps).  What greenlet says is: yes, unless it has a stack, which the collector cannot see into; and yes again once its
thread is gone.
"""

from cpython.object cimport PyObject

from ._greenlet cimport Greenlet

cdef extern from *:
    """
    #define hublet_type(thing) ((PyObject *)Py_TYPE(thing))
    #define hublet_get_is_gc(type) (((PyTypeObject *)(type))->tp_is_gc)
    #define hublet_set_is_gc(type, ask) (((PyTypeObject *)(type))->tp_is_gc = (ask))
    """
    ctypedef int (*inquiry)(PyObject *) noexcept
    PyObject *hublet_type(PyObject *thing)
    inquiry hublet_get_is_gc(object type)
    void hublet_set_is_gc(object type, inquiry ask)

cdef inquiry _of_greenlet = hublet_get_is_gc(Greenlet)


cdef int _is_collectable(PyObject *asked) noexcept:
    # A subclass may have a `run` of its own, which leaves no word of its beginning.
    if hublet_type(asked) == <PyObject *>Greenlet:
        if not (<Greenlet>asked)._begun:
            return 1
        if (<Greenlet>asked).has_stack_here():
            return 0
    return _of_greenlet(asked)


def install():
    """Answer for `Greenlet` from now on, also where a subclass that is made later asks."""
    hublet_set_is_gc(Greenlet, _is_collectable)

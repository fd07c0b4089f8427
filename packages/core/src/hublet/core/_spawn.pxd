cimport cython
from . cimport _greenlet, _park
from ._greenlet cimport Greenlet
from ._park cimport Waiter

cpdef object sleep(object seconds=*, object ref=*)

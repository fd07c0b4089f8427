cimport cython
from ._answers cimport Answer
from ._cache cimport Cache
from ._flights cimport Flights
from ._resolv_conf cimport ResolvConf, Settings

cdef Answer _SILENCE

cdef class Names:
    cdef ResolvConf _resolv_conf
    cdef object _sender
    cdef Flights _flights
    cdef Cache _cache
    cdef Settings _settings
    cdef bint _is_closed

    cpdef object settings(self)
    @cython.locals(key=str, found=list, missing=list, asked=list)
    cpdef list ask(self, str name, object kinds, Settings settings)
    cdef list _ask_for(self, str key, str name, object kinds, Settings settings)
    cpdef object _keep(self, str key, str kind, Answer answer)
    cpdef object cache_clear(self)
    cpdef object close(self)

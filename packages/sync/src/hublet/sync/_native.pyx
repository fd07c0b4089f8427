"""`_native.py` in C."""

from hublet.core.patching import original

_sleep = original("time", "sleep")

compiled = True

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident() noexcept


cpdef size_t address(object thing) noexcept:
    """Return what `id` returns."""
    return <size_t><void *>thing


cpdef size_t thread_ident() noexcept:
    """Return what `threading.get_ident` returns."""
    return PyThread_get_thread_ident()


cpdef object give_way():
    """Let other native threads run."""
    _sleep(0)

cdef class Outbox:
    cdef void *_letters

    cdef object attach(self, void *channel)
    cdef bint has_any(self) noexcept
    cdef int send(self) noexcept
    cdef int refused(self) noexcept

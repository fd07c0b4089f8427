# For the compiled modules of core: these are then calls of C, without a Python frame that would bring a chunk of its own.

cdef extern from *:
    """
    /* What is done with chunks, but for keeping them, was read in 3.11, 3.12 and 3.13 and nowhere else: read pystate.c (and
       what greenlet does when a greenlet dies) before raising this. */
    #if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030E0000 && !defined(Py_GIL_DISABLED)
    #  define HUBLET_KNOWS_CHUNKS
    #endif

    #ifdef HUBLET_KNOWS_CHUNKS
    /* Whether the current greenlet has a chunk and no frame in it: what runs is C, called by C. */
    static inline int hublet_has_empty_chunk(void)
    {
        PyThreadState *state = PyThreadState_Get();
        return state->datastack_chunk != NULL && state->datastack_top == &state->datastack_chunk->data[1];
    }
    #else
    static inline int hublet_has_empty_chunk(void) { return 0; }
    #endif
    """
    bint has_empty_chunk "hublet_has_empty_chunk"()

cpdef void use_small_first_chunk() noexcept
cpdef bint set_small_chunk_aside() noexcept

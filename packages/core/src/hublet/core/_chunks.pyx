# cython: language_level=3
"""Keep the memory in which CPython lays a greenlet's frames, instead of asking the kernel for it each time.

Since 3.11 the first Python call of a greenlet makes CPython map a 16 KiB "data stack chunk" through the arena allocator,
and its death unmaps it: two system calls and a page fault, several times what the rest of a short greenlet costs.  This
module hooks the arena allocator and keeps the chunks that come back, up to a limit.

It also gives a greenlet a small first chunk, if the greenlet asks before its first Python call: a parked greenlet then
holds a piece of the heap and not a page of its own.  Deeper calls get ordinary chunks on top of it.

The rules that hold here:

- Every 16 KiB chunk comes from the allocator that was there before us and goes back to it in the end, so it matters
  neither who frees it nor whether it is older than the hook.
- Once hooked, hooked for good: somebody may have hooked on top of us, and greenlets may hold small chunks, which only we
  can free.  To uninstall is to stop keeping, not to stop passing on.
- The hooks may run without the GIL, or under that of another interpreter: they touch no Python object, and nothing is
  called while the lock is held.

`_chunks.py` is what is imported where this is not built.
"""

from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, malloc

cdef extern from "Python.h":
    ctypedef struct PyObjectArenaAllocator:
        void* ctx
        void* (*alloc)(void* ctx, size_t size) noexcept nogil
        void (*free)(void* ctx, void* pointer, size_t size) noexcept nogil

    void PyObject_GetArenaAllocator(PyObjectArenaAllocator* allocator)
    void PyObject_SetArenaAllocator(PyObjectArenaAllocator* allocator)

cdef extern from *:
    """
    /* A spin lock: the GIL does not protect us, and what is guarded is a handful of stores. */
    #ifdef _MSC_VER
    #  include <windows.h>
    static volatile LONG hublet_locked;
    static void hublet_lock(void) { while (InterlockedExchange(&hublet_locked, 1)) SwitchToThread(); }
    static void hublet_unlock(void) { InterlockedExchange(&hublet_locked, 0); }
    static int hublet_lock_across_fork(void) { return 0; }
    #else
    #  include <pthread.h>
    #  include <sched.h>
    static char hublet_locked;
    static void hublet_lock(void) { while (__atomic_test_and_set(&hublet_locked, __ATOMIC_ACQUIRE)) sched_yield(); }
    static void hublet_unlock(void) { __atomic_clear(&hublet_locked, __ATOMIC_RELEASE); }
    /* Only the forking thread lives on in the child.  Were another to hold the lock at that moment, the child would find
       it held for ever and the list half changed; so the forking thread is the one to hold it. */
    static int hublet_lock_across_fork(void) { return pthread_atfork(hublet_lock, hublet_unlock, hublet_unlock); }
    #endif

    #define HUBLET_HAS_DATA_STACK (PY_VERSION_HEX >= 0x030B0000)

    /* The cache has to know one number, a small first chunk all that CPython does with chunks (`_chunks.pxd`). */
    #ifdef HUBLET_KNOWS_CHUNKS
    static int hublet_has_no_chunk(void) { return PyThreadState_Get()->datastack_chunk == NULL; }
    /* As push_chunk() in pystate.c, for a first chunk: it leaves slot 0 empty, by which popping a frame knows that it
       must not take the chunk away as well. */
    static void hublet_set_first_chunk(void *memory)
    {
        PyThreadState *state = PyThreadState_Get();
        _PyStackChunk *chunk = (_PyStackChunk *)memory;
        chunk->previous = NULL;
        chunk->top = 0;
        state->datastack_chunk = chunk;
        state->datastack_top = &chunk->data[1];
        state->datastack_limit = (PyObject **)((char *)chunk + chunk->size);
    }
    static void *hublet_first_chunk(void)
    {
        _PyStackChunk *chunk = PyThreadState_Get()->datastack_chunk;
        return chunk != NULL && chunk->previous == NULL ? chunk : NULL;
    }
    static void hublet_forget_chunk(void)
    {
        PyThreadState *state = PyThreadState_Get();
        state->datastack_chunk = NULL;
        state->datastack_top = state->datastack_limit = NULL;
    }
    #else
    static int hublet_has_no_chunk(void) { return 0; }
    static void hublet_set_first_chunk(void *memory) { (void)memory; }
    static void *hublet_first_chunk(void) { return NULL; }
    static void hublet_forget_chunk(void) {}
    #endif
    """
    void lock "hublet_lock"() nogil
    void unlock "hublet_unlock"() nogil
    int lock_across_fork "hublet_lock_across_fork"()
    bint HAS_DATA_STACK "HUBLET_HAS_DATA_STACK"
    bint has_no_chunk "hublet_has_no_chunk"()
    void set_first_chunk "hublet_set_first_chunk"(void* memory)
    void* first_chunk "hublet_first_chunk"()
    void forget_chunk "hublet_forget_chunk"()

cdef enum:
    # DATA_STACK_CHUNK_SIZE in pystate.c.  Nothing else asks the arena allocator for it: arenas are 256 KiB or 1 MiB.
    CHUNK = 16 * 1024
    # Seven or eight ordinary frames.  A server's idle connection needs up to 970 bytes in the standard library's classes;
    # what is too much here every greenlet pays, and one for which it is too little pays a page besides.
    SMALL = 1536
    PAGE = 4096
    STEP = 16  # what malloc() aligns to

cdef struct Block:
    # The head of CPython's _PyStackChunk, and the slot after it that CPython leaves empty in a first chunk.
    Block* next
    size_t size
    size_t top
    void* owner

cdef struct Shelf:
    Block* first
    size_t cached
    size_t hits
    size_t misses

cdef PyObjectArenaAllocator _before
cdef Shelf _chunks
cdef Shelf _small
cdef size_t _limit  # blocks on each shelf; 0 while not installed


cdef Block* _take(Shelf* shelf) noexcept nogil:
    cdef Block* block
    lock()
    block = shelf.first
    if block is NULL:
        shelf.misses += 1
    else:
        shelf.first = block.next
        shelf.cached -= 1
        shelf.hits += 1
    unlock()
    return block


cdef bint _keep(Shelf* shelf, Block* block) noexcept nogil:
    cdef bint has_room
    lock()
    has_room = shelf.cached < _limit
    if has_room:
        block.next = shelf.first
        shelf.first = block
        shelf.cached += 1
    unlock()
    return has_room


cdef Block* _new_small() noexcept nogil:
    # Somebody may replace the arena allocator after us without passing on, against CPython's rules.  A small chunk then
    # ends in a free() or a munmap() that is not ours.  So it is a whole malloc() block, for which free() is right, and it
    # starts no page, because munmap() would take the page away; anywhere else munmap() refuses.
    cdef Block* block = <Block*> malloc(SMALL)
    cdef size_t size = SMALL
    if block is NULL:
        return NULL
    if <uintptr_t> block % PAGE == 0:
        block = <Block*> (<char*> block + STEP)
        size -= STEP
    block.size = size
    block.owner = &_small
    return block


cdef bint _is_small(Block* block, size_t size) noexcept nogil:
    # The size alone does not tell: another copy of this module may be loaded, under another name.
    return SMALL - STEP <= size <= SMALL and block.owner == &_small


cdef void _free_small(Block* block) noexcept nogil:
    free(<char*> block - (SMALL - block.size))


cdef void* _allocate(void* context, size_t size) noexcept nogil:
    cdef void* memory = NULL
    if size == CHUNK:
        memory = _take(&_chunks)
    if memory is NULL:
        memory = _before.alloc(context, size)
    return memory


cdef void _release(void* context, void* memory, size_t size) noexcept nogil:
    cdef Block* block = <Block*> memory
    if memory is NULL:
        _before.free(context, memory, size)
    elif size == CHUNK:
        if not _keep(&_chunks, block):
            _before.free(context, memory, size)
    elif _is_small(block, size):
        if not _keep(&_small, block):
            _free_small(block)
    else:
        _before.free(context, memory, size)


cpdef void use_small_first_chunk() noexcept:
    """Give the current greenlet a small first chunk.

    To be called before the greenlet's first Python call.  Does nothing if it has a chunk already, if the cache is not
    installed, if somebody has hooked the arena allocator since, or if this Python is not one that was looked into.
    """
    cdef PyObjectArenaAllocator present
    cdef Block* block
    if _limit == 0 or not has_no_chunk():
        return
    PyObject_GetArenaAllocator(&present)
    if present.free != _release:
        return
    block = _take(&_small)
    if block is NULL:
        block = _new_small()
    if block is not NULL:
        set_first_chunk(block)


cpdef bint set_small_chunk_aside() noexcept:
    """Take the small chunk that the current greenlet has and no frame is in, for others to use while this one is parked.

    True if it was taken: `use_small_first_chunk` gives one again.  Not taken if there is no room on the shelf.
    """
    cdef Block* block
    if not has_empty_chunk():
        return False
    block = <Block*> first_chunk()
    if block is NULL or not _is_small(block, block.size):
        return False
    forget_chunk()
    if _keep(&_small, block):
        return True
    set_first_chunk(block)
    return False


def install(limit: int = 1024) -> bool:
    """Keep up to *limit* chunks (of 16 KiB) and as many small ones (of 1.5 KiB) for greenlets and threads to come.

    For the whole process.  Calling it again changes the limit.  False, and nothing done, where CPython has no such
    chunks (3.10).  Raises `ValueError` for a limit below 1.
    """
    global _before, _limit
    cdef PyObjectArenaAllocator hook
    if limit < 1:
        raise ValueError(f"limit must be at least 1 chunk, not {limit!r}; to keep none, call uninstall()")
    if not HAS_DATA_STACK:
        return False
    if _before.alloc is NULL:
        if lock_across_fork() != 0:
            raise MemoryError("pthread_atfork() had no memory to register with")
        PyObject_GetArenaAllocator(&_before)
        # The context stays that of the one before us, so that a thread that reads these three words while they are
        # being written has a pair that fits in any case.
        hook = _before
        hook.alloc = _allocate
        hook.free = _release
        PyObject_SetArenaAllocator(&hook)
    if limit < _limit:
        uninstall()
    _limit = limit
    return True


cdef Block* _clear(Shelf* shelf) noexcept nogil:
    cdef Block* first
    lock()
    first = shelf.first
    shelf.first = NULL
    shelf.cached = 0
    unlock()
    return first


def uninstall() -> None:
    """Keep no more chunks and free those that are kept.  The counters stay, and so does the hook, which passes on."""
    global _limit
    cdef Block* block
    cdef Block* following
    _limit = 0
    block = _clear(&_chunks)
    while block is not NULL:
        following = block.next
        _before.free(_before.ctx, block, CHUNK)
        block = following
    block = _clear(&_small)
    while block is not NULL:
        following = block.next
        _free_small(block)
        block = following


def installed() -> bool:
    """True between `install` and `uninstall`."""
    return _limit != 0


def info() -> dict[str, int]:
    """Count the chunks: handed out from the cache (hits) and past it (misses), now cached, and at most cached (limit).

    Those with `small_` are the small first chunks; the limit is for each kind.
    """
    return {
        "hits": _chunks.hits,
        "misses": _chunks.misses,
        "cached": _chunks.cached,
        "limit": _limit,
        "small_hits": _small.hits,
        "small_misses": _small.misses,
        "small_cached": _small.cached,
    }

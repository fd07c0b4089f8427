# cython: boundscheck=False, wraparound=False
"""The native loop: edge-triggered epoll without a Python call between the kernel and whoever waits.  Linux only.

**One registration.**  A descriptor is added once, for both directions, edge-triggered, and nothing about it is said to the
kernel again until it is removed: two system calls for its whole life.  That works because of rule 4 of `_protocol`.  An
edge that comes while nobody waits is dropped, and whoever waits has tried the system call after that and found nothing.

**Stale events.**  The kernel forgets a descriptor only when the last copy of what it refers to is closed, so an event can
arrive after its number belongs to somebody else.  Each event therefore carries the number and a generation, which is new
for every `watch`; the number leads to the handle and the generation says whether it is the right one.  The event carries
no pointer, so nothing is touched that might be gone, even if the handle was dropped while this very batch is handed out.

**wake** writes to an eventfd, at most once until `poll` has seen it.  It is never read: every write is a new edge, and what
counts up is 64 bits wide.

**Signals.**  `_signal_fd` says why a wait in the main thread needs a descriptor that CPython writes to.  Here it is a pipe,
because CPython writes one byte and an eventfd wants eight.  To block the signals instead and let `epoll_pwait` unblock them
is cheaper before 3.13, but in a process with several threads a blocked signal goes to another one and interrupts nothing.

**The GIL** is given up only to wait, and beside other threads the first look never waits.  Beside a thread that computes,
whoever gives the lock up gets it back a switch interval (5 ms) later, and a busy hub would do that at every poll: 440 turns a
second instead of 7,200, CPython 3.11.  A look that finds nothing costs 0.1 µs; one that finds something saves the
preparations for a wait.

Long for one module, because it is one class, and the C that it needs.
"""

import errno as _errno
from _signal import set_wakeup_fd

from ._signal_fd import may_handle_signals

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.list cimport PyList_GET_SIZE
from libc.errno cimport EEXIST, EINTR, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport strerror
from posix.fcntl cimport O_CLOEXEC, O_NONBLOCK
from posix.unistd cimport close as close_fd, read as read_fd, write as write_fd

from ._protocol cimport Handle, Loop

cdef extern from *:
    """
    #include <errno.h>
    #include <pthread.h>
    #include <sys/epoll.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    /* Wheels are built where the headers are older than the kernels they run on.  The number is the same everywhere but on
       Alpha, which does not come into question. */
    #if !defined(SYS_epoll_pwait2) && (defined(__x86_64__) && !defined(__ILP32__) || defined(__aarch64__))
      #define SYS_epoll_pwait2 441
    #endif

    /* Wait `seconds`, without limit if they are negative; return how many events there are, or minus an error number.  To the
       nanosecond since Linux 5.11, and before that rounded up to milliseconds, or the loop would come back too early and spin
       until the deadline. */
    static int hublet_epoll_wait(int epoll, struct epoll_event *events, int room, double seconds) {
        double milliseconds;
        int count;
    #ifdef SYS_epoll_pwait2
        static int is_missing = 0;
        struct { long long seconds, nanoseconds; } timeout;
        if (seconds > 0 && !is_missing) {
            if (seconds > 1e9) seconds = 1e9;
            timeout.seconds = (long long)seconds;
            timeout.nanoseconds = (long long)((seconds - (double)timeout.seconds) * 1e9) + 1;
            if (timeout.nanoseconds > 999999999) {
                timeout.seconds += 1;
                timeout.nanoseconds = 0;
            }
            count = (int)syscall(SYS_epoll_pwait2, epoll, events, room, &timeout, NULL, (size_t)0);
            /* EPERM is what a sandbox says that does not know the call. */
            if (count >= 0) return count;
            if (errno != ENOSYS && errno != EPERM) return -errno;
            is_missing = 1;
        }
    #endif
        milliseconds = seconds * 1e3;
        if (milliseconds > 2e9) milliseconds = 2e9;
        if (milliseconds > (double)(int)milliseconds) milliseconds += 1.0;
        count = epoll_wait(epoll, events, room, seconds < 0 ? -1 : (int)milliseconds);
        return count < 0 ? -errno : count;
    }

    #if PY_VERSION_HEX >= 0x030D0000
      static const double hublet_grace = 0.0;
    #else
      static const double hublet_grace = 0.01;
    #endif

    /* As `signal.set_wakeup_fd`, which it was only in the headers until 3.13. */
    static int hublet_set_wakeup_fd(PyObject *set_wakeup_fd, int fd) {
    #if PY_VERSION_HEX >= 0x030D0000
        return PySignal_SetWakeupFd(fd);
    #else
        long previous = -1;
        PyObject *argument = PyLong_FromLong(fd), *result = NULL;
        if (argument != NULL) {
            result = PyObject_CallOneArg(set_wakeup_fd, argument);
            Py_DECREF(argument);
        }
        if (result != NULL) {
            previous = PyLong_AsLong(result);
            Py_DECREF(result);
        }
        return PyErr_Occurred() ? -2 : (int)previous;
    #endif
    }

    /* Says whether nobody else could want the GIL. */
    static int hublet_is_alone(void) {
        PyThreadState *here = PyThreadState_Get();
        return PyInterpreterState_ThreadHead(here->interp) == here && PyThreadState_Next(here) == NULL;
    }

    /* Counts the forks between this process and the one that loaded the module. */
    static int hublet_forks = 0;
    static void hublet_count_fork(void) { hublet_forks++; }
    static int hublet_count_forks(void) { return pthread_atfork(NULL, NULL, hublet_count_fork); }
    """
    double hublet_grace
    int hublet_forks
    bint hublet_is_alone()
    int hublet_count_forks()
    int hublet_set_wakeup_fd(object set_wakeup_fd, int fd) except -2
    int hublet_epoll_wait(int epoll, epoll_event *events, int room, double seconds) nogil

cdef extern from "sys/epoll.h":
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD
    uint32_t EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLLET
    ctypedef union epoll_data_t:
        uint64_t u64
    ctypedef struct epoll_event "struct epoll_event":
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event *event)

cdef extern from "sys/eventfd.h":
    int EFD_CLOEXEC, EFD_NONBLOCK
    int eventfd(unsigned int value, int flags)

cdef extern from "unistd.h":
    int pipe2(int *fds, int flags)

cdef enum:
    READ = 1
    WRITE = 2
    ENDED = 4
    BATCH = 256

# Seconds that the main thread waits before it lets CPython write to that pipe.  Up to 3.12 that takes two system calls, as much
# as a short wait; without it a signal that comes in the moment before the wait, or to another thread, is late by as much.
cdef double GRACE = hublet_grace

# The end of a pipe of ours that CPython writes to at this moment, or -1.
cdef int wakeup_fd = -1

if hublet_count_forks() != 0:
    raise MemoryError("pthread_atfork")


cdef bint begin_wakeup_fd(int fd) except -1:
    """Let CPython write to *fd* when a signal arrives, unless somebody else has set another; say whether it will."""
    global wakeup_fd
    cdef int previous = hublet_set_wakeup_fd(set_wakeup_fd, fd)
    if previous != -1 and previous != wakeup_fd:
        hublet_set_wakeup_fd(set_wakeup_fd, previous)
        return False
    wakeup_fd = fd
    return True


cdef int end_wakeup_fd() except -1:
    """Let CPython write nowhere again.  What a handler has set in the meantime stays."""
    global wakeup_fd
    cdef int current = hublet_set_wakeup_fd(set_wakeup_fd, -1)
    if current != wakeup_fd:
        hublet_set_wakeup_fd(set_wakeup_fd, current)
    wakeup_fd = -1
    return 0


cdef class EpollLoop(Loop):
    """A loop on edge-triggered epoll."""

    name = "native"

    cdef int _epoll
    cdef int _eventfd
    cdef int _signals_out  # a pipe, in the main thread only
    cdef int _signals_in
    cdef bint _woken  # the eventfd was written to, and `poll` has not seen it
    cdef int _forks
    cdef uint32_t _generation  # the last one given out; 0 marks what is ours
    cdef int _next  # of those in `_events`, what is to be handed out next, and how many there are
    cdef int _count
    cdef list _handles  # by descriptor, None where there is none.  A list, so that the garbage collector sees them
    cdef epoll_event _events[BATCH]

    def __cinit__(self):
        self._epoll = self._eventfd = self._signals_out = self._signals_in = -1
        self._handles = [None] * 64
        self.polls_in_c = True

    def __init__(self):
        if self._epoll < 0:
            self._open()

    def __dealloc__(self):
        self._close_own()

    cdef int _open(self) except -1:
        cdef int ends[2]
        self._forks = hublet_forks
        self._next = self._count = 0
        self._woken = False
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            PyErr_SetFromErrno(OSError)
        self._eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self._eventfd < 0:
            PyErr_SetFromErrno(OSError)
        self._control(EPOLL_CTL_ADD, self._eventfd, EPOLLIN | EPOLLET, 0)
        if may_handle_signals():
            if pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0:
                PyErr_SetFromErrno(OSError)
            self._signals_out, self._signals_in = ends[0], ends[1]
            self._control(EPOLL_CTL_ADD, self._signals_out, EPOLLIN, 0)
        return 0

    cdef void _close_own(self) noexcept:
        # Each is a copy of the parent's in a forked child, and closing it there does nothing to the parent's.
        if self._epoll >= 0:
            close_fd(self._epoll)
        if self._eventfd >= 0:
            close_fd(self._eventfd)
        if self._signals_out >= 0:
            close_fd(self._signals_out)
            close_fd(self._signals_in)
        self._epoll = self._eventfd = self._signals_out = self._signals_in = -1

    cdef int _control(self, int operation, int fd, uint32_t events, uint32_t generation) except -1:
        cdef epoll_event event
        event.events = events
        event.data.u64 = (<uint64_t>generation << 32) | <uint32_t>fd
        if epoll_ctl(self._epoll, operation, fd, &event) < 0:
            PyErr_SetFromErrno(OSError)
        return 0

    cdef int _add(self, Handle handle) except -1:
        cdef epoll_event event
        event.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET
        event.data.u64 = (<uint64_t>handle.generation << 32) | <uint32_t>handle.fd
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, handle.fd, &event) < 0:
            # No handle of ours has the number: what is registered was closed without our being told, while there was
            # another copy of it, and that copy has been given the old number.
            if errno != EEXIST or epoll_ctl(self._epoll, EPOLL_CTL_MOD, handle.fd, &event) < 0:
                PyErr_SetFromErrno(OSError)
        return 0

    cpdef Handle watch(self, int fd):
        cdef list handles = self._handles
        cdef Handle handle
        if self._epoll < 0:
            raise ValueError(f"{self!r} is closed")
        if 0 <= fd < PyList_GET_SIZE(handles) and handles[fd] is not None:
            raise FileExistsError(_errno.EEXIST, f"descriptor {fd} is watched already: use its handle")
        self._generation += 1
        if self._generation == 0:
            self._generation = 1
        handle = Handle.__new__(Handle)
        handle.loop = self
        handle.fd = fd
        handle.armed = READ | WRITE
        handle.generation = self._generation
        self._add(handle)
        # Only now: it is a descriptor, not just any number.
        if fd >= PyList_GET_SIZE(handles):
            handles.extend([None] * (max(fd + 1, 2 * PyList_GET_SIZE(handles)) - PyList_GET_SIZE(handles)))
        handles[fd] = handle
        return handle

    cpdef object unwatch(self, Handle handle):
        cdef epoll_event event  # ignored, but some old kernels want one
        if handle.loop is None:
            return
        handle.loop = None
        self._handles[handle.fd] = None
        self.waiting -= (handle.reader is not None) + (handle.writer is not None)
        if self._forks == hublet_forks:
            # Whatever it says: the descriptor was closed already, then.
            epoll_ctl(self._epoll, EPOLL_CTL_DEL, handle.fd, &event)

    cpdef object arm(self, Handle handle, int event):
        pass

    cpdef object poll(self, object timeout):
        cdef double seconds
        if self._next >= self._count:
            self._next = 0
            self._count = 0
            seconds = -1.0 if timeout is None else max(0.0, <double>timeout)
            if seconds == 0.0 or not hublet_is_alone():
                self._take(hublet_epoll_wait(self._epoll, self._events, BATCH, 0.0))
            if self._count == 0 and seconds != 0.0:
                self._wait(seconds)
        self.sleeping = False
        self._hand_out()

    cdef int _wait(self, double seconds) except -1:
        cdef int count
        cdef bint begun
        if GRACE > 0.0 and self._signals_in >= 0:
            PyErr_CheckSignals()
            with nogil:
                count = hublet_epoll_wait(self._epoll, self._events, BATCH, GRACE if seconds < 0.0 else min(seconds, GRACE))
            self._take(count)
            if count != 0 or 0.0 <= seconds <= GRACE:
                return 0
            seconds = seconds if seconds < 0.0 else seconds - GRACE
        begun = self._signals_in >= 0 and begin_wakeup_fd(self._signals_in)
        try:
            PyErr_CheckSignals()
            with nogil:
                count = hublet_epoll_wait(self._epoll, self._events, BATCH, seconds)
        finally:
            if begun:
                end_wakeup_fd()
        self._take(count)
        return 0

    cdef int _take(self, int count) except -1:
        if count >= 0:
            self._count = count
        elif count == -EINTR:
            PyErr_CheckSignals()
        else:
            raise OSError(-count, strerror(-count).decode())
        return 0

    cdef int _hand_out(self) except -1:
        cdef bint signalled = False
        cdef uint32_t events, generation
        cdef Py_ssize_t fd
        cdef Handle handle
        while self._next < self._count:
            events = self._events[self._next].events
            generation = <uint32_t>(self._events[self._next].data.u64 >> 32)
            fd = <uint32_t>self._events[self._next].data.u64
            if generation == 0:
                if fd == self._eventfd:
                    self._woken = False
                else:
                    signalled = True
            elif fd < PyList_GET_SIZE(self._handles) and self._handles[fd] is not None:
                handle = <Handle>self._handles[fd]
                if handle.generation == generation:
                    # Should it raise, the event comes once more, for the other direction.
                    handle.ready(
                        (READ if events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR) else 0)
                        | (WRITE if events & (EPOLLOUT | EPOLLHUP | EPOLLERR) else 0)
                        | (ENDED if events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR) else 0)
                    )
            self._next += 1
        if signalled:
            self._drain_signals()
            PyErr_CheckSignals()
        return 0

    cdef void _drain_signals(self) noexcept:
        cdef char numbers[256]
        while read_fd(self._signals_out, numbers, sizeof(numbers)) == sizeof(numbers):
            pass

    cpdef object wake(self):
        cdef uint64_t one = 1
        if not self._woken and self._eventfd >= 0:
            self._woken = True
            write_fd(self._eventfd, &one, sizeof(one))

    cpdef object close(self):
        cdef Handle handle
        handles, self._handles = self._handles, []
        for handle in handles:
            if handle is not None:
                handle.loop = None
        self.waiting = 0
        self._next = self._count = 0
        self._close_own()

    cpdef object after_fork(self):
        cdef Handle handle
        if self._epoll < 0:
            return
        self._close_own()
        if wakeup_fd >= 0:  # the parent's main thread was waiting, and is not here
            end_wakeup_fd()
        self._open()
        for item in list(self._handles):
            if item is not None:
                handle = <Handle>item
                try:
                    self._add(handle)
                except OSError:
                    handle.ready(READ | WRITE)
        self.wake()  # in case it was meant to

# cython: boundscheck=False, wraparound=False, binding=True
"""`_transfer.py` in C.

**The system call** is made on the descriptor, with MSG_DONTWAIT, and its error number is looked at before there is any
exception: EAGAIN is no error here.  What a socket of ours keeps in its slots is read where it lies, and so is the descriptor,
which is the first field of CPython's socket object; `prepare` makes sure of that, and asks `fileno()` if it is not so.

**The GIL** is kept for what takes about as long as to give it up and get it back, which is 64 KiB and less.  Beside a thread
that computes, whoever gives it up gets it back 5 ms later.

**Receiving** goes into one buffer for all sockets, and what has come is copied into an object of its size: to make one of the
size that was asked for and then shrink it costs more, up to some 16 KiB.  No switch comes between the two.

**What is empty is not asked again.**  TCP gives all that it has, so after a receive that was not filled there is nothing until
the loop says so, and a `recv` waits at once.  See `wait_to_call` for what takes care that nothing is missed.

Long for one module, because what all calls share is inlined into each of them.
"""

import os as _os
import socket as _stdlib
from _socket import close as _close_fd, socket as _base

from ._handles import register

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from hublet.core.capi cimport Handle, deadline_in, wait_to_call
from libc.errno cimport EAGAIN, EINTR

from ._addresses cimport AF_INET, AF_INET6, hublet_address, hublet_from_address, hublet_to_address, socklen_t

cdef extern from *:
    """
    #include <errno.h>
    #include <structmember.h>
    #include <sys/socket.h>

    #if defined(__GLIBC__)
      /* An integer fits into what glibc keeps free for this; elsewhere a loaded library may not ask for it. */
      #define HUBLET_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
    #else
      #define HUBLET_THREAD_LOCAL __thread
    #endif
    static HUBLET_THREAD_LOCAL int hublet_spent = 0;

    #define HUBLET_KEEP_GIL 65536
    static char hublet_scratch[HUBLET_KEEP_GIL];

    /* How CPython's socket object begins, in every version that we know of. */
    typedef struct { PyObject_HEAD int fd, family, type, proto; } hublet_socket;

    static Py_ssize_t hublet_slot_offset(PyObject *descriptor) {
        if (!PyObject_TypeCheck(descriptor, &PyMemberDescr_Type)) {
            PyErr_SetString(PyExc_TypeError, "not a slot");
            return -1;
        }
        return ((PyMemberDescrObject *)descriptor)->d_member->offset;
    }
    #define HUBLET_SLOT(self, offset) (*(PyObject **)((char *)(self) + (offset)))
    static void hublet_set_slot(PyObject *self, Py_ssize_t offset, PyObject *value) {
        PyObject *old = HUBLET_SLOT(self, offset);
        Py_INCREF(value);
        HUBLET_SLOT(self, offset) = value;
        Py_XDECREF(old);
    }

    /* As PyObject_GetBuffer(), of what the caller's caller holds: bytes need not be held once more. */
    static int hublet_get_buffer(PyObject *data, Py_buffer *view) {
        if (!PyBytes_CheckExact(data)) return PyObject_GetBuffer(data, view, PyBUF_SIMPLE);
        view->buf = PyBytes_AS_STRING(data);
        view->len = PyBytes_GET_SIZE(data);
        view->obj = NULL;
        return 0;
    }

    /* Each returns minus the error number where the system call returns -1. */
    static Py_ssize_t hublet_recv(int fd, void *buf, size_t size, int flags) {
        Py_ssize_t count;
        if (size > HUBLET_KEEP_GIL) {
            int error;
            Py_BEGIN_ALLOW_THREADS
            count = recv(fd, buf, size, flags | MSG_DONTWAIT);
            error = errno;
            Py_END_ALLOW_THREADS
            return count < 0 ? -error : count;
        }
        count = recv(fd, buf, size, flags | MSG_DONTWAIT);
        return count < 0 ? -errno : count;
    }

    static Py_ssize_t hublet_send(int fd, const void *buf, size_t size, int flags) {
        Py_ssize_t count;
        if (size > HUBLET_KEEP_GIL) {
            int error;
            Py_BEGIN_ALLOW_THREADS
            count = send(fd, buf, size, flags | MSG_DONTWAIT);
            error = errno;
            Py_END_ALLOW_THREADS
            return count < 0 ? -error : count;
        }
        count = send(fd, buf, size, flags | MSG_DONTWAIT);
        return count < 0 ? -errno : count;
    }

    static Py_ssize_t hublet_recvfrom(int fd, void *buf, size_t size, int flags, hublet_address *from, socklen_t *length) {
        Py_ssize_t count;
        *length = sizeof *from;
        count = recvfrom(fd, buf, size, flags | MSG_DONTWAIT, &from->any, length);
        return count < 0 ? -errno : count;
    }

    static Py_ssize_t hublet_sendto(int fd, const void *buf, size_t size, int flags, hublet_address *to, socklen_t length) {
        Py_ssize_t count = sendto(fd, buf, size, flags | MSG_DONTWAIT, &to->any, length);
        return count < 0 ? -errno : count;
    }

    static int hublet_connect(int fd, hublet_address *to, socklen_t length) {
        return connect(fd, &to->any, length) < 0 ? errno : 0;
    }

    static int hublet_accept(int fd, hublet_address *from, socklen_t *length) {
        int accepted;
        *length = sizeof *from;
        accepted = accept4(fd, &from->any, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return accepted < 0 ? -errno : accepted;
    }
    """
    ctypedef struct hublet_socket:
        int fd
        int family
        int type
        int proto
    enum: HUBLET_KEEP_GIL
    int MSG_DONTWAIT, MSG_ERRQUEUE
    char *hublet_scratch
    int hublet_spent
    Py_ssize_t hublet_slot_offset(object descriptor) except -1
    PyObject *HUBLET_SLOT(PyObject *self, Py_ssize_t offset)
    void hublet_set_slot(PyObject *self, Py_ssize_t offset, object value)
    int hublet_get_buffer(object data, Py_buffer *view) except -1
    Py_ssize_t hublet_recv(int fd, void *buf, size_t size, int flags)
    Py_ssize_t hublet_send(int fd, const void *buf, size_t size, int flags)
    Py_ssize_t hublet_recvfrom(int fd, void *buf, size_t size, int flags, hublet_address *come_from, socklen_t *length)
    Py_ssize_t hublet_sendto(int fd, const void *buf, size_t size, int flags, hublet_address *to, socklen_t length)
    int hublet_connect(int fd, hublet_address *to, socklen_t length)
    int hublet_accept(int fd, hublet_address *come_from, socklen_t *length)

cdef extern from "Python.h":
    bint PyObject_TypeCheck(object thing, PyTypeObject *type)
    long PyLong_AsLong(object number) except? -1
    int _PyBytes_Resize(PyObject **data, Py_ssize_t size) except -1
    int PySys_Audit(const char *event, const char *format, ...) except -1

compiled = True

cdef enum:
    READ = 1
    WRITE = 2
    NOT_WAITED = -1  # as `wait_to_call` says it
    CREDIT = 32  # calls in one thread that need not wait, one after the other, before others get their turn
    CREDIT_IN_BYTES = 1 << 20  # the same inside one `sendall`
    COPIED = 16384

cdef PyTypeObject *socket_class = NULL
cdef object socket_type = None
cdef object adopt = None
cdef object later = object()  # a deadline that is taken when there is something to wait for
cdef object base_accept = _base._accept
cdef object base_connect_ex = _base.connect_ex
cdef object base_recvfrom = _base.recvfrom
cdef bint knows_layout = False
cdef bint is_bulk = False  # what came last was more than is copied with profit
cdef Py_ssize_t answered_at, emptied_at, handle_at, timeout_at


def prepare(new_socket_class, new_adopt):
    """Work for *new_socket_class*.  ``adopt(fd, family, type, proto)`` makes one of it around a non-blocking descriptor."""
    global adopt, answered_at, emptied_at, handle_at, knows_layout, socket_class, socket_type, timeout_at
    adopt, socket_type = new_adopt, new_socket_class
    socket_class = <PyTypeObject *>socket_type
    answered_at = hublet_slot_offset(new_socket_class.__dict__["_answered"])
    emptied_at = hublet_slot_offset(new_socket_class.__dict__["_emptied"])
    handle_at = hublet_slot_offset(new_socket_class.__dict__["_handle"])
    timeout_at = hublet_slot_offset(new_socket_class.__dict__["_timeout"])
    probe = _base(_stdlib.AF_INET, _stdlib.SOCK_DGRAM, _stdlib.IPPROTO_UDP)
    cdef hublet_socket *laid_out = <hublet_socket *><PyObject *>probe
    if (laid_out.fd, laid_out.family, laid_out.type, laid_out.proto) == (
        probe.fileno(), probe.family, probe.type, probe.proto
    ):
        probe.close()
        knows_layout = laid_out.fd == -1
    probe.close()


# What the slots hold


cdef inline int check(object self) except -1:
    if not PyObject_TypeCheck(self, socket_class):
        raise TypeError(f"{self!r} is no {socket_type!r}")
    if HUBLET_SLOT(<PyObject *>self, timeout_at) == NULL:
        raise AttributeError(f"{type(self).__name__}.__init__() was not called")
    return 0


cdef inline int descriptor(object self) except? -1:
    return (<hublet_socket *><PyObject *>self).fd if knows_layout else self.fileno()


cdef inline int family_of(object self) except? -1:
    return (<hublet_socket *><PyObject *>self).family if knows_layout else self.family


cdef inline object timeout_of(object self):
    return <object>HUBLET_SLOT(<PyObject *>self, timeout_at)


cdef inline bint may_wait(object self, int flags) except -1:
    timeout = timeout_of(self)
    return (timeout is None or <double>timeout != 0.0) and not flags & (MSG_DONTWAIT | MSG_ERRQUEUE)


cdef inline object deadline_of(object self):
    timeout = timeout_of(self)
    return None if timeout is None else deadline_in(timeout)


# Fairness


def rest():
    """Say that the greenlet that runs has let others run."""
    global hublet_spent
    hublet_spent = 0


def spend(self):
    """Let others run, if the socket is not non-blocking, after too many calls that need not wait."""
    count_call(self)


cdef inline int count_call(object self) except -1:
    global hublet_spent
    hublet_spent += 1
    if hublet_spent > CREDIT:
        self._give_way()
    return 0


# Waiting


cdef object wait_after(object self, int event, int flags, int error, object deadline):
    """Wait after a system call that has failed with *error*, or raise what that means.

    With 0 there was no call, because the last one has taken all that there was; where that is no reason to wait, return at
    once.  Return *deadline*, or, if that was for later, the one that was taken because there was something to wait for.  Who
    has one already has waited before, and goes on with it, whatever mode others have set meanwhile.
    """
    # One frame, and what is seldom in others: a greenlet that waits keeps a copy of this one (benchmarks/echo, idle).
    cdef Handle handle  # held while others run, who may close the socket
    cdef int outcome = NOT_WAITED
    global hublet_spent
    if error != EAGAIN and error != 0 or deadline is later and not may_wait(self, flags):
        refuse(error)
        return deadline
    hublet_spent = 0
    if deadline is later:
        deadline = deadline_of(self)
    if <object>HUBLET_SLOT(<PyObject *>self, emptied_at) is True:
        hublet_set_slot(<PyObject *>self, emptied_at, False)  # until a `recv` says so again
    handle = <Handle>HUBLET_SLOT(<PyObject *>self, handle_at)
    if handle is None and error != 0:
        handle = register(self)
    if handle is not None:
        outcome = wait_to_call(handle, event, deadline, error != 0)
    if outcome <= 0 and (outcome == 0 or error != 0):
        wait_otherwise(self, event, deadline, outcome)
    return deadline


cdef int refuse(int error) except -1:
    """Raise *error*, of a system call, unless it says to try again."""
    if error != EINTR:
        raise OSError(error, _os.strerror(error))
    PyErr_CheckSignals()
    return 0


cdef int wait_otherwise(object self, int event, object deadline, int outcome) except -1:
    """Do what is left to do after `wait_to_call` has returned *outcome*, which was not that it is time for the call."""
    if outcome == 0:
        raise TimeoutError("timed out")
    self._wait(event, deadline)
    return 0


# Receiving


cdef inline bint has_taken_all(object self, Py_ssize_t size, int flags) except -1:
    """Say whether there is nothing to receive until the loop says so, so that a call would only ask in vain."""
    cdef PyObject *emptied = HUBLET_SLOT(<PyObject *>self, emptied_at)
    return <object>emptied is True and flags == 0 and size > 0 and may_wait(self, 0)


cdef inline Py_ssize_t receive(object self, void *buf, Py_ssize_t size, int flags) except? -1:
    """Receive what there is; return minus the error number if that fails."""
    cdef Py_ssize_t count = hublet_recv(descriptor(self), buf, size, flags)
    if count >= 0:
        hublet_set_slot(<PyObject *>self, answered_at, False)
        if <object>HUBLET_SLOT(<PyObject *>self, emptied_at) is not None:
            hublet_set_slot(<PyObject *>self, emptied_at, flags == 0 and 0 < count < size)
    return count


cdef inline bytes from_scratch(Py_ssize_t count, Py_ssize_t size):
    if count <= size:
        return PyBytes_FromStringAndSize(hublet_scratch, count)
    # MSG_TRUNC: the length of the datagram, of which no more than *size* bytes are here.
    return PyBytes_FromStringAndSize(hublet_scratch, size) + bytes(count - size)


def recv(self, Py_ssize_t bufsize, int flags=0, /):
    """As `socket.recv`.  Parks."""
    global is_bulk
    cdef bytes data = None
    cdef PyObject *shrunk
    cdef void *buf = hublet_scratch
    cdef Py_ssize_t count
    cdef object deadline = later
    check(self)
    if bufsize < 0:
        raise ValueError("negative buffersize in recv")
    if bufsize == 0:
        return b""  # as the original, which makes no system call for it, not even of a closed socket
    count_call(self)
    if flags and self._gathers(flags):
        return self._recv_all(bufsize, flags)
    if bufsize > HUBLET_KEEP_GIL or is_bulk:
        data = PyBytes_FromStringAndSize(NULL, bufsize)
        buf = PyBytes_AS_STRING(data)
    if has_taken_all(self, bufsize, flags):
        deadline = wait_after(self, READ, 0, 0, deadline)
    while True:
        count = receive(self, buf, bufsize, flags)
        if count >= 0:
            break
        deadline = wait_after(self, READ, flags, -count, deadline)
    is_bulk = count > COPIED
    if data is None:
        return from_scratch(count, bufsize)
    if count == bufsize:
        return data
    # Handed over to where nothing else refers to it, which is what CPython wants for this.
    shrunk = <PyObject *>data
    Py_INCREF(data)
    data = None
    _PyBytes_Resize(&shrunk, count)
    data = <bytes>shrunk
    Py_DECREF(data)
    return data


def recv_into(self, buffer, Py_ssize_t nbytes=0, int flags=0):
    """As `socket.recv_into`.  Parks."""
    cdef Py_buffer view
    cdef Py_ssize_t count
    cdef object deadline = later
    check(self)
    if flags and self._gathers(flags):
        whole = memoryview(buffer).cast("B")
        if 0 <= nbytes <= len(whole):
            count_call(self)
            return self._recv_all_into(whole[:nbytes] if nbytes else whole, flags)
    try:
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    except (BufferError, TypeError):
        raise TypeError(
            f"recv_into() argument 1 must be read-write bytes-like object, not {type(buffer).__name__}"
        ) from None
    try:
        if nbytes < 0:
            raise ValueError("negative buffersize in recv_into")
        if nbytes > view.len:
            raise ValueError("buffer too small for requested bytes")
        if nbytes == 0:
            nbytes = view.len
        if nbytes == 0:
            return 0
        count_call(self)
        if has_taken_all(self, nbytes, flags):
            deadline = wait_after(self, READ, 0, 0, deadline)
        while True:
            count = receive(self, view.buf, nbytes, flags)
            if count >= 0:
                return count
            deadline = wait_after(self, READ, flags, -count, deadline)
    finally:
        PyBuffer_Release(&view)


def recvfrom(self, Py_ssize_t bufsize, int flags=0, /):
    """As `socket.recvfrom`.  Parks."""
    cdef hublet_address address
    cdef socklen_t length
    cdef Py_ssize_t count
    cdef int family
    cdef object deadline = later
    check(self)
    if flags and bufsize > 0 and self._gathers(flags):
        return self._recvfrom_all(bufsize, flags)
    family = family_of(self)
    if bufsize > HUBLET_KEEP_GIL or bufsize < 0 or family != AF_INET and family != AF_INET6:
        return self._call(READ, flags, base_recvfrom, bufsize, flags)
    count_call(self)
    while True:
        count = hublet_recvfrom(descriptor(self), hublet_scratch, bufsize, flags, &address, &length)
        if count >= 0:
            break
        deadline = wait_after(self, READ, flags, -count, deadline)
    data = from_scratch(count, bufsize)
    hublet_set_slot(<PyObject *>self, answered_at, False)
    return data, hublet_from_address(&address, length)


# Sending


def send(self, data, int flags=0, /):
    """As `socket.send`.  Parks."""
    cdef Py_buffer view
    cdef Py_ssize_t count
    cdef object deadline = later
    check(self)
    hublet_get_buffer(data, &view)
    try:
        count_call(self)
        while True:
            count = hublet_send(descriptor(self), view.buf, view.len, flags)
            if count >= 0:
                hublet_set_slot(<PyObject *>self, answered_at, True)
                return count
            deadline = wait_after(self, WRITE, flags, -count, deadline)
    finally:
        PyBuffer_Release(&view)


def sendall(self, data, int flags=0, /):
    """As `socket.sendall`: one deadline for all of *data*.  Parks."""
    cdef Py_buffer view
    cdef Py_ssize_t count, sent = 0, at_once = 0
    cdef object deadline = later
    check(self)
    hublet_get_buffer(data, &view)
    try:
        count_call(self)
        while True:
            count = hublet_send(descriptor(self), <char *>view.buf + sent, view.len - sent, flags)
            if count >= 0:
                hublet_set_slot(<PyObject *>self, answered_at, True)
                sent += count
                if sent >= view.len:
                    return
                at_once += count
                if at_once >= CREDIT_IN_BYTES:
                    at_once = 0
                    self._give_way()
            else:
                if view.len == 0 and may_wait(self, flags) and count == -EAGAIN:
                    return
                at_once = 0
                deadline = wait_after(self, WRITE, flags, -count, deadline)
    finally:
        PyBuffer_Release(&view)


def sendto(self, *args):
    """As `socket.sendto`.  Parks, also to find the address of a name."""
    cdef hublet_address address
    cdef socklen_t length
    cdef Py_buffer view
    cdef Py_ssize_t count
    cdef int flags = 0
    cdef object deadline = later
    check(self)
    if len(args) == 2:
        length = hublet_to_address(args[1], family_of(self), &address)
    elif len(args) == 3 and type(args[1]) is int:
        flags = args[1]
        length = hublet_to_address(args[2], family_of(self), &address)
    else:
        length = 0
    if length == 0:
        return self._sendto(*args)
    PySys_Audit("socket.sendto", "OO", <PyObject *>self, <PyObject *>args[len(args) - 1])
    hublet_get_buffer(args[0], &view)
    try:
        count_call(self)
        while True:
            count = hublet_sendto(descriptor(self), view.buf, view.len, flags, &address, length)
            if count >= 0:
                hublet_set_slot(<PyObject *>self, answered_at, True)
                return count
            deadline = wait_after(self, WRITE, flags, -count, deadline)
    finally:
        PyBuffer_Release(&view)


# Accepting


def accept(self):
    """As `socket.accept`.  Parks.  What it returns is one of these sockets, whatever the class of this one."""
    cdef object deadline = later
    check(self)
    count_call(self)
    accepted = accept_from(self)
    while accepted is None:
        deadline = wait_after(self, READ, 0, EAGAIN, deadline)
        accepted = accept_from(self)
    return accepted


def accept_from(listener):
    """Return a connection that *listener*, which is non-blocking, has ready, and its peer's address; `None` without one.

    *listener* may be a socket of the standard library.  Never switches.
    """
    cdef hublet_address come_from
    cdef socklen_t length
    cdef int fd, family
    if not isinstance(listener, _base):
        raise TypeError(f"{listener!r} is no socket")
    family = family_of(listener)
    if family == AF_INET or family == AF_INET6:
        while True:
            fd = hublet_accept(descriptor(listener), &come_from, &length)
            if fd >= 0:
                break
            if fd == -EAGAIN:
                return None
            refuse(-fd)
        address = hublet_from_address(&come_from, length)
    else:
        try:
            fd, address = base_accept(listener)
        except BlockingIOError:
            return None
    try:
        if family != AF_INET and family != AF_INET6:
            _os.set_blocking(fd, False)
        return adopt(fd, family, listener.type, listener.proto), address
    except BaseException:
        _close_fd(fd)
        raise


def connect_again(self, address):
    """Ask how connecting to *address*, which has begun, goes on, and return the number of an error, 0 without one.

    Tells `sys.audit` nothing, if the address is one of IP: that has heard of it.  Never switches.
    """
    cdef hublet_address to
    cdef socklen_t length = hublet_to_address(address, family_of(self), &to)
    if length == 0:
        return base_connect_ex(self, address)
    return hublet_connect(descriptor(self), &to, length)

# cython: boundscheck=False, wraparound=False, binding=True
"""`_ssl_transfer.py` in C."""

from _socket import socket as _base
from ssl import SSLError, SSLWantReadError, SSLWantWriteError
from ssl import SSLSocket as _plain

from ._handles import closed_error
from ._transfer import spend

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize
from hublet.core.capi cimport Handle, deadline_in, wait_to_call

cdef extern from *:
    """
    #include <poll.h>
    /* Not a receive that takes nothing: it would take the error of the connection, which is told only once. */
    static int hublet_is_empty(int fd) {
        struct pollfd asked = {fd, POLLIN, 0};
        return fd >= 0 && poll(&asked, 1, 0) == 0;
    }
    """
    bint hublet_is_empty(int fd)

compiled = True

LATER = object()

cdef object _LATER = LATER
cdef object _fileno = _base.fileno
cdef object _class = None
cdef Py_ssize_t RECORD = 16384
cdef enum:
    READ = 1
    SCRATCH = 65536
cdef object _scratch = bytearray(SCRATCH)


def prepare(ssl_socket_class):
    """Work for that class.  In one derived from it, `recv` and `send` call `read` and `write`, which may be overridden."""
    global _class
    _class = ssl_socket_class


cdef object _read_bytes(sslobj, size):
    """Read through one buffer for all, and copy: to make an object of the size asked for and then shrink it costs more."""
    global _scratch
    cdef object scratch
    cdef Py_ssize_t count
    if not 512 < size <= SCRATCH or _scratch is None:
        return sslobj.read(size)
    scratch, _scratch = _scratch, None  # OpenSSL runs without the GIL, and another thread may come in here
    try:
        count = sslobj.read(size, scratch)
        return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(scratch), count)
    finally:
        _scratch = scratch


cdef bint _has_room(buffer) except -1:
    """Say whether anything can be read into *buffer*; what is wrong with it, OpenSSL's part says."""
    cdef Py_buffer view
    cdef bint has_room
    if buffer is None:
        return True
    try:
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    except (BufferError, TypeError):
        return False
    has_room = view.len > 0
    PyBuffer_Release(&view)
    return has_room


cdef bint _wait(self, deadline) except -1:
    """As ``self._is_ready_by(READ, deadline)``, without a frame of Python where it is registered already."""
    cdef int outcome
    cdef Handle handle = self._handle
    if handle is not None:
        outcome = wait_to_call(handle, READ, deadline, True)
        if outcome >= 0:
            return outcome
    return self._is_ready_by(READ, deadline)


cdef object _read(self, sslobj, size, buffer):
    cdef object timeout, result, deadline = _LATER
    spend(self)
    timeout = self._timeout
    if (
        (timeout is None or timeout != 0.0)
        and size > 0
        and self._looks_first
        and _has_room(buffer)
        and not sslobj.pending()
        and hublet_is_empty(_fileno(self))
        and not self._is_over
    ):
        deadline = None if timeout is None else deadline_in(timeout)
        if not _wait(self, deadline):
            raise TimeoutError("The read operation timed out")
        if _fileno(self) < 0:
            raise closed_error()
    try:
        result = _read_bytes(sslobj, size) if buffer is None else sslobj.read(size, buffer)
    except SSLError as error:
        result = self._read_on(error, deadline, sslobj, size, buffer)
    self._answered = False
    if not result:
        self._looks_first = False
    elif not self._looks_first:
        self._looks_first = True
    return result


def read(self, len=1024, buffer=None):
    """As `ssl.SSLSocket.read`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None:
        return _plain.read(self, len, buffer)
    return _read(self, sslobj, len, buffer)


def recv(self, buflen=1024, flags=0):
    """As `ssl.SSLSocket.recv`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None or flags:
        return _plain.recv(self, buflen, flags)
    if self.__class__ is not _class:
        return self.read(buflen)
    return _read(self, sslobj, buflen, None)


cdef object _write(self, sslobj, data):
    spend(self)
    if self._writer is None:
        try:
            count = sslobj.write(data)
            self._answered = True
            return count
        except SSLError as error:
            self._looks_first = False
            if self._timeout == 0.0 or not isinstance(error, (SSLWantReadError, SSLWantWriteError)):
                raise
    return self._write_on(sslobj, data, _LATER)


def write(self, data):
    """As `ssl.SSLSocket.write`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None:
        return _plain.write(self, data)
    return _write(self, sslobj, data)


def send(self, data, flags=0):
    """As `ssl.SSLSocket.send`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None or flags:
        return _plain.send(self, data, flags)
    if self.__class__ is not _class:
        return self.write(data)
    return _write(self, sslobj, data)


def sendall(self, data, flags=0):
    """As `ssl.SSLSocket.sendall`, but with one deadline for all of *data*, as `socket.sendall`.  Parks."""
    sslobj = self._sslobj
    if sslobj is None or flags:
        return _plain.sendall(self, data, flags)
    if self.__class__ is not _class or type(data) is not bytes or not 0 < len(<bytes>data) <= RECORD:
        return self._send_records(data)
    # One record takes all of it.
    _write(self, sslobj, data)

"""The cooperative TLS socket: the standard library's own, on top of our socket instead of its own.

`SSLSocket` inherits from `ssl.SSLSocket` first and from our `socket` second, so that what `ssl.SSLSocket` leaves to its
base class is done by ours, and all that does not wait stays what it is, in each version of Python.  OpenSSL reads and
writes the descriptor itself.  It is non-blocking, so OpenSSL says when it would have to wait, and for what: a read may
first have to write, and a write to read (a handshake within, a change of keys).

Three rules.

1. A call has one deadline, taken when it first has to wait.
2. Who reads waits for the descriptor to be readable, alone, and who writes for it to be writable, alone, as with any
   socket.  Where it is the other way round the waiter only looks on, beside whoever else waits there.
3. A record that was written in part must be finished by the same call, or OpenSSL sends one call's data for another's.
   So while a greenlet waits in the middle of a record, others may not begin one.
"""

from __future__ import annotations

import _socket
import ssl as _stdlib
from contextlib import suppress
from ssl import SSL_ERROR_EOF, SSLError, SSLWantReadError, SSLWantWriteError
from typing import TYPE_CHECKING, Any

from hublet.core import getcurrent
from hublet.core.errors import ConcurrentObjectUseError
from hublet.core.lowlevel import READ, WRITE, Waiter, add_onlooker, place_of, remove_onlooker, waiters_in

from ._handles import closed_error, register
from ._original import block_until_ready
from ._socket import socket
from ._ssl_transfer import LATER, prepare, read, recv, send, sendall, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["SSLSocket"]

_fileno = _socket.socket.fileno


class SSLSocket(_stdlib.SSLSocket, socket):  # type: ignore[misc]  # typeshed's signatures of what TLS refuses
    """As `ssl.SSLSocket`, but a greenlet that waits lets the others run.

    `SSLContext.wrap_socket` makes it, of one of our sockets or of the standard library's.  It parks where the original
    blocks: in `read`, `write`, `do_handshake`, `unwrap`, and what stands on those.  In a native thread that has no hub,
    other than the main one, it blocks that thread.  Beside the errors of the original, waiting raises what it raises in
    `hublet.net.socket.socket`; to write while another greenlet waits in the middle of a write is a
    `ConcurrentObjectUseError` as well.
    """

    __module__ = "hublet.net.ssl"

    suppress_ragged_eofs: bool
    _connected: bool
    _sslobj: Any
    _looks_first: bool = False  # the last thing that OpenSSL did was to give data, so that it will receive next
    _is_over: bool = False  # nothing more is to be waited for in reading
    _writer: Any = None  # the greenlet that waits in the middle of a record

    @classmethod
    def _create(  # type: ignore[no-untyped-def]  # as in `ssl`, where it is private and not in typeshed
        cls, sock, server_side=False, do_handshake_on_connect=True, *args, **kwargs
    ) -> Any:
        # The original does the handshake as well, but some versions leave the socket open if something is thrown at it.
        self: Any = super()._create(sock, server_side, False, *args, **kwargs)  # type: ignore[misc]
        self.do_handshake_on_connect = do_handshake_on_connect
        if do_handshake_on_connect and self._connected:
            try:
                if self.gettimeout() == 0.0:
                    raise ValueError("do_handshake_on_connect should not be specified for non-blocking sockets")
                self.do_handshake()
            except BaseException:
                with suppress(OSError):
                    self.close()
                raise
        return self

    # Waiting

    def _perform(self, event: int, operation: str, deadline: Any, call: Callable[..., Any], *args: Any) -> Any:
        """Return ``call(*args)``; while it says that it would block, wait, if possible for *event*."""
        self._looks_first = False
        begun = deadline is not LATER
        while True:
            try:
                return call(*args)
            except SSLWantReadError:
                if self._timeout == 0.0 and not begun:
                    raise
                wanted = READ
            except SSLWantWriteError:
                if self._timeout == 0.0 and not begun:
                    raise
                wanted = WRITE
            if not begun:
                deadline, begun = self._deadline(), True
            self._wait_for(wanted, event, operation, deadline)

    def _wait_for(self, wanted: int, event: int, operation: str, deadline: float | None) -> None:
        if not (self._is_ready_by(wanted, deadline) if wanted == event else self._look_on(wanted, deadline)):
            raise TimeoutError(f"The {operation} operation timed out")
        if _fileno(self) < 0:
            # Closed after we were woken and before our turn.  OpenSSL would go on with whatever has the number now.
            raise closed_error()

    def _look_on(self, event: int, deadline: float | None) -> bool:
        handle = register(self)
        if handle is None:
            return block_until_ready(_fileno(self), event, deadline)
        waiter = Waiter(f"descriptor {handle.fd} to be {'readable' if event == READ else 'writable'}")
        add_onlooker(handle, event, waiter)
        try:
            return waiter.park(deadline)
        finally:
            remove_onlooker(handle, event, waiter)
            del waiter  # an error is kept in it, whose traceback would hold this frame

    # Reading and writing

    read = read
    recv = recv
    write = write
    send = send
    sendall = sendall

    def _read_on(self, error: SSLError, deadline: Any, sslobj: Any, size: int, buffer: WriteableBuffer | None) -> Any:
        """Go on with a read in which OpenSSL has raised *error*."""
        self._looks_first = False
        args = (size,) if buffer is None else (size, buffer)
        nothing = b"" if buffer is None else 0
        try:
            while True:
                if error.args[0] == SSL_ERROR_EOF and self.suppress_ragged_eofs:
                    return nothing
                wants_to_read = isinstance(error, SSLWantReadError)
                if not (wants_to_read or isinstance(error, SSLWantWriteError)):
                    raise error
                if deadline is LATER and self._timeout == 0.0:
                    raise error
                if wants_to_read and self._is_over:
                    return nothing
                if deadline is LATER:
                    deadline = self._deadline()
                self._wait_for(READ if wants_to_read else WRITE, READ, "read", deadline)
                try:
                    return sslobj.read(*args)
                except SSLError as again:
                    error = again
        finally:
            del error  # or its traceback would hold this frame, which holds it

    def _end_reading(self) -> None:
        """Let whoever reads receive what has come, and then the end, as if the peer had said so.  Never switches.

        To shut down the descriptor would make OpenSSL tell the peer of an error, and refuse to write as well.
        """
        self._is_over = True
        if self._handle is not None:
            for waiter in waiters_in(self._handle.reader):
                waiter.unpark()

    def _write_on(self, sslobj: Any, data: Any, deadline: Any) -> int:
        """Write a record, waiting if need be; refuse if another greenlet waits in the middle of one."""
        if self._writer is not None:
            here = getcurrent()
            raise ConcurrentObjectUseError(
                f"{here!r} would write{place_of(here)} to {self!r}, but {self._writer!r} waits there in the middle of a "
                f"write{place_of(self._writer)}; let one greenlet do all the writing, or put a lock around it"
            )
        self._writer = getcurrent()
        try:
            count: int = self._perform(WRITE, "write", deadline, sslobj.write, data)
            self._answered = True
            return count
        finally:
            self._writer = None

    def _send_records(self, data: ReadableBuffer) -> None:
        sslobj = self._sslobj
        deadline: Any = self._deadline() if self._timeout else LATER
        with memoryview(data) as view, view.cast("B") as rest:
            sent = 0
            while sent < rest.nbytes:
                self._spend()
                sent += self._write_on(sslobj, rest[sent:], deadline)

    # The beginning and the end

    def do_handshake(self, block: bool = False) -> None:
        """As `ssl.SSLSocket.do_handshake`.  Parks."""
        if self._sslobj is None:
            return super().do_handshake(block)  # raises the original's error
        self._check_connected()  # type: ignore[attr-defined]
        deadline = None if block and self._timeout == 0.0 else LATER
        self._perform(READ, "handshake", deadline, self._sslobj.do_handshake)

    def unwrap(self) -> socket:
        """As `ssl.SSLSocket.unwrap`.  Parks.  What it returns is this socket, which is a plain one from then on."""
        if not self._sslobj:
            return super().unwrap()  # type: ignore[return-value]  # raises the original's error
        plain: socket = self._perform(READ, "read", LATER, self._sslobj.shutdown)
        self._sslobj = None
        return plain


prepare(SSLSocket)

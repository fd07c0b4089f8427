"""The cooperative socket: the standard library's own, with every call that could block made to park instead.

The descriptor is always non-blocking, and so is the socket in C below; the timeout that users see is kept here.  Each
call makes the system call first and waits only when there was nothing to do, at most until one deadline, which is taken
when the first wait begins, so that a spurious wake-up grants no second full timeout.

Sockets that always have something to do would never park.  So after some calls without a wait one lets others run, *before*
the next system call: what is thrown at the greenlet then loses no data.

The class is long because `socket.socket` is; each method is a few lines.
"""

from __future__ import annotations

import _socket
import errno
import operator
import os
import warnings
from typing import TYPE_CHECKING, Any

from hublet.core import sleep
from hublet.core.errors import BlockingSwitchOutError
from hublet.core.lowlevel import READ, WRITE, Handle, deadline_in, get_hub_if_exists, wait_on_handle, yield_now

from ._gather import recv_all, recvfrom_all, recvmsg_all
from ._handles import register, release
from ._original import Original, block_until_ready
from ._resolve import resolve_address
from ._sendfile import use_sendfile
from ._transfer import accept, connect_again, prepare, recv, recv_into, recvfrom, rest, send, sendall, sendto, spend
from ._transfer import compiled as transfer_is_compiled

if TYPE_CHECKING:
    from _socket import _Address, _RetAddress
    from collections.abc import Callable, Iterable

    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["socket"]

# What never waits in C either, whatever the timeout: for the error queue the kernel has no event.
_DO_NOT_WAIT = getattr(_socket, "MSG_DONTWAIT", 0) | getattr(_socket, "MSG_ERRQUEUE", 0)
_WAIT_FOR_ALL = getattr(_socket, "MSG_WAITALL", 0)
_PEEK = getattr(_socket, "MSG_PEEK", 0)
_AF_UNIX = getattr(_socket, "AF_UNIX", None)
_BY_NAME = (_socket.AF_INET, _socket.AF_INET6) if hasattr(_socket, "AF_INET6") else (_socket.AF_INET,)
_CONNECTING = (errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK if os.name == "nt" else errno.EINPROGRESS)
_TIMED_OUT = -1
_FIRST_PAUSE, _LAST_PAUSE = 0.001, 0.05  # seconds between attempts, where there is nothing to wait for

# The methods in C, without a look-up along the classes at each call.
_base = _socket.socket
_close = _base.close
_connect_ex = _base.connect_ex
_detach = _base.detach
_fileno = _base.fileno
_finalize: Callable[[_socket.socket], None] = _base.__del__  # type: ignore[attr-defined]
_recvfrom_into = _base.recvfrom_into
_sendto = _base.sendto
_family: Callable[[_socket.socket], int] = _base.family.__get__
_type: Callable[[_socket.socket], int] = _base.type.__get__
_proto: Callable[[_socket.socket], int] = _base.proto.__get__


class socket(Original):
    """As `socket.socket`, but a greenlet that waits lets the others run.

    Every method that `socket.socket` documents to block parks, unless the socket is in non-blocking mode or can answer
    at once.  In a native thread that has no hub, other than the main one, it blocks that thread.  Beside the errors of
    the original, waiting raises `OSError(EBADF)` if the socket is closed by another greenlet meanwhile,
    `ConcurrentObjectUseError` if another greenlet waits for the same, and `InvalidThreadUseError` if the socket belongs to
    the hub of another thread, which was the first to wait for it.

    A copy of the descriptor made by other means (`os.dup`, `fork`) is non-blocking too: the two share that setting.
    """

    __module__ = "hublet.net.socket"
    __slots__ = ("_answered", "_emptied", "_handle", "_hub", "_timeout")

    _answered: bool  # what it did last was to send, or nothing at all
    _closed: bool
    _emptied: bool | None  # the last `recv` has taken all that there was; None where that cannot be known
    _handle: Handle | None
    _hub: Any
    _io_refs: int
    _timeout: float | None

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        self._handle = self._hub = None
        self._answered = True
        _base.__init__(self, family, type, proto, fileno)
        self._io_refs = 0
        self._closed = False
        self._emptied = False if _is_tcp(_family(self), _type(self), _proto(self)) else None
        self._timeout = _base.gettimeout(self)  # the default, or 0.0 with SOCK_NONBLOCK
        if self._timeout != 0.0 or fileno is not None:
            _base.setblocking(self, False)

    # Timeouts

    def gettimeout(self) -> float | None:
        """Return the timeout in seconds; `None` is without limit, 0.0 is non-blocking mode.  Never switches."""
        return self._timeout

    @property
    def timeout(self) -> float | None:
        """The timeout in seconds; `None` is without limit, 0.0 is non-blocking mode."""
        return self._timeout

    def settimeout(self, value: float | None, /) -> None:
        """Let calls wait at most *value* seconds; `None` is without limit, 0 is non-blocking mode.  Never switches.

        What waits already keeps its deadline.  Raises as `socket.settimeout`.
        """
        if value is not None:
            value = float(value if isinstance(value, float) else operator.index(value))
            if value != value:
                raise ValueError("Invalid value NaN (not a number)")
            if value < 0.0:
                raise ValueError("Timeout value out of range")
            if value > 9e9:
                raise OverflowError("timestamp too large to convert to C PyTime_t")
        # Also raises the right error for a descriptor that is not open, and undoes what others have done to a shared one.
        _base.setblocking(self, False)
        self._timeout = value

    def setblocking(self, flag: object, /) -> None:
        """As ``settimeout(None)`` if *flag* is true and ``settimeout(0.0)`` if it is false."""
        self.settimeout(None if flag else 0.0)

    def getblocking(self) -> bool:
        """Return whether calls may wait.  Never switches."""
        return self._timeout != 0.0

    # Waiting

    def _wait(self, event: int, deadline: float | None) -> None:
        """Park until the socket is ready for *event*, `READ` or `WRITE`, after a call has found that it is not."""
        if not self._is_ready_by(event, deadline):
            raise TimeoutError("timed out")

    def _is_ready_by(self, event: int, deadline: float | None) -> bool:
        rest()
        if self._emptied:
            self._emptied = False
        handle = self._handle
        if handle is None or handle.loop is None or self._hub is not get_hub_if_exists():
            handle = register(self)
        if handle is None:
            return block_until_ready(_fileno(self), event, deadline)
        return wait_on_handle(handle, event, deadline)

    def _deadline(self) -> float | None:
        return None if self._timeout is None else deadline_in(self._timeout)

    def _repeat(self, event: int, call: Callable[..., Any], *args: Any) -> Any:
        """Wait and call again until it does not say that it would block."""
        deadline = self._deadline()
        while True:
            self._wait(event, deadline)
            try:
                result = call(self, *args)
            except BlockingIOError:
                continue
            self._answered = event == WRITE
            return result

    def _call(self, event: int, flags: int, call: Callable[..., Any], *args: Any) -> Any:
        """Return ``call(self, *args)``; wait for *event* while it would block."""
        self._spend()
        try:
            result = call(self, *args)
            self._answered = event == WRITE
            return result
        except BlockingIOError:
            if not self._may_wait(flags):
                raise
        return self._repeat(event, call, *args)

    def _is_waiting_for_peer(self) -> bool:
        """Say whether a greenlet waits to receive, having sent something last, or not received anything yet."""
        handle = self._handle
        if not self._answered or handle is None:
            return False
        # Who only looks on, as `select` does, is not the one that receives.
        return getattr(handle.reader, "taker", handle.reader) is not None

    def _nap(self, seconds: float, deadline: float | None) -> bool:
        """Wait *seconds* where the kernel has no event to wait for; false if *deadline* has passed."""
        left = seconds if deadline is None else deadline - deadline_in(0.0)  # type: ignore[operator]
        if left <= 0.0:
            return False
        sleep(min(seconds, left))
        return True

    _spend = spend

    def _give_way(self) -> None:
        """Let others run, unless the caller must not wait: it would not have had to."""
        rest()
        if self._timeout != 0.0:
            try:
                yield_now()
            except BlockingSwitchOutError:
                pass

    # Receiving

    recv = recv
    recv_into = recv_into
    recvfrom = recvfrom

    def _may_wait(self, flags: int) -> bool:
        """Say whether a call with *flags* that would block is to wait."""
        return self._timeout != 0.0 and not flags & _DO_NOT_WAIT

    def _gathers(self, flags: int) -> bool:
        """Say whether a call with *flags* waits in C until the whole buffer is full."""
        return bool(
            flags & _WAIT_FOR_ALL
            and self._timeout is None
            and not flags & (_PEEK | _DO_NOT_WAIT)
            and _type(self) == _socket.SOCK_STREAM
        )

    def _recv_all(self, bufsize: int, flags: int) -> bytes:
        buf = memoryview(bytearray(bufsize))
        return bytes(buf[: recv_all(self, buf, flags)])

    def _recv_all_into(self, view: memoryview, flags: int) -> int:
        return recv_all(self, view, flags)

    def _recvfrom_all(self, bufsize: int, flags: int) -> tuple[bytes, _RetAddress]:
        buf = memoryview(bytearray(bufsize))
        count, address = recvfrom_all(self, buf, flags)
        return bytes(buf[:count]), address

    def recvfrom_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> tuple[int, _RetAddress]:
        """As `socket.recvfrom_into`.  Parks."""
        if flags and self._gathers(flags):
            view = memoryview(buffer).cast("B")
            if 0 <= nbytes <= len(view):
                return recvfrom_all(self, view[:nbytes] if nbytes else view, flags)
        return self._call(READ, flags, _recvfrom_into, buffer, nbytes, flags)  # type: ignore[no-any-return]

    if hasattr(_base, "recvmsg"):

        def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any:
            """As `socket.recvmsg`.  Parks."""
            if flags and bufsize > 0 and self._gathers(flags):
                buf = memoryview(bytearray(bufsize))
                count, *rest = recvmsg_all(self, [buf], ancbufsize, flags)
                return bytes(buf[:count]), *rest
            return self._call(READ, flags, _base.recvmsg, bufsize, ancbufsize, flags)

        def recvmsg_into(self, buffers: Iterable[WriteableBuffer], ancbufsize: int = 0, flags: int = 0, /) -> Any:
            """As `socket.recvmsg_into`.  Parks."""
            # An iterator would be used up by the first attempt.
            buffers = tuple(buffers)
            if flags and self._gathers(flags):
                return recvmsg_all(self, [memoryview(each).cast("B") for each in buffers], ancbufsize, flags)
            return self._call(READ, flags, _base.recvmsg_into, buffers, ancbufsize, flags)

    # Sending

    send = send
    sendall = sendall
    sendto = sendto

    def _sendto(self, *args: Any) -> int:
        """As `sendto`, for any arguments and addresses."""
        if len(args) not in (2, 3):
            return _sendto(self, *args)  # which raises the original's error
        *others, address = args
        flags = others[1] if len(others) > 1 else 0
        return self._send_addressed(address, flags, _sendto, *others, self._resolved(address))

    if hasattr(_base, "sendmsg"):

        def sendmsg(
            self,
            buffers: Iterable[ReadableBuffer],
            ancdata: Iterable[tuple[int, int, ReadableBuffer]] = (),
            flags: int = 0,
            address: _Address | None = None,
            /,
        ) -> int:
            """As `socket.sendmsg`.  Parks, also to find the address of a name."""
            buffers, ancdata = tuple(buffers), tuple(ancdata)
            return self._send_addressed(address, flags, _base.sendmsg, buffers, ancdata, flags, self._resolved(address))

    if hasattr(_base, "sendmsg_afalg"):

        def sendmsg_afalg(self, msg: Iterable[ReadableBuffer] = (), **options: Any) -> int:
            """As `socket.sendmsg_afalg`.  Parks."""
            msg, send = tuple(msg), _base.sendmsg_afalg
            flags = options.get("flags", 0)
            return self._call(WRITE, flags, lambda sock: send(sock, msg, **options))  # type: ignore[no-any-return]

    def _send_addressed(self, address: object, flags: int, call: Callable[..., int], *args: Any) -> int:
        if address is None or _family(self) != _AF_UNIX:
            return self._call(WRITE, flags, call, *args)  # type: ignore[no-any-return]
        # What is full is the queue of a receiver that we are not connected to, of which poll knows nothing.
        waits = self._may_wait(flags)
        deadline, pause = self._deadline(), _FIRST_PAUSE
        while True:
            try:
                return call(self, *args)
            except BlockingIOError:
                if not waits:
                    raise
            if not self._nap(pause, deadline):
                raise TimeoutError("timed out")
            pause = min(2.0 * pause, _LAST_PAUSE)

    def _sendfile_use_sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        self._check_sendfile_params(file, offset, count)  # type: ignore[attr-defined]
        return use_sendfile(self, file, offset, count)

    # Connecting

    accept = accept

    def connect(self, address: _Address, /) -> None:
        """As `socket.connect`.  Parks, also to find the address of a name."""
        address = self._resolved(address)
        try:
            error = self._connect(address)
        except (TypeError, OverflowError) as wrong:
            if str(wrong).startswith("connect_ex():"):  # C was asked for the other one
                wrong.args = (str(wrong).replace("connect_ex", "connect", 1),)
            raise
        if error == _TIMED_OUT:
            raise TimeoutError("timed out")
        if error:
            raise OSError(error, os.strerror(error))

    def connect_ex(self, address: _Address, /) -> int:
        """As `socket.connect_ex`: return the number of the error where `connect` raises `OSError`, and 0 without one.

        Parks, also to find the address of a name.  As in the original, a time-out is `EAGAIN`, and what is wrong with
        the address itself raises.
        """
        address = self._resolved(address)
        try:
            error = self._connect(address)
        except OSError as closed:
            if closed.errno != errno.EBADF:
                raise
            return errno.EBADF
        return errno.EAGAIN if error == _TIMED_OUT else error

    def _connect(self, address: _Address) -> int:
        error = _connect_ex(self, address)
        if not error or self._timeout == 0.0:
            return error
        deadline, pause = self._deadline(), _FIRST_PAUSE
        begun = False
        while True:
            if error in _CONNECTING:
                if not begun:
                    # A peer on this machine has mostly answered by now, and asking again costs less than parking.
                    begun = True
                    error = connect_again(self, address)
                    continue
                in_time = self._is_ready_by(WRITE, deadline)
            elif error == errno.EAGAIN and _family(self) == _AF_UNIX:
                # The listener's queue is full.  Nothing has begun, so there is no event that would tell us to go on.
                in_time = self._nap(pause, deadline)
                pause = min(2.0 * pause, _LAST_PAUSE)
            else:
                # Linux says 0, once, of a connection that was begun before; others say EISCONN.
                return 0 if begun and error == errno.EISCONN else error
            if not in_time:
                return _TIMED_OUT
            # That it is writable may be old news, from before it was connecting; to ask again is to know.
            error = _base.getsockopt(self, _socket.SOL_SOCKET, _socket.SO_ERROR) or connect_again(self, address)

    def _resolved(self, address: Any) -> Any:
        """Return *address* with an IP address in place of a name, which C would look up and block for."""
        if _family(self) not in _BY_NAME:
            return address
        return resolve_address(_family(self), address)

    def bind(self, address: _Address, /) -> None:
        """As `socket.bind`.  Parks to find the address of a name; otherwise never switches."""
        _base.bind(self, self._resolved(address))

    # The end

    def _real_close(self, _ss: Any = None) -> None:
        fd = _fileno(self)
        if fd < 0:
            return
        if release(self, fd, close=True):
            _close(self)
        else:
            _detach(self)

    def detach(self) -> int:
        """As `socket.detach`.  The descriptor stays non-blocking.  Whoever waits for it wakes with `OSError(EBADF)`."""
        fd = _fileno(self)
        if fd >= 0:
            release(self, fd, close=False)
        self._closed = True
        return _detach(self)

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)  # unset if `__init__` failed
        fd = _fileno(self)
        if handle is not None and fd >= 0 and not release(self, fd, close=True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            _detach(self)
        _finalize(self)


def _is_tcp(family: int, type: int, proto: int) -> bool:
    return family in _BY_NAME and type == _socket.SOCK_STREAM and proto in (0, _socket.IPPROTO_TCP)


def _adopt(fd: int, family: int, type: int, proto: int) -> socket:
    """Return a socket that owns *fd*, as ``socket(family, type, proto, fd)`` makes it, in less time."""
    sock = socket.__new__(socket)
    sock._handle = sock._hub = None
    sock._answered = True
    sock._emptied = False if _is_tcp(family, type, proto) else None
    sock._io_refs = 0
    sock._closed = False
    sock._timeout = _socket.getdefaulttimeout()
    if transfer_is_compiled:
        # The flag says that the descriptor is so already, which saves a system call.
        _base.__init__(sock, family, type | _socket.SOCK_NONBLOCK, proto, fd)
    else:
        _base.__init__(sock, family, type, proto, fd)
        _base.setblocking(sock, False)
    return sock


prepare(socket, _adopt)

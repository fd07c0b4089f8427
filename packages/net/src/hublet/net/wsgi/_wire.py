"""Receiving and sending with limits on time: nothing here knows HTTP.

Each wait is bounded, and so is the sum of all waits for one message: a client has `timeout` seconds and one second more
for each `min_rate` bytes that it has sent or taken.  The clock is read only when there was something to wait for.
"""

from __future__ import annotations

import errno
import os
import socket as _stdlib
from typing import TYPE_CHECKING, Any

from hublet.core.lowlevel import WRITE, deadline_in

from .._waiting import cancel_wait
from ..socket import socket as plain
from ._errors import ClientDisconnected

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Patience",
    "is_plain",
    "linger",
    "now",
    "say_goodbye",
    "send",
    "send_file",
    "send_pieces",
    "set_timeout",
    "end_waiting",
]

_MORE = getattr(_stdlib, "MSG_MORE", 0)
_JOINED = 131_072  # bytes up to which copying is cheaper than another system call
_RECEIVED = 65_536
_LARGEST_FILE_PIECE = 2**30  # bytes a call: more overflows on some systems
_shutdown = _stdlib.socket.shutdown


def now() -> float:
    """Return the time that deadlines are compared with, in seconds of `time.monotonic`.  Never switches."""
    moment = deadline_in(0.0)
    assert moment is not None
    return moment


def is_plain(sock: Any) -> bool:
    """Say whether what is sent goes to the kernel as it is, without TLS in between."""
    return type(sock) is plain


def set_timeout(sock: Any, timeout: float | None) -> None:
    """Let calls on *sock* wait at most *timeout* seconds.  Never switches."""
    if is_plain(sock):
        sock._timeout = timeout  # without the system call that `settimeout` makes
    else:
        sock.settimeout(timeout)


class Patience:
    """How long a client is still waited for, while it sends or takes one message."""

    __slots__ = ("_began", "_waited", "moved", "rate", "timeout")

    def __init__(self, timeout: float | None, rate: int | None) -> None:
        self.timeout = timeout
        self.rate = rate
        self._began = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin with the next message."""
        self.moved = 0  # bytes that have come or gone; whoever moves them counts them here
        self._waited = 0.0

    def begin(self) -> float | None:
        """Return how many seconds to wait now, if there is something to wait for; `None` is without limit.

        Raises `TimeoutError` if all has been waited that there was.
        """
        if self.timeout is None:
            return None
        self._began = now()
        if self.rate is None:
            return self.timeout
        left = self.timeout + self.moved / self.rate - self._waited
        if left <= 0.0:
            raise TimeoutError(errno.ETIMEDOUT, f"the client is slower than {self.rate} bytes a second")
        return min(self.timeout, left)

    def end(self, moved: int) -> None:
        """Count the wait that `begin` began, and what it brought."""
        self.moved += moved
        if self.timeout is not None:
            self._waited += now() - self._began


def send(sock: Any, data: Any, patience: Patience, flags: int = 0) -> None:
    """Send all of *data*.  Parks.  Raises `ClientDisconnected` if the client does not take it, for whatever reason."""
    try:
        set_timeout(sock, patience.timeout)
        # Almost always this is all, and nobody has to look at the clock.
        sent = sock.send(data, flags) if flags else sock.send(data)
        patience.moved += sent
        if sent == len(data):
            return
        with memoryview(data) as view:
            while sent < len(view):
                set_timeout(sock, patience.begin())
                more = sock.send(view[sent:], flags)
                patience.end(more)
                sent += more
    except OSError as error:
        raise _gone(error) from error


def send_pieces(sock: Any, pieces: Sequence[bytes], patience: Patience) -> None:
    """Send *pieces* one after the other, in one system call if they are small.  As `send`."""
    if sum(map(len, pieces)) <= _JOINED:
        send(sock, b"".join(pieces), patience)
        return
    more = _MORE if is_plain(sock) else 0
    last = len(pieces) - 1
    for i, piece in enumerate(pieces):
        if piece:
            send(sock, piece, patience, more if i < last else 0)


def send_file(sock: Any, fd: int, offset: int, count: int, patience: Patience) -> int:
    """Send *count* bytes of the regular file *fd* from *offset* by sendfile(2); return how many there were.

    For plain sockets.  Parks.  Raises `ClientDisconnected` as `send`, and `OSError` if the file cannot be read.
    """
    sent = 0
    while sent < count:
        sock._spend()
        try:
            more = os.sendfile(sock.fileno(), fd, offset + sent, min(count - sent, _LARGEST_FILE_PIECE))
        except BlockingIOError:
            try:
                set_timeout(sock, patience.begin())
                sock._wait(WRITE, sock._deadline())
                patience.end(0)
            except OSError as error:
                raise _gone(error) from error
            continue
        except ConnectionError as error:
            raise _gone(error) from error
        if not more:
            break
        sent += more
        patience.moved += more
    return sent


def _gone(error: OSError) -> ClientDisconnected:
    return ClientDisconnected(error.errno or errno.ETIMEDOUT, f"the client did not take the response: {error}")


def end_waiting(sock: Any) -> None:
    """Let whoever waits to receive from *sock* find that nothing comes any more.  Never switches.

    What has arrived can still be read, but over TLS, where an end that the client has not sent is an attack.
    """
    try:
        if is_plain(sock):
            _shutdown(sock, _stdlib.SHUT_RD)
        else:
            cancel_wait(sock, ConnectionAbortedError(errno.ECONNABORTED, "the server ends the connection"))
    except OSError:
        pass  # not connected any more, and then it has found its end already


def say_goodbye(sock: Any, seconds: float) -> None:
    """Tell the client over TLS that nothing follows, and wait at most *seconds* until it has said so too.  Parks.

    Without it, a response that ends with the connection could be cut short by anybody in between.
    """
    if is_plain(sock) or not hasattr(sock, "unwrap") or not seconds:
        return
    try:
        sock.settimeout(seconds)
        sock.unwrap()
    except (OSError, ValueError):
        pass  # it is gone, or has something else to say


def linger(sock: Any, seconds: float) -> None:
    """End the sending direction, then read and drop until the client ends its own, for at most *seconds*.  Parks.

    To close with unread data would reset the connection, and a reset can overtake the response.
    """
    if not seconds:
        return
    try:
        _shutdown(sock, _stdlib.SHUT_WR)
        deadline = now() + seconds
        left = seconds
        while left > 0.0:
            set_timeout(sock, left)
            if not sock.recv(_RECEIVED):
                return
            left = deadline - now()
    except OSError:
        pass  # the client is gone, or has had its time

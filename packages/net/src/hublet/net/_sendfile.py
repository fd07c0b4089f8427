"""Files into sockets by sendfile(2), as the standard library does it, whose version blocks in a selector of its own."""

from __future__ import annotations

import io
import os
import socket as _stdlib
from typing import TYPE_CHECKING, Any

from hublet.core.lowlevel import WRITE

if TYPE_CHECKING:
    from ._socket import socket

__all__ = ["use_sendfile"]

_LARGEST = 2**30  # bytes a call: more overflows on some systems

# Taken now, and raised to let the standard library's `sendfile` read the file and send it instead.
_GiveUp: type[Exception] = _stdlib._GiveupOnSendfile  # type: ignore[attr-defined]
_os_sendfile: Any = getattr(os, "sendfile", None)


def use_sendfile(sock: socket, file: Any, offset: int, count: int | None) -> int:
    """Send *count* bytes of *file* from *offset* on, `None` for all; return how many were sent.  Parks.

    Each wait has the whole timeout of *sock*, since a long file may well take longer; a wake-up that brings nothing
    grants no new one.  Raises the standard library's private error for a file that is none on disk.
    """
    if _os_sendfile is None:
        raise _GiveUp("os.sendfile() is not available on this platform")
    try:
        fd = file.fileno()
        size = os.fstat(fd).st_size
    except (AttributeError, io.UnsupportedOperation, OSError) as error:
        raise _GiveUp(error) from error
    if not size:
        return 0
    if sock.gettimeout() == 0:
        raise ValueError("non-blocking sockets are not supported")
    total = 0
    try:
        while True:
            room = min(size if count is None else count - total, _LARGEST)
            sent = _send_some(sock, fd, offset + total, room) if room > 0 else 0
            total += sent
            if not sent:
                return total
    except OSError as error:
        if total == 0 and not isinstance(error, TimeoutError):
            raise _GiveUp(error) from error
        raise
    finally:
        if total > 0 and hasattr(file, "seek"):
            file.seek(offset + total)


def _send_some(sock: socket, fd: int, offset: int, count: int) -> int:
    sock._spend()
    try:
        return _os_sendfile(sock.fileno(), fd, offset, count)  # type: ignore[no-any-return]
    except BlockingIOError:
        pass
    deadline = sock._deadline()
    while True:
        sock._wait(WRITE, deadline)
        try:
            return _os_sendfile(sock.fileno(), fd, offset, count)  # type: ignore[no-any-return]
        except BlockingIOError:
            pass

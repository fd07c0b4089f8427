"""The standard library's own socket class and poll, whatever may have been put in their place meanwhile.

Everything here that waits blocks the whole native thread; that is what it is for.
"""

from __future__ import annotations

import _socket
import errno
import math
import os
import select
import socket as _module
from time import monotonic
from typing import TYPE_CHECKING

from hublet.core.lowlevel import READ, WRITE
from hublet.core.patching import original

__all__ = ["Original", "block_until_ready"]

if TYPE_CHECKING:
    from socket import socket as Original
else:
    # `socket.socket` may be somebody's replacement by now (ours, under another name; a proxy's); the class that the
    # module `socket` itself derives from the one in C is always this one.
    Original = next(
        (each for each in _socket.socket.__subclasses__() if (each.__module__, each.__name__) == ("socket", "socket")),
        _module.socket,
    )

if original("select", "poll", None) is not None:
    _poll = original("select", "poll")
    _POLLNVAL = select.POLLNVAL
    _EVENTS = {READ: select.POLLIN, WRITE: select.POLLOUT, READ | WRITE: select.POLLIN | select.POLLOUT}

    def _ready(fd: int, events: int, timeout: float | None) -> bool:
        poller = _poll()
        poller.register(fd, _EVENTS[events])
        found = poller.poll(None if timeout is None else math.ceil(timeout * 1000))
        if found and found[0][1] & _POLLNVAL:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return bool(found)

else:
    _select = original("select", "select")

    def _ready(fd: int, events: int, timeout: float | None) -> bool:
        readers = [fd] if events & READ else []
        writers = [fd] if events & WRITE else []
        return any(_select(readers, writers, [fd], timeout))


_LONGEST = 86400.0
"""Seconds to wait at a time: poll(2) counts milliseconds in 32 bits."""


def block_until_ready(fd: int, events: int, deadline: float | None) -> bool:
    """Block this thread until *fd* is ready for one of *events*, or in error; false if *deadline* passed first.

    *deadline* is absolute, in seconds of `time.monotonic`; `None` is no deadline, and one that is past asks without
    waiting.  Raises `OSError(EBADF)` if *fd* is not open.  Never switches.
    """
    while True:
        left = _LONGEST if deadline is None else max(0.0, deadline - monotonic())
        if _ready(fd, events, min(left, _LONGEST)):
            return True
        if deadline is not None and left <= _LONGEST:
            return False

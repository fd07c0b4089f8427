"""`wsgi.file_wrapper`: a file as a response, sent by sendfile(2) where that is possible."""

from __future__ import annotations

import os
import socket as _stdlib
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._wire import is_plain, send, send_file

if TYPE_CHECKING:
    from ._response import Response
    from ._wire import Patience

__all__ = ["FileWrapper"]

_MORE = getattr(_stdlib, "MSG_MORE", 0)


class FileWrapper:
    """A file-like object, as an iterable of blocks of *block_size* bytes.

    Returned by the application itself, unwrapped, a regular file goes from the file system to the socket without passing
    through Python, from where it stands to its end or to the Content-Length, whichever is first.
    """

    def __init__(self, filelike: Any, block_size: int = 65_536) -> None:
        self.filelike = filelike
        self.block_size = block_size
        self._fd = self._offset = self._size = -1
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = self.filelike.read(self.block_size)
        if block:
            return block
        raise StopIteration

    def can_send(self, sock: Any) -> bool:
        """Say whether sendfile(2) can send it to *sock*."""
        if not hasattr(os, "sendfile") or not is_plain(sock):
            return False
        try:
            fd = self.filelike.fileno()
            offset = self.filelike.tell()
            status = os.fstat(fd)
        except (AttributeError, OSError, ValueError):  # io.UnsupportedOperation is the last two
            return False
        if not stat.S_ISREG(status.st_mode):
            return False
        self._fd, self._offset, self._size = fd, offset, max(0, status.st_size - offset)
        return True

    def send(self, response: Response, sock: Any, patience: Patience) -> None:
        """Send the file.  Parks.  As `Response.write`."""
        head, count = response.begin_file(self._size)
        send(sock, head, patience, _MORE if count else 0)
        if count:
            response.sent = send_file(sock, self._fd, self._offset, count, patience)
        response.end()


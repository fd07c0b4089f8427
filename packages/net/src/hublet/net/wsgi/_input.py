"""`wsgi.input`: the body of a request as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ._framing import Body

__all__ = ["Input"]

_PIECE = 65_536


class Input:
    """The body of a request, read as a binary file is: it ends where the body does.

    Every method parks until the client has sent what it returns.  They raise `Refused`, an `OSError`, if the body is
    malformed, beyond `Limits.body` or too slow, and `ClientDisconnected` if the client goes away in the middle of it; if the
    application lets that through, the server answers accordingly.

    Of a request with ``Expect: 100-continue``, the first read sends the ``100 Continue``.
    """

    __slots__ = ("_at", "_body", "_kept", "_on_first_read")

    def __init__(self, body: Body, on_first_read: Callable[[], None] | None = None) -> None:
        self._body = body
        self._kept = b""  # read off the connection, and returned up to `_at`
        self._at = 0
        self._on_first_read = on_first_read

    def _more(self, size: int) -> bytes:
        """Return some bytes, at most *size*; nothing at the end."""
        if self._at < len(self._kept):
            begin = self._at
            self._at = min(begin + size, len(self._kept))
            return self._kept[begin : self._at]
        if self._on_first_read is not None:
            tell, self._on_first_read = self._on_first_read, None
            tell()
        return self._body.read(size)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return *size* bytes, fewer only at the end of the body; all that is left if *size* is negative or `None`."""
        if size is None or size < 0:
            everything: list[bytes] = []
            while True:
                piece = self._more(_PIECE)
                if not piece:
                    return b"".join(everything)
                everything.append(piece)
        if size == 0:
            return b""
        piece = self._more(size)
        if len(piece) == size or not piece:
            return piece
        pieces = [piece]
        left = size - len(piece)
        while left:
            piece = self._more(left)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line with its end; at most *size* bytes of it, if *size* is not negative."""
        if size is None:
            size = -1
        if size == 0:
            return b""
        pieces: list[bytes] = []
        left = size
        while left:
            if self._at >= len(self._kept):
                self._kept, self._at = self._more(_PIECE), 0
                if not self._kept:
                    break
            end = self._kept.find(b"\n", self._at) + 1
            ends = end > 0
            if not ends:
                end = len(self._kept)
            if 0 < left < end - self._at:
                end = self._at + left
            piece = self._kept[self._at : end]
            self._at = end
            if ends and not pieces:
                return piece
            pieces.append(piece)
            if ends:
                break
            if left > 0:
                left -= len(piece)
        return b"".join(pieces)

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        """Return the lines that are left; stop after those that make *hint* bytes, if *hint* is positive."""
        lines = []
        size = 0
        for line in self:
            lines.append(line)
            size += len(line)
            if hint is not None and 0 < hint <= size:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

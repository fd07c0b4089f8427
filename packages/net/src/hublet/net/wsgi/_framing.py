"""Where the body of a request ends: after so many bytes, or after the last chunk.

The framing is read here, byte by byte and strictly, because a parser that is fed whatever has arrived does not tell where
one message ends and the next begins, and to be wrong about that by one byte is to answer a request that was never made.
RFC 9112 sections 6 and 7.
"""

from __future__ import annotations

import re

from ._errors import ClientDisconnected, Refused
from ._incoming import Incoming
from ._limits import Limits
from ._wire import Patience

__all__ = ["Body", "ChunkedBody", "LengthBody", "NoBody"]

_CHUNK_LINE = 1024  # bytes of a chunk's size and extensions
_SIZE_DIGITS = 16
# Horizontal tab and everything printable, in a quoted string or not: extensions are ignored, not understood.
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:;[\t\x20-\x7e\x80-\xff]*)?")
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")


class Body:
    """The body of one request, as it is taken off the connection piece by piece."""

    __slots__ = ("finished",)

    def __init__(self) -> None:
        self.finished = True
        """Whether all of it has been taken: what comes next on the connection is the next request."""

    def read(self, size: int) -> bytes:
        """Return at least one byte and at most *size*; nothing at the end.

        Parks.  Raises `Refused` if the framing is broken, the body beyond its limit, or the client too slow, and
        `ClientDisconnected` if it has gone away.
        """
        return b""

    def known_rest(self) -> int | None:
        """Return how many bytes are left, or `None` if only reading them could tell."""
        return 0


class NoBody(Body):
    """The body of a request that has none."""

    __slots__ = ()


class _Arriving(Body):
    """A body that is still on its way."""

    __slots__ = ("_failure", "_incoming", "_limits", "_patience")

    def __init__(self, incoming: Incoming, limits: Limits) -> None:
        self.finished = False
        # Raised again by every later read: nobody may read on behind a place where the framing was wrong.
        self._failure: OSError | None = None
        self._incoming = incoming
        self._limits = limits
        self._patience = Patience(limits.body_timeout, limits.min_rate)

    def read(self, size: int) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self.finished:
            return b""
        try:
            return self._read(size)
        except OSError as error:
            self._failure = error
            raise

    def _read(self, size: int) -> bytes:
        raise NotImplementedError

    def _fill(self) -> None:
        """Wait for more."""
        incoming = self._incoming
        before = len(incoming)
        try:
            arrived = incoming.fill(self._patience.begin())
            self._patience.end(len(incoming) - before)
        except TimeoutError:
            raise Refused("408 Request Timeout", "the body did not arrive in time") from None
        except OSError as error:
            raise ClientDisconnected(error.errno, f"the client has gone away in the middle of a body: {error}") from error
        if not arrived:
            raise ClientDisconnected("the client has ended the connection in the middle of a body")


class LengthBody(_Arriving):
    """A body of a length that the client has told."""

    __slots__ = ("_left",)

    def __init__(self, incoming: Incoming, limits: Limits, length: int) -> None:
        super().__init__(incoming, limits)
        self._left = length

    def _read(self, size: int) -> bytes:
        if not len(self._incoming):
            self._fill()
        piece = self._incoming.take(min(size, self._left))
        self._left -= len(piece)
        self.finished = not self._left
        return piece

    def known_rest(self) -> int | None:
        return self._left


class ChunkedBody(_Arriving):
    """A body in chunks, each with its size before it."""

    __slots__ = ("_left", "_started", "_total")

    def __init__(self, incoming: Incoming, limits: Limits) -> None:
        super().__init__(incoming, limits)
        self._left = 0  # of the chunk that is being read
        self._started = False
        self._total = 0

    def _read(self, size: int) -> bytes:
        if not self._left and not self._begin_chunk():
            return b""
        if not len(self._incoming):
            self._fill()
        piece = self._incoming.take(min(size, self._left))
        self._left -= len(piece)
        return piece

    def known_rest(self) -> int | None:
        return 0 if self.finished else None

    def _begin_chunk(self) -> bool:
        """Read the line before a chunk; false if it was the last one."""
        if self._started and self._line(0):
            raise Refused("400 Bad Request", "a chunk is longer than its size says")
        self._started = True
        match = _CHUNK.fullmatch(self._line(_CHUNK_LINE))
        if match is None:
            raise Refused("400 Bad Request", "malformed chunk size")
        digits = match[1]
        if len(digits) > _SIZE_DIGITS:
            raise Refused("400 Bad Request", "chunk size too large")
        self._left = int(digits, 16)
        self._total += self._left
        if self._limits.body is not None and self._total > self._limits.body:
            raise Refused("413 Content Too Large", f"the body has more than {self._limits.body} bytes")
        if self._left:
            return True
        self._skip_trailer()
        self.finished = True
        return False

    def _skip_trailer(self) -> None:
        """Read the fields after the last chunk, which nobody is given: they could pretend to be headers."""
        size = count = 0
        while True:
            line = self._line(self._limits.header_bytes - size, "431 Request Header Fields Too Large")
            if not line:
                return
            size += len(line)
            count += 1
            if count > self._limits.header_count:
                raise Refused("431 Request Header Fields Too Large", "too many trailer fields")
            if _FIELD.fullmatch(line) is None:
                raise Refused("400 Bad Request", "malformed trailer field")

    def _line(self, longest: int, refusal: str = "400 Bad Request") -> bytes:
        """Return the next line without its end, which is CR LF and nothing else."""
        incoming = self._incoming
        looked = 0
        while True:
            at = incoming.data.find(b"\n", incoming.start + looked)
            if at >= 0:
                line = incoming.data[incoming.start : at - 1]
                if at - 1 < incoming.start or incoming.data[at - 1] != 13 or b"\r" in line:
                    raise Refused("400 Bad Request", "a line in a chunked body does not end with CR LF")
                if len(line) > longest:
                    raise Refused(refusal, "a line in a chunked body is too long")
                incoming.start = at + 1
                return line
            looked = len(incoming)
            if looked > longest + 1:
                raise Refused(refusal, "a line in a chunked body is too long")
            self._fill()

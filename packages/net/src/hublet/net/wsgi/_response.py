"""One response: what the application calls to send it, and how it goes out.

What is small goes out in one system call, head and body together.  The length is told where it is known; else the body
is chunked, or, for HTTP/1.0, ended with the connection.  Whatever the application does, what follows on the connection
is the next response or nothing: `reusable` tells.
"""

from __future__ import annotations

from typing import Any

from . import _clock, _fields, _wire
from ._errors import ApplicationError
from ._fields import ResponseHead
from ._file_wrapper import FileWrapper
from ._wire import Patience

__all__ = ["Response"]

_JOINED = 65_536  # bytes of a list that are joined, to be sent at once
_KEEP_10 = b"Connection: keep-alive\r\n"
_CLOSE = b"Connection: close\r\n"


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"the body of a response must be made of bytes, not {type(data).__name__}")


class Response:
    """The response to one request.

    `keep_alive` is whether the connection may be kept, as far as is known; it counts when the head is sent, and after the
    response had its end.  *server* is asked then whether it is draining.
    """

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_declared",
        "_head",
        "_head_only",
        "_http11",
        "_patience",
        "_server",
        "_sock",
        "ended",
        "keep_alive",
        "sent",
        "started",
        "status",
    )

    def __init__(
        self, sock: Any, patience: Patience, server: Any, head_only: bool, http11: bool, keep_alive: bool
    ) -> None:
        self._sock = sock
        self._patience = patience
        self._server = server
        self._head_only = head_only
        self._http11 = http11
        self.keep_alive = keep_alive
        self._head: ResponseHead | None = None
        self._bodiless = False
        self._chunked = False
        self._declared = -1
        self.started = False  # whether the head is sent
        self.ended = False
        self.sent = 0  # bytes of the body
        self.status: str | None = None

    # For the application

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """As PEP 3333 has it: remember *status* and *headers* until the body begins; return `write`.

        Never switches.  Raises `ApplicationError` for a second call without *exc_info*, what *exc_info* holds if the head
        is sent already, and otherwise as `write_head`.
        """
        if self.ended:
            raise ApplicationError("start_response was called after the response had ended")
        if exc_info is not None:
            try:
                if self.started:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # or the traceback would hold this frame, which holds it
        elif self._head is not None:
            raise ApplicationError("start_response was called twice, the second time without exc_info")
        self._head = _fields.write_head(status, headers)
        self.status = status
        return self.write

    def write(self, data: bytes) -> None:
        """Send a piece of the body, with the head before it if it is the first.  Parks.

        Raises `TypeError` if it is not bytes, `ApplicationError` if there may be no such piece, and `ClientDisconnected` if
        the client does not take it.
        """
        if type(data) is not bytes:
            data = _as_bytes(data)
        if self.ended:
            raise ApplicationError("a piece of the body came after the response had ended")
        size = len(data)
        if not self.started:
            self._send_first(data, size, -1)
            return
        self._check_room(size)
        if not size or self._head_only:
            return
        if self._chunked:
            _wire.send_pieces(self._sock, (b"%x\r\n" % size, data, b"\r\n"), self._patience)
        else:
            _wire.send(self._sock, data, self._patience)
        self.sent += size

    # For the server

    def send_result(self, result: Any) -> None:
        """Send what the application has returned, to its end.  Parks.  As `write`; and what *result* raises."""
        kind = type(result)
        if (kind is list or kind is tuple) and not self.started:
            self._send_list(result)
            return
        if kind is FileWrapper and self.has_room_for_file() and result.can_send(self._sock):
            result.send(self, self._sock, self._patience)
            return
        is_single = False
        if not self.started:
            try:
                is_single = len(result) == 1
            except TypeError:
                pass  # an iterator, mostly
        for piece in result:
            if not piece:
                continue
            if type(piece) is not bytes:
                piece = _as_bytes(piece)
            if is_single and not self.started:
                self._send_first(piece, len(piece), len(piece))
            else:
                self.write(piece)
        self.end()

    def _send_list(self, pieces: Any) -> None:
        if len(pieces) == 1:
            body = pieces[0]
            if type(body) is not bytes:
                body = _as_bytes(body)
        else:
            pieces = [_as_bytes(piece) for piece in pieces]
            total = sum(map(len, pieces))
            if total > _JOINED:
                self._send_first(pieces[0], len(pieces[0]), total)
                for piece in pieces[1:]:
                    self.write(piece)
                self.end()
                return
            body = b"".join(pieces)
        self._send_first(body, len(body), len(body))
        self.end()

    def end(self) -> None:
        """Send what has to follow the last piece.  Parks.  Raises `ApplicationError` if the body is shorter than declared."""
        if self.ended:
            return
        if not self.started:
            self._send_first(b"", 0, 0)
        self.ended = True
        if self._chunked and not self._head_only:
            _wire.send(self._sock, b"0\r\n\r\n", self._patience)
        elif self.sent < self._declared and not self._head_only and not self._bodiless:
            self.keep_alive = False
            raise ApplicationError(f"Content-Length is {self._declared}, but the body has {self.sent} bytes")

    def has_room_for_file(self) -> bool:
        """Say whether a file could be the whole body."""
        head = self._head
        return not self.started and head is not None and head.code != 304 and head.code != 204

    def begin_file(self, total: int) -> tuple[bytes, int]:
        """Return the head of a response whose body is *total* bytes that the caller sends, and how many of them."""
        head = self._take_head()
        if head.length > total and not self._head_only:
            raise ApplicationError(f"Content-Length is {head.length}, but the file has {total} bytes")
        count = total if head.length < 0 else head.length
        text = self._finish_head(head, count)
        self.started = True
        return text, 0 if self._head_only else count

    def send_error(self, status: str, why: str) -> None:
        """Send a response of the server's own and end.  Parks.  Only before anything is sent."""
        body = f"{status}\n{why}\n".encode("latin-1", "replace") if why else f"{status}\n".encode("latin-1")
        self._head = None
        self.keep_alive = False
        self.start_response(status, [("Content-Type", "text/plain; charset=latin-1")])
        self._send_first(body, len(body), len(body))
        self.end()

    def _take_head(self) -> ResponseHead:
        head = self._head
        if head is None:
            raise ApplicationError("the application has sent a body, or returned, without calling start_response")
        return head

    def _send_first(self, data: Any, size: int, total: int) -> None:
        """Send the head and the first piece; *total* is the length of the whole body if it is known, else -1."""
        head = self._take_head()
        code = head.code
        if (code == 304 or code == 204) and size:
            raise ApplicationError(f"a response with status {code} has no body, but the application has sent one")
        if 0 <= head.length and not self._head_only and code != 304 and code != 204:
            if total >= 0 and total != head.length or size > head.length:
                has = f"{total}" if total >= 0 else f"at least {size}"
                raise ApplicationError(f"Content-Length is {head.length}, but the body has {has} bytes")
        text = self._finish_head(head, total)
        self.started = True
        self.sent = 0 if self._head_only else size
        if not size or self._head_only:
            _wire.send(self._sock, text, self._patience)
        elif self._chunked:
            _wire.send_pieces(self._sock, (text, b"%x\r\n" % size, data, b"\r\n"), self._patience)
        elif size < _JOINED:
            _wire.send(self._sock, text + data, self._patience)
        else:
            _wire.send_pieces(self._sock, (text, data), self._patience)

    def _finish_head(self, head: ResponseHead, total: int) -> bytes:
        """Decide how the body is framed and return the head, up to the empty line."""
        code = head.code
        length = head.length if head.length >= 0 else total
        if self._server._draining or head.connection and "close" in head.connection:
            self.keep_alive = False
        framing = b""
        if code == 204:
            self._bodiless = True
        elif code == 304:
            self._bodiless = True
            if head.length >= 0:
                framing = b"Content-Length: %d\r\n" % head.length
        elif length >= 0 and not (self._head_only and head.length < 0 and total == 0):
            framing = b"Content-Length: %d\r\n" % length
            self._declared = length
        elif self._head_only:
            pass  # applications send no body for HEAD, and then its length is not known
        elif self._http11:
            framing = b"Transfer-Encoding: chunked\r\n"
            self._chunked = True
        else:
            self.keep_alive = False
        connection = b""
        if head.connection and "upgrade" in head.connection:
            connection = b"Connection: upgrade\r\n" if self.keep_alive else b"Connection: close, upgrade\r\n"
        elif not self.keep_alive:
            connection = _CLOSE
        elif not self._http11:
            connection = _KEEP_10
        date = b"" if head.dated else _clock.date_header()
        return b"".join((head.text, date, framing, connection, b"\r\n"))

    def _check_room(self, size: int) -> None:
        if not size:
            return
        if self._bodiless:
            self.keep_alive = False
            raise ApplicationError("a response with this status has no body, but the application has sent one")
        if 0 <= self._declared < self.sent + size and not self._head_only:
            self.keep_alive = False
            raise ApplicationError(f"Content-Length is {self._declared}, but the body has at least {self.sent + size} bytes")

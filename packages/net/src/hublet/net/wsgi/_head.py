"""The head of a request: from its first byte to the empty line.

llhttp, by way of httptools, parses the header fields.  What smuggles requests past other servers is looked for here as
well, in the bytes themselves: not every version of llhttp is as strict as the newest, and a field that is framing for one
server and text for another must be neither.

Dictionaries keep what has been worked out for names that come again with every request; they are cleared when they grow,
since it is the clients that fill them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from . import _scan
from ._errors import Refused
from ._limits import Limits

try:
    from httptools import (
        HttpParserError,
        HttpParserInvalidMethodError,
        HttpParserUpgrade,
        HttpRequestParser,
    )
except ImportError as error:  # pragma: no cover
    raise ImportError(
        "hublet.net.wsgi parses requests with httptools, which is not installed; install it with: pip install 'hublet-net[http]'"
    ) from error

if TYPE_CHECKING:
    from ._incoming import Incoming

__all__ = ["Head", "HeadParser"]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL)
_HOST_BYTES = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=:%[]"
_MOST_KEPT = 512

_ONCE = frozenset({"HTTP_HOST", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "CONTENT_TYPE", "HTTP_AUTHORIZATION"})
_DROPPED = ""
_keys: dict[bytes, str] = {}
_methods = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_hosts: set[str] = set()
_versions = {b"HTTP/1.1": True, b"HTTP/1.0": False}


def _bad(why: str) -> Refused:
    return Refused("400 Bad Request", why)


def _environ_key(name: bytes) -> str:
    """Return where the environ has the header field *name*; `_DROPPED` if it is not to have it."""
    if _TOKEN.fullmatch(name) is None:
        raise _bad("malformed header name")
    if b"_" in name:
        # In the environ it would be the same as the one with a hyphen, which a proxy in front may have checked or set.
        key = _DROPPED
    else:
        key = name.decode("ascii").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
    if len(_keys) >= _MOST_KEPT:
        _keys.clear()
    _keys[name] = key
    return key


def count_kept_names() -> int:
    """Return how many header names are kept, worked out."""
    return len(_keys)


class Head:
    """What the head of one request says."""

    __slots__ = (
        "fields",
        "http11",
        "keep_alive",
        "length",
        "line",
        "method",
        "path",
        "query",
        "target",
        "waits",
        "wants_upgrade",
    )

    def __init__(self) -> None:
        self.line = b""  # the request line, for the log
        self.method = ""
        self.target = ""
        self.path = ""
        self.query = ""
        self.http11 = True
        self.fields: dict[str, str] = {}  # by their keys in the environ
        self.length = 0  # of the body; -1 if it comes in chunks
        self.keep_alive = True
        self.waits = False  # for a 100 before it sends the body
        self.wants_upgrade = False


class HeadParser:
    """Finds and reads the heads of one connection's requests."""

    __slots__ = ("_fields", "_header_bytes", "_header_count", "_limits", "_parser", "_refusal", "_request_line")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._request_line = limits.request_line
        self._header_bytes = limits.header_bytes
        self._header_count = limits.header_count
        self._fields: dict[str, str] = {}
        self._refusal: Refused | None = None
        self._parser: Any = None

    def find_end(self, incoming: Incoming, looked: int) -> int:
        """Return where in `incoming.data` the head ends, or -1 if more has to come; *looked* bytes were seen before.

        Raises `Refused` once what is there can be no head.
        """
        data, start = incoming.data, incoming.start
        if data.startswith(b"\r\n", start):
            raise _bad("an empty line before the request line")
        end = data.find(b"\r\n\r\n", start + looked - 3 if looked > 3 else start)
        if end >= 0:
            return end + 4
        size = len(data) - start
        line_end = data.find(b"\r\n", start)
        if line_end < 0:
            if size > self._request_line + 2:
                raise Refused("414 URI Too Long", f"the request line has more than {self._request_line} bytes")
        elif len(data) - line_end > self._header_bytes + 4:
            raise Refused(
                "431 Request Header Fields Too Large", f"the header has more than {self._header_bytes} bytes"
            )
        # Who sends lines with other ends would otherwise be waited for until it is too late.
        if data.count(b"\n", start) != data.count(b"\r\n", start) or data.find(b"\0", start) >= 0:
            raise _bad("a line that does not end with CR LF, or a NUL")
        return -1

    def parse(self, data: bytes, start: int, end: int) -> Head:
        """Return what ``data[start:end]``, which ends with an empty line, says.  Raises `Refused`."""
        line_end = data.find(b"\r\n", start, end)
        if line_end - start > self._request_line:
            raise Refused("414 URI Too Long", f"the request line has more than {self._request_line} bytes")
        if end - line_end - 4 > self._header_bytes:
            raise Refused("431 Request Header Fields Too Large", f"the header has more than {self._header_bytes} bytes")
        lines = _scan.count_lines(data, start, end)
        if lines < 0:
            raise _bad("CR or LF alone, a NUL, or a folded line")
        if lines - 2 > self._header_count:
            raise Refused("431 Request Header Fields Too Large", f"the header has more than {self._header_count} fields")
        head = Head()
        self._read_request_line(head, data[start:line_end])
        self._read_fields(head, data, start, end)
        self._read_framing(head)
        return head

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header field.  Called by llhttp."""
        key = _keys.get(name)
        if key is None:
            try:
                key = _environ_key(name)
            except Refused as refusal:
                self._refusal = refusal
                raise
        if key is _DROPPED:
            return
        text = value.decode("latin-1").strip(" \t")
        fields = self._fields
        if key not in fields:
            fields[key] = text
        elif key in _ONCE:
            self._refusal = _bad(f"repeated header field: {name.decode('ascii')}")
            raise self._refusal
        else:
            fields[key] += ("; " if key == "HTTP_COOKIE" else ",") + text

    def _read_request_line(self, head: Head, line: bytes) -> None:
        head.line = line
        parts = line.split(b" ")
        if len(parts) != 3:
            raise _bad("malformed request line")
        method, target, version = parts
        http11 = _versions.get(version)
        if http11 is None:
            if _VERSION.fullmatch(version) is None:
                raise _bad("malformed request line")
            raise Refused("505 HTTP Version Not Supported", "this server speaks HTTP/1.0 and HTTP/1.1")
        head.http11 = http11
        known = _methods.get(method)
        if known is None:
            if _TOKEN.fullmatch(method) is None:
                raise _bad("malformed method")
            known = method.decode("ascii")
        head.method = known
        if not _scan.is_visible(target) or b"#" in target:  # a fragment is the client's own business
            raise _bad("malformed URI")
        head.target = target.decode("ascii")
        self._read_target(head, method, target)

    def _read_target(self, head: Head, method: bytes, target: bytes) -> None:
        if method == b"CONNECT":
            raise Refused("501 Not Implemented", "this server is no proxy")
        if not target.startswith(b"/"):
            if target == b"*" and method == b"OPTIONS":
                return
            match = _ABSOLUTE.fullmatch(target)
            if match is None or not match[1] or match[1].translate(None, _HOST_BYTES):
                raise _bad("malformed URI")
            # RFC 9112 section 3.2.2: it counts, and what the header field says does not.
            head.fields["HTTP_HOST"] = match[1].decode("ascii")
            target = match[2]
            if not target.startswith(b"/"):
                target = b"/" + target
        path, _, query = target.partition(b"?")
        if b"%" in path:
            if _BAD_PERCENT.search(path) is not None:
                raise _bad("malformed URI")
            path = unquote_to_bytes(path)
        head.path = path.decode("latin-1")
        head.query = query.decode("latin-1")

    def _read_fields(self, head: Head, data: bytes, start: int, end: int) -> None:
        parser = self._parser
        if parser is None:
            parser = HttpRequestParser(self)
        self._fields = {}
        self._refusal = self._parser = None
        try:
            parser.feed_data(data if start == 0 and end == len(data) else data[start:end])
        except HttpParserUpgrade:
            head.wants_upgrade = True
        except HttpParserInvalidMethodError:
            raise Refused("501 Not Implemented", "unknown method") from None
        except HttpParserError as error:
            raise (_bad(f"malformed request: {error}") if self._refusal is None else self._refusal) from None
        else:
            self._parser = parser
        named = head.fields.get("HTTP_HOST")
        fields = head.fields = self._fields
        host = fields.get("HTTP_HOST")
        if host is None:
            if head.http11:
                raise _bad("missing Host")
        elif host not in _hosts:
            if host.encode("latin-1").translate(None, _HOST_BYTES):
                raise _bad("malformed Host")
            if len(_hosts) >= _MOST_KEPT:
                _hosts.clear()
            _hosts.add(host)
        if named is not None:
            fields["HTTP_HOST"] = named

    def _read_framing(self, head: Head) -> None:
        fields = head.fields
        length = fields.get("CONTENT_LENGTH")
        coding = fields.get("HTTP_TRANSFER_ENCODING")
        if coding is not None:
            if length is not None:
                raise _bad("Content-Length with Transfer-Encoding")
            if not head.http11 or coding.lower() != "chunked":
                raise _bad("unknown transfer coding")
            head.length = -1
            self._parser = None  # it waits for the body, which it is not given
        elif length is not None:
            if not (length.isascii() and length.isdigit()) or len(length) > 18:
                raise _bad("malformed Content-Length")
            head.length = int(length)
            if self._limits.body is not None and head.length > self._limits.body:
                raise Refused("413 Content Too Large", f"the body has more than {self._limits.body} bytes")
            if head.length:
                self._parser = None
        connection = fields.get("HTTP_CONNECTION")
        if connection is None:
            head.keep_alive = head.http11
        else:
            tokens = [token.strip() for token in connection.lower().split(",")]
            head.keep_alive = "close" not in tokens and (head.http11 or "keep-alive" in tokens)
            head.wants_upgrade = head.http11 and "upgrade" in tokens and bool(fields.get("HTTP_UPGRADE"))
            if not head.keep_alive:
                self._parser = None  # to llhttp nothing can follow
        expected = fields.get("HTTP_EXPECT")
        if expected is not None and head.http11:
            if expected.lower() != "100-continue":
                raise Refused("417 Expectation Failed", "this server understands 100-continue only")
            head.waits = head.length != 0

"""What an application says in `start_response`, checked and written as the head of a response.

Nothing here knows what was sent.  Checked statuses and names are kept, since applications use the same few.
"""

from __future__ import annotations

import re
from typing import Any

from . import _scan
from ._errors import ApplicationError

__all__ = ["ResponseHead", "write_head"]

_STATUS = re.compile(r"([1-9][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MOST_KEPT = 512
_statuses: dict[str, tuple[int, str]] = {}

_PLAIN, _LENGTH, _DATE, _CONNECTION, _DROPPED, _FORBIDDEN = range(6)
_KINDS = {
    "content-length": _LENGTH,
    "date": _DATE,
    "connection": _CONNECTION,
    "keep-alive": _DROPPED,
    # The framing is the server's; were it the application's too, the two could differ.
    "transfer-encoding": _FORBIDDEN,
    "trailer": _FORBIDDEN,
}
_kinds: dict[str, int] = {}


class ResponseHead:
    """The status and the header fields of a response, ready to be sent but for what the server adds."""

    __slots__ = ("code", "connection", "dated", "length", "text")

    def __init__(self) -> None:
        self.code = 0
        self.text = b""  # status line and fields, each with its line end
        self.length = -1  # as the application has said it; -1 if it has not
        self.dated = False  # whether the application has sent a date itself
        self.connection = ""  # what the application says of the connection, in lower case


def _parse_status(status: str) -> tuple[int, str]:
    if not isinstance(status, str):
        raise TypeError(f"the status must be a str, not {status!r}")
    match = _STATUS.fullmatch(status)
    if match is None:
        raise ValueError(f"the status must be three digits, a space and a phrase, not {status!r}")
    if status[0] == "1":
        raise ApplicationError(f"{status!r} is not the status of a response; the server sends interim ones itself")
    if len(_statuses) >= _MOST_KEPT:
        _statuses.clear()
    parsed = _statuses[status] = int(match[1]), f"HTTP/1.1 {status}\r\n"
    return parsed


def _kind_of(name: Any) -> int:
    if not isinstance(name, str):
        raise TypeError(f"a header name must be a str, not {name!r}")
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"malformed header name: {name!r}")
    if len(_kinds) >= _MOST_KEPT:
        _kinds.clear()
    kind = _kinds[name] = _KINDS.get(name.lower(), _PLAIN)
    return kind


def write_head(status: str, headers: Any) -> ResponseHead:
    """Return what *status* and *headers* make.

    Raises `TypeError` for what is no str, `ValueError` for CR, LF or NUL in it and for a malformed name, status or length,
    and `ApplicationError` for what only the server may send.  Never switches.
    """
    head = ResponseHead()
    parsed = _statuses.get(status) if type(status) is str else None
    if parsed is None:
        parsed = _parse_status(status)
    head.code = parsed[0]
    lines = [parsed[1]]
    if not isinstance(headers, (list, tuple)):
        raise TypeError(f"the headers must be a list of tuples, not {headers!r}")
    for name, value in headers:
        kind = _kinds.get(name)
        if kind is None:
            kind = _kind_of(name)
        if type(value) is not str:
            if not isinstance(value, str):
                raise TypeError(f"the value of the header {name!r} must be a str, not {value!r}")
        if kind != _PLAIN and not _apply(head, kind, name, value):
            continue
        lines.append(f"{name}: {value}\r\n")
    text = head.text = "".join(lines).encode("latin-1")
    if _scan.count_lines(text, 0, len(text)) != len(lines):
        raise ValueError(f"CR, LF or NUL in the status or a header: {status!r}, {headers!r}")
    return head


def _apply(head: ResponseHead, kind: int, name: str, value: str) -> bool:
    """Take what a field means to the server; true if the field is sent as it is."""
    if kind == _LENGTH:
        if head.length >= 0:
            raise ApplicationError("Content-Length is there twice")
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise ValueError(f"malformed Content-Length: {value!r}")
        head.length = int(value)
        return False  # sent by the server, or not, as the status and method want it
    if kind == _DATE:
        head.dated = True
        return True
    if kind == _CONNECTION:
        head.connection = value.strip().lower()
        return False
    if kind == _FORBIDDEN:
        raise ApplicationError(f"the header {name!r} is the server's to send; return the body, and it frames it")
    return False

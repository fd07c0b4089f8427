"""Looking at the bytes of a head.  `_scan.pyx` is the same in C."""

from __future__ import annotations

__all__ = ["count_lines", "is_visible"]


def count_lines(data: bytes, start: int, end: int) -> int:
    """Return how many lines ``data[start:end]`` has, each ended by CR LF.

    It is -1 if there is a CR or LF alone, a NUL, or a line that continues the one before it, as it begins with a blank.
    """
    count = data.count(b"\n", start, end)
    if data.count(b"\r\n", start, end) != count or data.count(b"\r", start, end) != count:
        return -1
    if b"\0" in data[start:end] or data.find(b"\n ", start, end) >= 0 or data.find(b"\n\t", start, end) >= 0:
        return -1
    return count


def is_visible(text: bytes) -> bool:
    """Say whether *text* is nothing but visible ASCII characters, no blanks among them."""
    return text.isascii() and text.decode("ascii").isprintable() and b" " not in text

"""`io.open`, on raw files that park: the standard library's buffers and text layers, and the rules by which it picks them.

The buffers of `io` have a lock, which other threads wait for, but a second greenlet of the same thread is an error
("reentrant call").  For a write it is kept out until the first is done; a close puts the other one out.
"""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Any

from ._raw import RawFile, UnbufferedFile

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["buffered", "open_file", "open_pipe", "raw_of", "take_unread"]


class _Turns:
    """One greenlet at a time in the methods of a buffer that move bytes out or end it."""

    if TYPE_CHECKING:
        raw: RawFile
        closed: bool

    def flush(self) -> None:
        if not self.closed:
            self.raw.wait_for_my_turn()
        super().flush()  # type: ignore[misc]

    def close(self) -> None:
        if not self.closed:
            self.raw.throw_others_out()
        super().close()  # type: ignore[misc]


class _Reader(_Turns, io.BufferedReader):
    raw: RawFile

    def flush(self) -> None:
        super(_Turns, self).flush()


class _Writer(_Turns, io.BufferedWriter):
    raw: RawFile

    def write(self, data: ReadableBuffer, /) -> int:
        self.raw.wait_for_my_turn()
        return super().write(data)


class _Both(_Turns, io.BufferedRandom):
    raw: RawFile

    def write(self, data: ReadableBuffer, /) -> int:
        self.raw.wait_for_my_turn()
        return super().write(data)


def open_pipe(fd: int, mode: str, buffering: int = -1) -> Any:
    """Return a binary file on *fd*, one end of a pipe, which it closes; as ``io.open(fd, mode, buffering)``.

    *mode* is "rb" or "wb"; *buffering* is a number of bytes, 0 for none and negative for the usual.  Never switches.
    """
    if buffering == 0:
        return UnbufferedFile(fd, mode)
    return buffered(RawFile(fd, mode), mode, buffering)


def open_file(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """Open *file*, a path or a descriptor, and return a file whose reading and writing parks.  As `io.open`.

    Never switches.  Raises as `io.open`.
    """
    if not isinstance(file, int):
        file = os.fspath(file)
    is_text = "b" not in mode
    if is_text and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    if "t" in mode and not is_text:
        raise ValueError("can't have text and binary mode at once")
    for name, value in (("encoding", encoding), ("errors", errors), ("newline", newline)):
        if value is not None and not is_text:
            raise ValueError(f"binary mode doesn't take {'an' if name[0] == 'e' else 'a'} {name} argument")
    if is_text:
        encoding = io.text_encoding(encoding)  # type: ignore[attr-defined]
    raw_mode = mode.replace("t", "").replace("b", "").replace("U", "")
    raw = (UnbufferedFile if buffering == 0 else RawFile)(file, raw_mode, closefd, opener)
    try:
        line_buffering = is_text and (buffering == 1 or (buffering < 0 and raw.isatty()))
        if buffering == 0:
            return raw
        buffer = buffered(raw, raw_mode, -1 if line_buffering else buffering)
        if not is_text:
            return buffer
        text = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering)
        text.mode = mode  # type: ignore[misc]
        return text
    except BaseException:
        raw.close()
        raise


def buffered(raw: RawFile, mode: str, buffering: int = -1) -> Any:
    """Return the buffer that `io.open` would put around *raw*; *mode* says which."""
    if buffering == 1:
        warnings.warn(
            "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used",
            RuntimeWarning,
            stacklevel=3,
        )
    size = buffering
    if size <= 1:
        size = max(os.fstat(raw.fileno()).st_blksize if raw._is_regular else 0, io.DEFAULT_BUFFER_SIZE)
    if "+" in mode:
        return _Both(raw, size)
    return _Reader(raw, size) if "r" in mode else _Writer(raw, size)


def raw_of(file: Any) -> Any:
    """Return the raw file below *file*; that itself if it is one, or something else."""
    buffer = getattr(file, "buffer", file)
    return getattr(buffer, "raw", buffer)


def take_unread(file: Any) -> bytes:
    """Return what an interrupted reading to the end of *file*, one of ours or not, has left, and forget it."""
    raw = raw_of(file)
    return raw.take_unread() if isinstance(raw, RawFile) else b""

"""`sys.stdin`, `sys.stdout` and `sys.stderr` once more, so that whoever waits for a tty or a pipe only parks.

They are made when they are asked for.  What is no file on a descriptor, because somebody has put it in their place
already, stays.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from ._open import buffered
from ._raw import RawFile

__all__: list[str] = []

_made: dict[str, Any] = {}


def _cooperative(original: Any) -> Any:
    if not isinstance(original, io.TextIOWrapper):
        return original
    try:
        fd = original.fileno()
    except (OSError, ValueError):
        return original
    original.flush()
    mode = "r" if original.readable() else "w"
    text = io.TextIOWrapper(
        buffered(RawFile(fd, mode, closefd=False), mode),
        original.encoding,
        original.errors,
        line_buffering=original.line_buffering,
        write_through=original.write_through,
    )
    text.mode = mode  # type: ignore[misc]
    text.buffer.raw.name = original.name
    return text


def __getattr__(name: str) -> Any:
    if name not in ("stdin", "stdout", "stderr"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _made:
        _made[name] = _cooperative(getattr(sys, name))
    return _made[name]

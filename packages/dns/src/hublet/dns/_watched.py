"""Files of the system that are read again when they have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ._file_state import FileState

__all__ = ["Watched"]

T = TypeVar("T")

# Taken now: that these are local files, and small, is what makes it right to read them right here.
_open = open


class Watched(Generic[T]):
    """What *parse* makes of the text of the file *path*; of "" if it cannot be read.  Never switches."""

    def __init__(self, path: str, parse: Callable[[str], T]) -> None:
        self.path = path
        self.version = 0  # how many times it has been read
        self._parse = parse
        self._state = FileState(path)
        self._value: T

    def get(self) -> T:
        """Return the present content, parsed anew if the file has changed since the last call."""
        if self._state.changed():
            self._value = self._parse(self._read())
            self.version += 1
        return self._value

    def _read(self) -> str:
        try:
            with _open(self.path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            return ""

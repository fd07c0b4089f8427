"""Whether a file has changed, by what the system says of it."""

from __future__ import annotations

import os

__all__ = ["FileState"]


class FileState:
    """What the file *path* was like when it was last looked at."""

    __slots__ = ("_path", "_state")

    def __init__(self, path: str) -> None:
        self._path = path
        self._state: object = self  # unequal to every real one

    def changed(self) -> bool:
        """Look; say whether it is another file than the last time, or has been written to.  Never switches."""
        try:
            found = os.stat(self._path)
            # The inode too: an editor replaces the file, maybe twice within one tick of its clock.
            state: object = (found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError:
            state = None
        before, self._state = self._state, state
        return state != before

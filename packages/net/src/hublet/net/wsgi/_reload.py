"""Starting anew when a source file has changed.  For development."""

from __future__ import annotations

import os
import sys

from hublet.core import sleep

__all__ = ["INHERITED", "Sources", "start_anew"]

INHERITED = "HUBLET_WSGI_FD"
"""The environment variable that tells the new program which descriptor listens already."""


class Sources:
    """The files of all modules that are loaded, as they are now and as they were when first seen."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def find_changed(self) -> str | None:
        """Return a file that has changed since the last call; `None` if none has.  Never switches."""
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path.endswith(".py"):
                self._times.setdefault(path, _modified(path))
        for path, before in self._times.items():
            if _modified(path) != before:
                return path
        return None

    def add(self, path: str) -> None:
        """Watch a file that is not loaded."""
        self._times.setdefault(path, _modified(path))

    def wait(self, seconds: float) -> str:
        """Look every *seconds* and return the first file that has changed.  Parks."""
        while True:
            changed = self.find_changed()
            if changed is not None:
                return changed
            sleep(seconds)


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def start_anew(fd: int) -> None:
    """Replace this program by itself, with *fd* still listening, so that no client finds nobody.  Does not return."""
    os.set_inheritable(fd, True)
    os.environ[INHERITED] = str(fd)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

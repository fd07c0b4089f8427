"""The functions of the standard library's `os` that wait for children, descriptors, or fork; cooperative.  For POSIX.

The rest of `os` is there as well.
"""

from __future__ import annotations

import os as _stdlib
import sys
from typing import Any

if sys.platform == "win32":
    raise ImportError("hublet.process.os needs POSIX so far; on Windows use `os` itself, which blocks")

from ._fdio import make_nonblocking, nb_read, nb_write, tp_read, tp_write
from ._forking import fork, fork_and_watch, forkpty, posix_spawn, posix_spawnp
from ._reaper import wait, wait3, wait4, waitid, waitpid

__all__ = [
    "fork",
    "fork_and_watch",
    "forkpty",
    "make_nonblocking",
    "nb_read",
    "nb_write",
    "posix_spawn",
    "posix_spawnp",
    "tp_read",
    "tp_write",
    "wait",
    "wait3",
    "wait4",
    "waitid",
    "waitpid",
]


def __getattr__(name: str) -> Any:
    return getattr(_stdlib, name)

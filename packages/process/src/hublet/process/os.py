"""The functions of the standard library's `os` that wait for child processes, cooperative.  For POSIX.

`waitpid` is all so far.  `os.fork` needs none: the hub of a forked child is made usable by core.
"""

import sys

if sys.platform == "win32":
    raise ImportError("hublet.process.os needs POSIX so far; on Windows use `os` itself, which blocks")

from ._reaper import waitpid

__all__ = ["waitpid"]

"""The functions of the standard library's `os` that wait for child processes, cooperative.

`waitpid` is all so far.  `os.fork` needs none: the hub of a forked child is made usable by core.
"""

from ._reaper import waitpid

__all__ = ["waitpid"]

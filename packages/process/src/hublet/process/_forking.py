"""`fork` and its relatives: the child goes on with the hub of the thread that forked, and nothing switches inside them."""

from __future__ import annotations

import os

from hublet.core import reinit
from hublet.core.patching import original

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._reaper import ChildWatch

__all__ = ["fork", "fork_and_watch", "forkpty", "posix_spawn", "posix_spawnp"]

_fork, _forkpty = original("os", "fork"), original("os", "forkpty")

# They start a child without waiting for it, so the system's own will do.
posix_spawn, posix_spawnp = os.posix_spawn, os.posix_spawnp


def fork() -> int:
    """Fork the process: return 0 in the child and the child's pid in the parent.  As `os.fork`.

    All greenlets of the calling thread go on in the child as well; those that wait for a descriptor wait for it there.
    Never switches, unless a lock that must be free for the fork (`logging` has one) is held by another greenlet.
    """
    pid: int = _fork()
    if pid == 0:
        reinit()
    return pid


def forkpty() -> tuple[int, int]:
    """Fork the process, with a new pseudo-terminal as the child's.  As `os.forkpty`, and otherwise as `fork`."""
    pid, master = _forkpty()
    if pid == 0:
        reinit()
    return pid, master


def fork_and_watch(
    callback: Callable[[ChildWatch], object] | None = None,
    loop: Any = None,
    ref: bool = False,
    fork: Callable[[], int] = fork,
) -> int:
    """Fork the process, and in the parent reap the child when it ends.  Otherwise as `fork`.

    ``callback(watch)`` is called in a greenlet then; `watch` has the `pid` and the `status`.  `waitpid` still gets the
    status.  *ref* says whether the wait for the child is something for `hublet.core.wait` to stay for; without it, the
    child is asked at intervals of at most 50 ms.  *loop* is accepted and has no meaning.  *fork* is what forks.
    """
    pid = fork()
    if pid:
        from ._reaper import watch_child  # late: few programs come here

        watch_child(pid, callback, ref)
    return pid

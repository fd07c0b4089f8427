"""What sync replaces in the standard library: locks, threads, and the one queue that is not made of locks.

`queue.Queue` and its relatives are, so they become cooperative with `threading`.
"""

from __future__ import annotations

from importlib.util import find_spec

from hublet.core.patching import Patch

from ._adopt import adopt
from ._as_thread import __all__ as _thread_names
from ._as_threading import __all__ as _threading_names

__all__ = ["PATCHES"]

_DISTRIBUTION = "hublet-sync"

PATCHES: tuple[Patch, ...] = (
    Patch("thread", "_thread", f"{__package__}._as_thread", tuple(_thread_names), distribution=_DISTRIBUTION),
    Patch(
        "thread",
        "threading",
        f"{__package__}._as_threading",
        tuple(_threading_names),
        distribution=_DISTRIBUTION,
        hook=adopt,
    ),
    Patch("queue", "_queue", __package__, ("SimpleQueue",), distribution=_DISTRIBUTION),
    Patch("queue", "queue", __package__, ("SimpleQueue",), distribution=_DISTRIBUTION),
)

def _adopt_semaphores() -> None:
    from ._as_multiprocessing import adopt_semaphores  # late: it loads half of multiprocessing

    adopt_semaphores()


if find_spec("_multiprocessing") is not None:  # not everywhere: some platforms have no processes
    PATCHES += (
        Patch(
            "thread",
            "multiprocessing.connection",
            f"{__package__}._as_multiprocessing",
            ("wait",),
            distribution=_DISTRIBUTION,
            hook=_adopt_semaphores,
        ),
        Patch(
            "thread",
            "multiprocessing.connection:Connection",
            f"{__package__}._as_multiprocessing",
            ("_close", "_recv"),
            distribution=_DISTRIBUTION,
        ),
    )

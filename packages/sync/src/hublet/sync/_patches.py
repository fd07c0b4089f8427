"""What sync replaces in the standard library: locks, threads, and the one queue that is not made of locks.

`queue.Queue` and its relatives are, so they become cooperative with `threading`.  Ours in their place would be faster,
and break subclasses and whoever uses `mutex`, `not_empty` or `queue`, which are part of what programs know of them.
"""

from __future__ import annotations

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

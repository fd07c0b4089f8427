"""What sync replaces in the standard library: locks, threads and queues.

Instances and subclasses of `queue.Queue` that exist stay what they are: made of locks, so that they become cooperative with
`threading` (`_earlier_queues`).  The errors of queues stay too, but a second copy of the module gets those of the first,
which ours raise.

The replacements of `_thread`, which is always there, import `threading`: its main thread is the one that imports it, and that
is to be this one and no greenlet.
"""

from __future__ import annotations

import sys

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

_DISTRIBUTION = "hublet-sync"

# Names that a version of Python does not have are passed over there.
_OF_THREAD = (
    "LockType",
    "RLock",
    "_ThreadHandle",
    "_count",
    "_make_thread_handle",
    "_set_sentinel",
    "_shutdown",
    "allocate",
    "allocate_lock",
    "get_ident",
    "lock",
    "start_joinable_thread",
    "start_new",
    "start_new_thread",
)
_OF_THREADING = (
    "Lock",
    "RLock",
    "_CRLock",
    "_DeleteDummyThreadOnDel",
    "_DummyThread",
    "_LockType",
    "_ThreadHandle",
    "_allocate_lock",
    "_make_thread_handle",
    "_set_sentinel",
    "_start_joinable_thread",
    "_start_new_thread",
    "_thread_shutdown",
    "get_ident",
)

_RELIED_ON: tuple[str, ...] = (
    "_thread:_count",
    "threading:Condition.__init__[_lock, _waiters]",
    "threading:Thread.__init__[_invoke_excepthook]",
    "threading:_DummyThread.__init__(self)",
    "threading:_active",
    "threading:current_thread[_DummyThread]",
)
if sys.version_info >= (3, 13):
    _RELIED_ON += (
        "_thread:_ThreadHandle.is_done",
        "_thread:_make_thread_handle",
        "_thread:_shutdown",
        "threading:Thread.join[_handle]",
        "threading:Thread.start[_handle, _start_joinable_thread]",
        "threading:_MainThread.__init__[_make_thread_handle]",
        "threading:_shutdown[_thread_shutdown]",
    )
else:
    _RELIED_ON += (
        "threading:Thread._set_tstate_lock[_set_sentinel, _tstate_lock]",
        "threading:Thread.start[_start_new_thread]",
        "threading:_shutdown[_tstate_lock]",
        "threading:_shutdown_locks",
    )


def _adopt() -> None:
    from ._adopt import adopt  # late: imported with the replacements, not with the records

    adopt()


def _adopt_queues() -> None:
    from ._earlier_queues import adopt  # late: as above

    adopt()


PATCHES: tuple[Patch, ...] = (
    Patch("thread", "_thread", f"{__package__}._as_thread", _OF_THREAD, distribution=_DISTRIBUTION),
    Patch(
        "thread",
        "threading",
        f"{__package__}._as_threading",
        _OF_THREADING,
        distribution=_DISTRIBUTION,
        hook=_adopt,
        relies_on=_RELIED_ON,
    ),
    Patch("queue", "_queue", f"{__package__}._as_queue", ("Empty", "SimpleQueue"), distribution=_DISTRIBUTION),
    Patch(
        "queue",
        "queue",
        f"{__package__}._as_queue",
        ("Empty", "Full", "LifoQueue", "PriorityQueue", "Queue", "ShutDown", "SimpleQueue"),
        distribution=_DISTRIBUTION,
        hook=_adopt_queues,
    ),
)

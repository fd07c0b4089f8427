"""Objects of the standard library as they were before anyone could patch them.

Everything in core that blocks a native thread, reads a clock or starts a thread takes it from here, never from the
module that `hublet.monkey` rewrites.  This module is imported with core itself, hence before the first patch of ours.
"""

from __future__ import annotations

from _thread import _count as count_started_threads  # that run by now, the main one not counted
from _thread import _local as thread_local
from _thread import allocate_lock, get_ident, start_new_thread
from time import monotonic
from time import sleep as thread_sleep

__keeps_originals__ = True  # for whoever patches: what this package holds of the standard library stays as it is

__all__ = [
    "allocate_lock",
    "count_started_threads",
    "get_ident",
    "monotonic",
    "start_new_thread",
    "thread_local",
    "thread_sleep",
]

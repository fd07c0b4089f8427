"""Objects of the standard library as they were before anyone could patch them.

Everything in core that blocks a native thread, reads a clock or starts a thread takes it from here, never from the
module that `hublet.monkey` rewrites.  This module is imported with core itself, hence before the first patch of ours.
"""

import select as _select
from _thread import _count as count_started_threads  # that run by now, the main one not counted
from _thread import _local as thread_local
from _thread import allocate_lock, get_ident, start_new_thread
from select import select
from time import monotonic
from time import sleep as thread_sleep

__keeps_originals__ = True  # for whoever patches: what this package holds of the standard library stays as it is

__all__ = [
    "allocate_lock",
    "count_started_threads",
    "get_ident",
    "monotonic",
    "poll_fd",
    "select",
    "start_new_thread",
    "thread_local",
    "thread_sleep",
]

if hasattr(_select, "poll"):
    # Taken now: monkey patching takes `poll` away from the module or replaces it.
    _poll, _EVENTS = _select.poll, (0, _select.POLLIN, _select.POLLOUT)

    def poll_fd(fd: int, event: int) -> bool:
        """Say, without waiting, whether *fd* is ready for *event*, 1 to read or 2 to write; an error counts as ready."""
        poller = _poll()
        poller.register(fd, _EVENTS[event])
        return bool(poller.poll(0))

else:
    _select_call = _select.select

    def poll_fd(fd: int, event: int) -> bool:
        """Say, without waiting, whether *fd* is ready for *event*, 1 to read or 2 to write; an error counts as ready."""
        wanted = ([fd], [], []) if event == 1 else ([], [fd], [fd])
        return any(_select_call(*wanted, 0))

"""Waiting for one or several descriptors that are not ours alone.

The descriptors of a child's pipes get around: programs close them by number, pass them on to other children and use
them from other threads.  So each is on the loop only while somebody waits for it here, and nothing stale is left behind
when its number comes back as something else.  That costs a few system calls for each wait, which is nothing beside a
process.

A native thread that has no hub waits with `poll(2)`, and gets no hub by that.
"""

from __future__ import annotations

import select as _select
from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING

from hublet.core.errors import ConcurrentObjectUseError
from hublet.core.lowlevel import READ, WRITE, Waiter, add_onlooker, forget_fd, handle_for, remove_onlooker, wait_on_handle
from hublet.core.patching import original

if TYPE_CHECKING:
    from hublet.core.lowlevel import Handle

__all__ = ["READ", "WRITE", "wait_ready"]

_poll = original("select", "poll")  # monkey patching takes it away from the module or replaces it
_EVENTS = {READ: _select.POLLIN, WRITE: _select.POLLOUT}
_LONGEST = 2**31 - 1  # milliseconds: all that poll(2) takes


def wait_ready(wanted: Mapping[int, int], deadline: float | None = None) -> list[int]:
    """Wait until a descriptor in *wanted* is ready, and return all that are; none if *deadline* passed first.

    *wanted* says for each descriptor whether to `READ` or to `WRITE`; one at its end, in error or closed is ready.
    *deadline* is absolute, as `deadline_in` makes it; `None` is none.  Parks unless one is ready; a native thread
    without a hub blocks.  Raises `ConcurrentObjectUseError` if another greenlet waits for the same, and as
    `Waiter.park`.
    """
    poller = _poll()
    for fd, event in wanted.items():
        poller.register(fd, _EVENTS[event])
    ready = poller.poll(0)
    while not ready:
        waiter = Waiter(f"descriptor {' or '.join(map(str, wanted))}")
        if waiter.scheduler is None:
            in_time = deadline is None or monotonic() < deadline
            ready = poller.poll(_milliseconds(deadline))
        else:
            in_time = _park(waiter, wanted, deadline)
            ready = poller.poll(0)
        if not in_time:
            break
    return [fd for fd, _ in ready]


def _milliseconds(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    return min(max((deadline - monotonic()) * 1000 + 1, 0), _LONGEST)


def _park(waiter: Waiter, wanted: Mapping[int, int], deadline: float | None) -> bool:
    """Park until any of the descriptors wakes *waiter*; false if *deadline* passed first."""
    handles: list[tuple[Handle, int]] = []
    try:
        for fd, event in wanted.items():
            handle = handle_for(fd)
            handles.append((handle, event))
            if len(wanted) == 1:
                return wait_on_handle(handle, event, deadline)
            first = handle.reader if event == READ else handle.writer
            if isinstance(first, Waiter):
                raise ConcurrentObjectUseError(
                    f"{first.greenlet!r} waits for descriptor {fd} already, and only one greenlet can: "
                    f"let one greenlet do all the {'reading' if event == READ else 'writing'}"
                )
            if first is not None:
                add_onlooker(handle, event, waiter)  # beside those that only look, as `select` does
            elif event == READ:
                handle.set_reader(waiter)
            else:
                handle.set_writer(waiter)
        return waiter.park(deadline)
    finally:
        for handle, event in handles:
            handle.clear_reader(waiter)
            handle.clear_writer(waiter)
            remove_onlooker(handle, event, waiter)
            # Without a loop, it was taken off by whoever closed the descriptor, and the number may be another's now.
            if handle.loop is not None and handle.reader is None and handle.writer is None:
                forget_fd(handle.fd)

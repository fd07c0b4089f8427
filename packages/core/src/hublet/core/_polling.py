"""The system's own ways to ask about descriptors, as they were before anyone could patch them.

Not in `_native`: few programs come to need them, and who patches `select` would have to because core had imported it.
"""

from __future__ import annotations

import select as _select

from .patching import original

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["devpoll", "epoll", "poll", "poll_fd", "select"]

select: Any = original("select", "select")
# None where there is none.
epoll: Any = original("select", "epoll", None)
devpoll: Any = original("select", "devpoll", None)
poll: Any = original("select", "poll", None)

if poll is not None:
    _EVENTS = (0, _select.POLLIN, _select.POLLOUT)

    def poll_fd(fd: int, event: int) -> bool:
        """Say, without waiting, whether *fd* is ready for *event*, 1 to read or 2 to write; an error counts as ready."""
        poller = poll()
        poller.register(fd, _EVENTS[event])
        return bool(poller.poll(0))

else:

    def poll_fd(fd: int, event: int) -> bool:
        """Say, without waiting, whether *fd* is ready for *event*, 1 to read or 2 to write; an error counts as ready."""
        wanted = ([fd], [], []) if event == 1 else ([], [fd], [fd])
        return any(select(*wanted, 0))

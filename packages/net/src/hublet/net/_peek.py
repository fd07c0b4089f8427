"""Whether there is nothing to receive, without an exception.  `_peek.pyx` says the same in C."""

from __future__ import annotations

import select
from typing import Any

__all__ = ["is_empty"]

if hasattr(select, "poll"):
    # Taken now: patching replaces it.
    _make_poll, _POLLIN = select.poll, select.POLLIN

    def is_empty(sock: Any) -> bool:
        """Say whether *sock*, open or not, has neither data nor its end nor an error to receive.  Never switches."""
        poller = _make_poll()
        fd = sock.fileno()
        if fd < 0:
            return False
        poller.register(fd, _POLLIN)
        return not poller.poll(0)

else:

    def is_empty(sock: Any) -> bool:
        """Say that it is not known to be so: the call that follows will tell."""
        return False

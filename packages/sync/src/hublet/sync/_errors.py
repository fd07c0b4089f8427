"""The errors of queues: the standard library's, where it has them."""

from __future__ import annotations

import queue
import sys
from queue import Empty, Full

if sys.version_info >= (3, 13):
    ShutDown = queue.ShutDown
else:

    class ShutDown(Exception):
        """A queue that was shut down was asked to take an item, or, being empty, to give one."""


class ClosedResourceError(Exception):
    """An end of a channel was used that is closed."""


class BrokenResourceError(Exception):
    """Something was sent to a channel whose receivers are all closed."""


class EndOfChannel(Exception):
    """All senders of a channel are closed, and everything that they sent was received."""


__all__ = ["BrokenResourceError", "ClosedResourceError", "Empty", "EndOfChannel", "Full", "ShutDown"]

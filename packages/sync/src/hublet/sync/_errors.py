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


__all__ = ["Empty", "Full", "ShutDown"]

"""A heap in a list, as `heapq` keeps one: whichever item is less than the others comes out first.

`_heap.pyx` is the same without a Python call, and is imported instead of this file where it was built.  Comparing items may
run anybody's code, so only one thread at a time may be here with one list; `Store` sees to that.
"""

from __future__ import annotations

from heapq import heappop, heappush

__all__ = ["heappop", "heappush"]

"""Answers that are kept for as long as those who gave them allow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from hublet.core.lowlevel import deadline_in

__all__ = ["Cache", "CacheInfo"]

T = TypeVar("T")

_LONGEST = 86400.0  # seconds: what a server says by mistake should not last for ever


class CacheInfo(NamedTuple):
    """What became of the questions of a resolver."""

    hits: int  # answered from the cache
    misses: int  # not in the cache
    shared: int  # of the misses, those that another greenlet was asking already
    maxsize: int  # how many answers are kept at most; 0: none
    currsize: int  # how many are kept


class Cache(Generic[T]):
    """At most *size* values, of which the one that was used longest ago goes first.  Used by one thread.  Never switches."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = 0
        self.misses = 0
        self._values: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """Return the value of *key*, or `None` if there is none or its time is over."""
        found = self._values.get(key)
        if found is not None:
            expires, value = found
            if expires > _now():
                self._values.move_to_end(key)
                self.hits += 1
                return value
            del self._values[key]
        self.misses += 1
        return None

    def put(self, key: Hashable, value: T, ttl: float) -> None:
        """Keep *value* for *ttl* seconds; 0 or less does not keep it."""
        if ttl <= 0 or self.size <= 0:
            return
        values = self._values
        if key in values:
            values.move_to_end(key)
        values[key] = (_now() + min(ttl, _LONGEST), value)
        if len(values) > self.size:
            values.popitem(last=False)

    def clear(self) -> None:
        """Forget all values; what was counted stays."""
        self._values.clear()

    def __len__(self) -> int:
        """Return how many values are kept, those included whose time is over."""
        return len(self._values)


def _now() -> float:
    now = deadline_in(0)
    assert now is not None
    return now

"""What the cache of the resolver in use has done."""

from __future__ import annotations

from typing import Any

from hublet.core.lowlevel import get_hub

from ._cache import CacheInfo

__all__ = ["CacheInfo", "cache_clear", "cache_info"]


def cache_info(resolver: Any = None) -> CacheInfo:
    """Return what the cache of *resolver*, by default that of this thread's hub, has done.  Never switches.

    All is 0 for a resolver that keeps nothing, as `thread`: the C library does not tell for how long it may.
    """
    if resolver is None:
        resolver = get_hub().resolver
    info = getattr(resolver, "cache_info", None)
    return CacheInfo(0, 0, 0, 0, 0) if info is None else info()


def cache_clear(resolver: Any = None) -> None:
    """Forget the answers that *resolver*, by default that of this thread's hub, keeps.  Never switches."""
    if resolver is None:
        resolver = get_hub().resolver
    clear = getattr(resolver, "cache_clear", None)
    if clear is not None:
        clear()

"""Resolvers that ask name servers themselves, so that a look-up stops only the greenlet that asks.

`dnspython` and `cares`, each a module with a class `Resolver`, beside `thread` and `blocking`, which core has.  They are
chosen by name, with `HUBLET_RESOLVER` or `hublet.core.resolvers.use`, and need not be imported.
"""

from ._info import CacheInfo, cache_clear, cache_info

__all__ = ["CacheInfo", "cache_clear", "cache_info"]

"""Groups of greenlets, and pools that let only so many run at once."""

from ._group import Group
from ._imap import IMap, IMapUnordered
from ._pool import Pool, PoolFull

__all__ = ["Group", "IMap", "IMapUnordered", "Pool", "PoolFull"]

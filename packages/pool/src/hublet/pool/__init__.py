"""Groups of greenlets, pools of greenlets and of native threads, and attributes that each greenlet has for itself."""

from ._executor import ThreadPoolExecutor
from ._future import Future
from ._group import Group
from ._imap import IMap, IMapUnordered
from ._local import local
from ._outcome import Outcome
from ._pool import Pool, PoolFull
from ._taskgroup import TaskGroup
from ._threadpool import ThreadPool

__all__ = [
    "Future",
    "Group",
    "IMap",
    "IMapUnordered",
    "Outcome",
    "Pool",
    "PoolFull",
    "TaskGroup",
    "ThreadPool",
    "ThreadPoolExecutor",
    "local",
]

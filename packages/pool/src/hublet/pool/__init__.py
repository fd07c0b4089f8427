"""Groups of greenlets, pools of greenlets and of native threads, and attributes that each greenlet has for itself."""

from ._group import Group
from ._imap import IMap, IMapUnordered
from ._local import local
from ._outcome import Outcome
from ._pool import Pool, PoolFull
from ._taskgroup import TaskGroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._executor import ThreadPoolExecutor
    from ._future import Future
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


_LATE = {"Future": "_future", "ThreadPool": "_threadpool", "ThreadPoolExecutor": "_executor"}


def __getattr__(name: str) -> object:
    # They stand on `concurrent.futures`, which loads `logging`: longer than all of this (`benchmarks/patch_time.py`).
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f".{_LATE[name]}", __name__), name)
    return found

"""Groups of greenlets, pools of greenlets and of native threads, and attributes that each greenlet has for itself."""

TYPE_CHECKING = False
if TYPE_CHECKING:
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

_HOMES = {
    "Future": "_future",
    "Group": "_group",
    "IMap": "_imap",
    "IMapUnordered": "_imap",
    "Outcome": "_outcome",
    "Pool": "_pool",
    "PoolFull": "_pool",
    "TaskGroup": "_taskgroup",
    "ThreadPool": "_threadpool",
    "ThreadPoolExecutor": "_executor",
    "local": "_local",
}


def __getattr__(name: str) -> object:
    # Late: who patches `threading.local` does not wait for the others, and what stands on `concurrent.futures`, which loads
    # `logging`, takes longer than all of this (`benchmarks/patch_time.py`).
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return found

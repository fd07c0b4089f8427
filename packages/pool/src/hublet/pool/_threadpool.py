"""`ThreadPool`: blocking calls in native threads, so many at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from hublet.core import Hub, InvalidThreadUseError, get_hub
from hublet.core.lowlevel import ParkingLot, Workers, deadline_in, get_hub_if_exists

from ._mapping import Mapping
from ._outcome import Outcome
from ._slots import Slots

__all__ = ["ThreadPool"]

R = TypeVar("R")


class ThreadPool(Mapping):
    """Calls functions in native threads, at most *maxsize* at once, for the greenlets of one hub.

    It is for functions that block without hublet's knowledge: in C, or on a disk.  *hub* is that of the calling thread if it
    is `None`, and only that thread may use the pool; `InvalidThreadUseError` is raised in the thread of another hub.  Its
    length is the number of calls that have not ended.  Threads are started as they are needed, and end when nothing was to do
    for `config.threadpool_idle` seconds.  Raises `ValueError` if *maxsize* is negative.
    """

    def __init__(self, maxsize: int, hub: Hub | None = None) -> None:
        self.hub = get_hub() if hub is None else hub
        self._workers = Workers(self.hub, _checked(maxsize))
        self._slots = Slots(maxsize)
        self._under_way = 0
        self._joiners = ParkingLot()

    @property
    def maxsize(self) -> int:
        """How many calls are made at once.  Assignable: calls that wait begin, or threads end after the call they make."""
        return self._workers.maxsize

    @maxsize.setter
    def maxsize(self, maxsize: int) -> None:
        self._check_thread()
        more = _checked(maxsize) - self._workers.maxsize
        self._workers.maxsize = maxsize
        self._slots.resize(more)

    @property
    def size(self) -> int:
        """How many threads there are.  Assignable: threads are started, or end when they have nothing to do.

        Assigning never switches.  Raises `ValueError` for less than 0 or more than `maxsize`.
        """
        return self._workers.size

    @size.setter
    def size(self, size: int) -> None:
        self._check_thread()
        if not 0 <= size <= self.maxsize:
            raise ValueError(f"the size of {self!r} must be between 0 and {self.maxsize}, which {size} is not")
        self._workers.resize(size)

    def spawn(self, func: Callable[..., R], /, *args: Any, **kwargs: Any) -> Outcome[R]:
        """Let ``func(*args, **kwargs)`` be called in a thread, and return an object with `get` for its result.

        Parks while `maxsize` calls are under way.  A call goes on even if nobody waits for it any more.  Raises
        `InvalidThreadUseError` in the thread of another hub, and `TypeError` if *func* cannot be called.
        """
        self._check_thread()
        if not callable(func):
            raise TypeError(f"the function to call must be callable, not {func!r}")
        self._slots.wait_and_take(None, self)
        outcome: Outcome[R] = Outcome(("a thread to call", func))
        self._under_way += 1
        try:
            self._workers.submit(partial(self._settle, outcome), func, *args, **kwargs)
        except BaseException:
            self._leave()
            raise
        return outcome

    def _settle(self, outcome: Outcome[Any], result: Any, error: BaseException | None) -> None:
        self._leave()
        outcome.settle(result, error)

    def _leave(self) -> None:
        self._under_way -= 1
        self._slots.give()
        if not self._under_way:
            self._joiners.unpark_all()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until all calls have ended; false if *timeout* seconds passed first.  `None` is without limit.  Parks."""
        self._check_thread()
        return not self._under_way or self._joiners.park(deadline_in(timeout), self)

    def kill(self) -> None:
        """Let the threads end as they become idle, now and not later.  Never switches.

        A call that is under way cannot be stopped.  The pool may be used again.
        """
        self.size = 0

    def __len__(self) -> int:
        """Return how many calls have not ended."""
        return self._under_way

    def __bool__(self) -> bool:
        """Return true, whatever its length."""
        return True

    def _check_thread(self) -> None:
        if get_hub_if_exists() is not self.hub:
            raise InvalidThreadUseError(
                f"{self!r} belongs to {self.hub!r}, and cannot be used from another thread; "
                "make a pool there, or use a ThreadPoolExecutor, which all threads may share"
            )

    def _runs_current(self) -> bool:
        # In one of its own threads, which may block: there the call is made at once.
        return get_hub_if_exists() is None

    def _would_park(self) -> bool:
        return self._slots.free <= 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self._under_way}/{self._workers.size}/{self._workers.maxsize}>"


def _checked(maxsize: int) -> int:
    if maxsize < 0:
        raise ValueError(f"the maxsize of a thread pool must not be negative, as {maxsize} is")
    return maxsize

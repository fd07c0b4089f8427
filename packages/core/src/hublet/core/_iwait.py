"""`IWait`: several objects as they become ready."""

from __future__ import annotations

from . import _park
from ._park import Waiter, deadline_in

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["IWait"]


class IWait:
    """The objects as they become ready: an iterator, and a context manager that removes its links when left early."""

    def __init__(self, objects: Iterable[Any], timeout: float | None = None, count: int | None = None) -> None:
        # Each object once.  By identity: what is waited for need not be hashable.
        self._pending = {id(each): each for each in objects}
        self._left = len(self._pending) if count is None else min(count, len(self._pending))
        self._deadline = deadline_in(timeout)
        self._ready: list[Any] = []
        self._given = 0  # how many of those have been handed out
        self._waiting: Waiter | None = None
        notice = self._notice
        for each in self._pending.values():
            each.rawlink(notice)

    def _notice(self, source: Any) -> None:
        self._ready.append(source)
        if self._waiting is not None:
            self._waiting.unpark()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._left <= 0:
            self.close()
            raise StopIteration
        while self._given == len(self._ready):
            self._waiting = _park.make_waiter(self)
            try:
                in_time = self._waiting.park(self._deadline)
            except BaseException:
                self.close()
                raise
            finally:
                self._waiting = None
            if not in_time:
                self.close()
                raise StopIteration
        self._left -= 1
        found = self._ready[self._given]
        self._given += 1
        self._pending.pop(id(found), None)
        return found

    def close(self) -> None:
        """Remove the links from what is not ready yet; the iteration is over.  Never switches."""
        self._left = 0
        pending, self._pending = self._pending, {}
        for each in pending.values():
            each.unlink(self._notice)

    def __enter__(self) -> IWait:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<IWait for {self._left} of {list(self._pending.values())!r}>"

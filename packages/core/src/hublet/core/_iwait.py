"""`IWait`: several objects as they become ready."""

from __future__ import annotations

from . import _park
from ._entry import Listener
from ._greenlet import Greenlet
from ._park import Waiter, deadline_in

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["IWait"]


class IWait(Listener):
    """The objects as they become ready: an iterator, and a context manager that removes its links when left early."""

    def __init__(self, objects: Iterable[Any], timeout: float | None = None, count: int | None = None) -> None:
        # Each object once.  Greenlets know whom they tell; the others by identity: what is waited for need not be hashable.
        self._greenlets: list[Greenlet[Any]] = []
        self._linked: dict[int, Any] = {}
        self._ready: list[Any] = []
        self._given = 0  # how many of those have been handed out
        self._waiting: Waiter | None = None
        for each in list(objects):
            self._add(each)
        all_of_them = len(self._greenlets) + len(self._linked)
        self._left = all_of_them if count is None else min(count, all_of_them)
        self._deadline = deadline_in(timeout)
        for each in list(self._linked.values()):
            if each.ready():
                self._ready.append(each)  # not by a link, which a turn that takes long may put off beyond the deadline
            else:
                each.rawlink(self.hear)

    def _add(self, each: Any) -> None:
        if isinstance(each, Greenlet):
            greenlet = each
            if greenlet.tells(self):
                return
            if greenlet.tell(self):
                self._greenlets.append(greenlet)
                return
        self._linked[id(each)] = each

    def hear(self, source: Any) -> None:
        """Take notice that *source* is ready.  Never switches."""
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
        if self._linked:
            self._linked.pop(id(found), None)
        return found

    def close(self) -> None:
        """Remove the links from what is not ready yet; the iteration is over.  Never switches."""
        self._left = 0
        self._leave_greenlets()
        linked, self._linked = self._linked, {}
        for other in linked.values():
            other.unlink(self.hear)

    def _leave_greenlets(self) -> None:
        for greenlet in self._greenlets:
            greenlet.tell_no_more(self)
        self._greenlets = []

    def _pending_greenlets(self) -> list[Greenlet[Any]]:
        pending = []
        for greenlet in self._greenlets:
            if greenlet.tells(self):
                pending.append(greenlet)
        return pending

    def __enter__(self) -> IWait:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        pending = [*self._pending_greenlets(), *self._linked.values()]
        return f"<IWait for {self._left} of {pending!r}>"

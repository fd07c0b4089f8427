"""Iterators over the results of calls that run beside each other.

A greenlet, the feeder, goes through the input and spawns the calls, because spawning may have to wait for room.  Each call
tells of its end through a link, in the hub.  Whoever iterates waits in a line of readers.

A feeder that may have to wait until results are taken does not keep the iterator: once nobody has that any more, it ends.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import ref

from hublet.core import GreenletExit, spawn
from hublet.core.lowlevel import ParkingLot

from ._slots import Slots

__all__ = ["IMap", "IMapUnordered"]

R = TypeVar("R")


class IMapUnordered(Generic[R]):
    """The results of calls, each as soon as it is there.  For the thread whose hub runs the calls."""

    _room: Slots | None = None

    def __init__(
        self,
        spawn_call: Callable[..., Any],
        func: Callable[..., R],
        iterables: tuple[Iterable[Any], ...],
        maxsize: int | None = None,
    ) -> None:
        if maxsize is not None and maxsize < 0:
            raise ValueError(f"the maxsize of an iterator must not be negative, as {maxsize} is")
        self._room = Slots(maxsize or sys.maxsize)
        self._outstanding = 0  # calls that have not ended
        self._finished: deque[Any] = deque()  # calls that have ended, and were not given out
        self._fed = False
        self._error: BaseException | None = None
        self._readers = ParkingLot()
        find: Callable[[], Any] = ref(self) if maxsize else lambda: self
        self._feeder = spawn(_feed, find, self._room, spawn_call, func, iterables)
        self._feeder.rawlink(partial(_end, find))  # which tells too if it was killed before it began

    def __del__(self) -> None:
        if self._room is not None:
            self._room.give()  # to the feeder, if it waits, so that it finds nobody any more

    def _spawn(self, spawn_call: Callable[..., Any], func: Callable[..., R], arguments: tuple[Any, ...]) -> None:
        """Begin one more call.  In the feeder."""
        self._outstanding += 1
        try:
            call = spawn_call(func, *arguments)
            self._number(call)
        except BaseException:
            self._outstanding -= 1
            raise
        call.rawlink(self._finish)

    def _number(self, call: Any) -> None:
        """Remember the place of a call among the others.  Of no interest here."""

    def _finish(self, call: Any) -> None:
        self._outstanding -= 1
        self._finished.append(call)
        self._notify()

    def _notify(self) -> None:
        if self._fed and not self._outstanding:
            self._readers.unpark_all()
        else:
            self._readers.unpark()

    def _next(self) -> Any:
        """Return the next call to give out, or `None` if that has not ended yet.  Never switches."""
        return self._finished.popleft() if self._finished else None

    def __iter__(self) -> IMapUnordered[R]:
        return self

    def __next__(self) -> R:
        call = self._next()
        while call is None:
            if self._fed and not self._outstanding:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopIteration
            self._readers.park(None, self)
            call = self._next()
        self._room.give()  # type: ignore[union-attr]
        try:
            return call.get()  # type: ignore[no-any-return]  # the link was called, so this does not wait
        finally:
            del call  # or this frame, which the traceback of an error holds, would hold the error

    def kill(self) -> None:
        """Spawn no more calls.  Those that are under way go on, and can still be taken.  Never switches."""
        self._feeder.kill(block=False)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x}: {self._outstanding} calls under way>"


class IMap(IMapUnordered[R]):
    """The results of calls, in the order of the items that they were made with."""

    def __init__(self, *args: Any) -> None:
        self._calls: deque[Any] = deque()  # all that were not given out, in their order
        super().__init__(*args)

    def _number(self, call: Any) -> None:
        self._calls.append(call)

    def _finish(self, call: Any) -> None:
        self._outstanding -= 1
        self._notify()

    def _next(self) -> Any:
        if not self._has_next():
            return None
        call = self._calls.popleft()
        if self._has_next():
            # It ended earlier, and the reader that was woken then saw that it was not its turn.
            self._readers.unpark()
        return call

    def _has_next(self) -> bool:
        return bool(self._calls and self._calls[0].ready())


def _feed(
    find: Callable[[], Any],
    room: Slots,
    spawn_call: Callable[..., Any],
    func: Callable[..., Any],
    iterables: tuple[Iterable[Any], ...],
) -> None:
    """Spawn a call for each item.  The body of the feeder; *find* gives the iterator, or `None` if nobody has it any more."""
    try:
        for arguments in zip(*iterables):
            room.wait_and_take(None, "somebody who takes a result of imap()")
            iterator = find()
            if iterator is None:
                return
            iterator._spawn(spawn_call, func, arguments)
            del iterator
    except GreenletExit:
        pass
    except BaseException as error:
        iterator = find()
        if iterator is not None:
            iterator._error = error  # for the consumer
        del iterator  # or this frame, which the traceback holds, would hold what has the error


def _end(find: Callable[[], Any], feeder: Any) -> None:
    """Tell the iterator that there are no more calls.  In the hub."""
    iterator = find()
    if iterator is not None:
        iterator._fed = True
        iterator._notify()

"""`open_channel`: a stream of items with two kinds of ends, each of which can be cloned, and must be closed.

Whoever receives is told when there is nobody left to send, and whoever sends when there is nobody left to receive.  Below is a
queue, or a `Channel` if nothing is to be stored, which is shut down when the last end of a kind is closed.
"""

from __future__ import annotations

from math import inf
from typing import Any, Generic, TypeVar

from ._channel import Channel
from ._errors import BrokenResourceError, ClosedResourceError, EndOfChannel, ShutDown
from ._queue import Queue

__all__ = ["Receiver", "Sender", "open_channel"]

T = TypeVar("T")
E = TypeVar("E", bound="_End[Any]")


def open_channel(capacity: float) -> tuple[Sender[Any], Receiver[Any]]:
    """Return the two ends of a new channel, in which *capacity* items can lie that were sent and not received.

    With 0, sending waits until somebody receives; `math.inf` is without limit.  Raises `TypeError` or `ValueError` if *capacity*
    is neither an integer that is not negative nor `math.inf`.
    """
    if capacity != inf:
        if not isinstance(capacity, int):
            raise TypeError(f"the capacity of a channel must be an integer or math.inf, not {capacity!r}")
        if capacity < 0:
            raise ValueError(f"the capacity of a channel must not be negative, as {capacity} is")
    queue: Any = Channel() if capacity == 0 else Queue(0 if capacity == inf else int(capacity))
    return Sender(queue, _Side()), Receiver(queue, _Side())


class _Side:
    """How many ends of one kind are open.  Counting is one line without a jump or a call, hence one step."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open = 1


class _End(Generic[T]):
    """What both kinds of ends have in common."""

    __slots__ = ("__weakref__", "_queue", "_side", "closed")

    def __init__(self, queue: Any, side: _Side) -> None:
        self._queue = queue
        self._side = side
        self.closed = False
        """Whether `close` was called."""

    def clone(self: E) -> E:
        """Return another end of the same kind, which must be closed as well.  Never switches.

        Raises `ClosedResourceError` if this one is closed.
        """
        self._check()
        self._side.open += 1
        return type(self)(self._queue, self._side)

    def close(self) -> None:
        """Use this end no more.  Never switches; closing it again does nothing.

        What waits in the last of its kind raises `ClosedResourceError`.
        """
        closed, self.closed = self.closed, True
        if closed:
            return
        before, self._side.open = self._side.open, self._side.open - 1
        if before == 1:
            self._end()

    def _end(self) -> None:
        """Tell the other side that there is nobody left on this one."""
        raise NotImplementedError

    def _check(self) -> None:
        if self.closed:
            raise ClosedResourceError(f"{self!r} is closed")

    def __enter__(self: E) -> E:
        return self

    def __exit__(self, exc_type: Any, value: Any, traceback: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<sync.{type(self).__name__} at {id(self):#x} {state}, {self._side.open} of its kind are open>"


class Sender(_End[T]):
    """The end of a channel that items go into.  Any thread may use it.  Made by `open_channel`, and by `clone`."""

    __slots__ = ()

    def send(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Send an item, waiting for room for at most *timeout* seconds; `None` is without limit.

        Parks, unless there is room or somebody waits for an item.  Raises `Full` if the time was up first, or if there is no
        room and *block* is false; `BrokenResourceError` if all receivers are closed, or are while it waits; and
        `ClosedResourceError` if this end is closed.  What it raises for was not sent.
        """
        self._check()
        try:
            self._queue.put(item, block, timeout)
        except ShutDown:
            self._check()
            raise BrokenResourceError(f"{self!r} cannot send: nobody is left to receive") from None

    def send_nowait(self, item: T) -> None:
        """Send an item.  Never switches.  Raises as `send` that may not block."""
        self.send(item, False)

    def _end(self) -> None:
        self._queue.shutdown()


class Receiver(_End[T]):
    """The end of a channel that items come out of, each of them once.  Any thread may use it.

    Made by `open_channel`, and by `clone`.  Iterating receives until all senders are closed.
    """

    __slots__ = ()

    def receive(self, block: bool = True, timeout: float | None = None) -> T:
        """Return the next item, waiting for one for at most *timeout* seconds; `None` is without limit.

        Parks, unless there is an item.  Raises `Empty` if the time was up first, or if there is no item and *block* is false;
        `EndOfChannel` if there is none and all senders are closed; and `ClosedResourceError` if this end is closed.
        """
        self._check()
        try:
            return self._queue.get(block, timeout)  # type: ignore[no-any-return]
        except ShutDown:
            self._check()
            raise EndOfChannel(f"{self!r} has received everything: all senders are closed") from None

    def receive_nowait(self) -> T:
        """Return the next item.  Never switches.  Raises as `receive` that may not block."""
        return self.receive(False)

    def _end(self) -> None:
        self._queue.shutdown(True)

    def __iter__(self) -> Receiver[T]:
        return self

    def __next__(self) -> T:
        """Return the next item, as `receive`."""
        try:
            return self.receive()
        except EndOfChannel:
            raise StopIteration from None

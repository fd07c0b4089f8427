"""What the hub runs: an entry in its ready ring, or among its deadlines, or in both.

Two rules.  An entry whose `greenlet` is set is a resumption: the hub, or a greenlet that parks, switches straight to that
greenlet; if the entry `starts` it, only the hub does, or the main greenlet.  Every other entry is run by the hub itself,
which alone may call back.
"""

from __future__ import annotations

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any


__all__ = ["Callback", "Entry", "Listener"]


class Entry:
    """One thing for the hub to do, once it is ready or when its deadline passes."""

    # place: where it is among the hub's deadlines, in whatever form those know it, and 0 if it is not there.  order:
    # settles equal deadlines by arrival.  starts: the greenlet has not begun.  uncounted: its deadline is nothing for the
    # hub to stay for.
    __slots__ = ("deadline", "greenlet", "order", "place", "starts", "uncounted")

    def begin(self) -> None:
        """Set every field of an entry to what a new one has.  Its own method, because a call of `__init__` costs more."""
        self.greenlet: Any = None
        self.deadline = 0.0
        self.order = 0
        self.place: Any = 0
        self.starts = False
        self.uncounted = False

    def run(self) -> None:
        """Do it.  Called by the hub, in the hub, when the entry leaves the ready ring without a greenlet to resume."""

    def expire(self) -> None:
        """Act on the passing of the deadline.  Called by the hub, in the hub."""

    def notify(self) -> None:
        """Act on the readiness of a descriptor.  Called by a loop while it polls."""


class Callback(Entry):
    """A function for the hub to call.  It must not wait; its errors go to the hub's `handle_error`."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Any, arguments: tuple[Any, ...] = ()) -> None:
        self.begin()
        self.function: Any = function
        self.arguments = arguments

    def run(self) -> None:
        """Call the function, unless the callback was cancelled."""
        function, self.function = self.function, None
        arguments, self.arguments = self.arguments, ()
        if function is not None:
            function(*arguments)

    def cancel(self) -> None:
        """Forget the function: running the callback will do nothing."""
        self.function = None
        self.arguments = ()


class Listener:
    """Somebody who is told of the end of a greenlet at once, where a link would wait for the hub."""

    __slots__ = ()

    def hear(self, source: Any) -> None:
        """Take notice that *source* has ended.  Called in it; must not raise or switch."""

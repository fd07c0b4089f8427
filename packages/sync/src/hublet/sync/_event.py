"""`Event`: a flag to wait for."""

from __future__ import annotations

from hublet.core.lowlevel import ParkingLot, deadline_in, make_waiter, recycle

from . import _links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Event"]


class Event:
    """A flag that greenlets and threads can wait for.  As `threading.Event`, with links.  Any thread may use it."""

    # `set` raises the flag first and wakes after that; `wait` joins the line first and looks at the flag after that.
    # Whichever comes second sees the other, so nobody waits for an event that is set.

    __slots__ = ("__weakref__", "_flag", "_line", "_links")

    def __init__(self) -> None:
        self._flag = False
        self._line = ParkingLot()
        self._links: list[_links.Link] = []

    def is_set(self) -> bool:
        """Say whether the flag is up."""
        return self._flag

    def isSet(self) -> bool:
        """As `is_set`."""
        return self._flag

    def ready(self) -> bool:
        """As `is_set`."""
        return self._flag

    def set(self) -> None:
        """Raise the flag and wake all who wait.  Never switches.

        They return from `wait` with true even if the flag is lowered before they come to run.
        """
        self._flag = True
        if self._line.has_any():
            self._line.unpark_all()
        if self._links:
            _links.fire(self, self._links)

    def clear(self) -> None:
        """Lower the flag.  Never switches."""
        self._flag = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is up; false if *timeout* seconds passed first.  `None` is without limit.

        Parks, unless the flag is up.
        """
        if self._flag:
            return True
        deadline = None if timeout is None else deadline_in(timeout)
        waiter = make_waiter(self)
        self._line.add(waiter)
        if self._flag:
            self._line.unpark_all()
        in_time = waiter.park(deadline)
        recycle(waiter)
        return in_time

    def rawlink(self, callback: Callable[[Event], object]) -> None:
        """Let the hub call ``callback(self)`` once when the event is set, soon if it is already.  It must not wait.

        Never switches.  The hub is that of the calling thread.  In a thread without one, the callback is called in the
        thread that sets the event.  Raises `TypeError` if *callback* cannot be called.
        """
        _links.link(self, self._links, callback)

    def unlink(self, callback: Callable[[Event], object]) -> None:
        """Forget a callback that was linked; nothing happens if it is not.  Never switches."""
        _links.unlink(self._links, callback)

    def _at_fork_reinit(self) -> None:
        """Forget who waits: in a forked child they do not exist."""
        self._line = ParkingLot()

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}: {'set' if self._flag else 'unset'}>"

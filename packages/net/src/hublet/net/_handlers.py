"""The handlers of a server: which greenlets serve what, and waiting for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hublet.core import get_hub, getcurrent, killall, sleep
from hublet.core.lowlevel import ParkingLot, call_soon_threadsafe, deadline_in

__all__ = ["Handlers"]


class Handlers:
    """The greenlets that serve for one server and are not finished, each with what it serves.

    *size* is how many there may be at once; `None` is without limit.  *close* is called with what a greenlet was to serve
    that has ended without ever having begun.  For the thread of the server, but any may ask, wait and kill.
    """

    hub: Any = None
    """The hub of the server."""

    def __init__(self, size: int | None, close: Callable[[tuple[Any, ...]], None]) -> None:
        self.size = size
        self._close = close
        self._served: dict[Any, tuple[Any, ...]] = {}
        self._changed = ParkingLot()
        self._leave = self._end

    def __len__(self) -> int:
        """Return how many are not finished."""
        return len(self._served)

    def __bool__(self) -> bool:
        """Say whether one is not finished."""
        return bool(self._served)

    def items(self) -> list[tuple[Any, tuple[Any, ...]]]:
        """Return each greenlet with what it serves."""
        return list(self._served.items())

    def add(self, greenlet: Any, served: tuple[Any, ...]) -> None:
        """Let *greenlet*, which has not begun, be one of them, until it is finished or discarded."""
        self._served[greenlet] = served
        rawlink = getattr(greenlet, "rawlink", None)
        if rawlink is not None:
            rawlink(self._leave)

    def begin(self, greenlet: Any, served: tuple[Any, ...]) -> None:
        """Let *greenlet* be one of them, until it is discarded, and serve *served*; nothing happens if it was added."""
        self._served.setdefault(greenlet, served)

    def change(self, greenlet: Any, served: tuple[Any, ...]) -> None:
        """Let *greenlet*, which has begun, serve *served* from now on."""
        self._served[greenlet] = served

    def discard(self, greenlet: Any) -> None:
        """Let *greenlet*, which may be none of them, leave.  Never switches."""
        if self._served.pop(greenlet, None) is not None and self._changed:
            self._changed.unpark_all()

    def _end(self, greenlet: Any) -> None:
        served = self._served.get(greenlet)
        self.discard(greenlet)
        if served is not None:
            self._close(served)

    # Room

    def full(self) -> bool:
        """Say whether there is no room for one more."""
        return self.size is not None and len(self._served) >= self.size

    def free_count(self) -> int:
        """Return for how many there is room; 1 if there is no limit."""
        return 1 if self.size is None else max(0, self.size - len(self._served))

    def wait_available(self, timeout: float | None = None) -> int:
        """Wait until there is room; return for how many, 0 if *timeout* seconds passed first.  `None` is without limit.

        Parks, unless there is room.
        """
        deadline = deadline_in(timeout)
        while self.full():
            if not self._changed.park(deadline, self):
                break
        return self.free_count()

    # The end

    def others(self) -> list[Any]:
        here = getcurrent()
        return [each for each in list(self._served) if each is not here]

    def join(self, deadline: float | None) -> bool:
        """Wait until all but the caller are finished; false if *deadline*, absolute, passed first.  `None` is none.  Parks."""
        while len(self._served) > (getcurrent() in self._served):
            if not self._changed.park(deadline, self):
                return False
        return True

    def kill(self, deadline: float | None) -> bool:
        """Kill all but the caller and wait until they are finished; false if *deadline*, absolute, passed first.  Parks."""
        victims = self.others()
        if self.hub is get_hub():
            killall(victims, block=False)
            sleep(0)
            self._end_dead(victims)
        else:
            call_soon_threadsafe(self.hub, self._kill_soon, victims)  # raw greenlets cannot be killed anywhere else
        return self.join(deadline)

    def _kill_soon(self, victims: list[Any]) -> None:
        killall(victims, block=False)
        self.hub.call_soon(self._end_dead, victims)

    def _end_dead(self, victims: list[Any]) -> None:
        for each in victims:
            if each.dead:  # of a raw greenlet that had not begun, nobody is told
                self._end(each)

    def __repr__(self) -> str:
        limit = "" if self.size is None else f" of {self.size}"
        return f"<{len(self)}{limit} handlers of a server>"

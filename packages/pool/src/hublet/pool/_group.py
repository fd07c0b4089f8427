"""`Group`: greenlets that belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import ref

from hublet.core import Greenlet, GreenletExit, getcurrent, joinall, killall
from hublet.core.lowlevel import Listener, ParkingLot, deadline_in, make_greenlet

from ._mapping import Mapping

__all__ = ["Group"]


class Leaving(Listener):
    """How the members of a group leave it: told of its end by a `Greenlet`, at once, and linked to everything else."""

    # The group has it, so it does not keep the group, or each would need the garbage collector.

    __slots__ = ("_group",)

    def __init__(self, group: Group) -> None:
        self._group = ref(group)

    def hear(self, source: Any) -> None:
        """Let *source*, which is finished, leave.  Never switches."""
        group = self._group()
        if group is not None:
            group._discard(source)

    def __call__(self, source: Any) -> None:
        self.hear(source)


class Group(Mapping):
    """Greenlets that are not finished; each leaves by itself when it is.  For the thread whose hub they belong to.

    It has a length, can be iterated and asked for a greenlet, and is false when it is empty.
    """

    greenlet_class: type[Greenlet[Any]] = Greenlet
    """What `spawn` makes; may be set in a subclass or an instance."""

    def __init__(self, greenlets: Iterable[Any] = ()) -> None:
        self.greenlets: set[Any] = set()
        self.dying: set[Any] = set()  # those that were killed and are not finished
        self._joiners = ParkingLot()
        self._leaving = Leaving(self)
        self._is_plain = type(self) is Group
        # What a subclass does when one leaves may fail or wait, and that is for the hub, in which links are called.
        self._hears = type(self)._discard is _own._discard
        for greenlet in greenlets:
            self._admit(greenlet)

    def __len__(self) -> int:
        """Return how many are not finished."""
        return len(self.greenlets)

    def __contains__(self, greenlet: object) -> bool:
        """Say whether *greenlet* is one of them."""
        return greenlet in self.greenlets

    def __iter__(self) -> Iterator[Any]:
        """Iterate over those that are there now, in no particular order."""
        return iter(set(self.greenlets))

    # Members

    def add(self, greenlet: Any) -> None:
        """Let *greenlet* be one of them until it is finished.  Never switches.

        A raw greenlet, which tells nobody of its end, stays until it is discarded.
        """
        if greenlet not in self.greenlets:
            self._admit(greenlet)

    def _admit(self, greenlet: Any) -> None:
        self.greenlets.add(greenlet)
        try:
            self._listen_to(greenlet)
        except BaseException:
            self.greenlets.remove(greenlet)
            raise

    def _listen_to(self, greenlet: Any) -> None:
        if isinstance(greenlet, Greenlet):
            ours = greenlet
            if not (self._hears and ours.tell(self._leaving)):
                ours.rawlink(self._leaving)
        elif hasattr(greenlet, "rawlink"):
            greenlet.rawlink(self._leaving)

    def discard(self, greenlet: Any) -> None:
        """Let *greenlet*, which may be none of them, leave.  Never switches."""
        self._forget(greenlet)
        self._discard(greenlet)

    def _forget(self, greenlet: Any) -> None:
        if isinstance(greenlet, Greenlet):
            ours = greenlet
            ours.tell_no_more(self._leaving)
        unlink = getattr(greenlet, "unlink", None)
        if unlink is not None:
            unlink(self._leaving)

    def _discard(self, greenlet: Any) -> None:
        if greenlet in self.greenlets:
            self.greenlets.remove(greenlet)
            if self.dying:
                self.dying.discard(greenlet)
            self._freed()
            if not self.greenlets:
                self._joiners.unpark_all()

    def _take_room(self, blocking: bool, timeout: float | None) -> None:
        """Take room for one, as `Pool.add` does."""

    def _freed(self) -> None:
        """Act on the room that one has left."""

    def start(self, greenlet: Any) -> None:
        """Add a greenlet that was not started, and start it."""
        self.add(greenlet)
        greenlet.start()

    def spawn(self, *args: Any, **kwargs: Any) -> Any:
        """Make a `greenlet_class` from the arguments, add it, start it, and return it."""
        if self._is_plain and self.greenlet_class is Greenlet and not kwargs and args and callable(args[0]):
            # No subclass's: the same without the cost of calling a class and methods (`benchmarks/sync`, pool.map).
            self._take_room(True, None)
            greenlet = make_greenlet(args[0], args[1:], kwargs, True)
            self._admit(greenlet)
            return greenlet
        greenlet = self.greenlet_class(*args, **kwargs) if kwargs else self.greenlet_class(*args)
        self.start(greenlet)
        return greenlet

    # All of them

    def join(self, timeout: float | None = None, raise_error: bool = False) -> bool:
        """Wait until it is empty; false if *timeout* seconds passed first.  `None` is without limit.

        Parks, unless it is empty.  By the time the caller goes on there may be new members.  With *raise_error*, raise then
        an error of one of those that were there at first, if there was any.
        """
        members = list(self.greenlets) if raise_error else ()
        deadline = deadline_in(timeout)
        empty = not self.greenlets or self._joiners.park(deadline, self)
        for greenlet in members:
            if getattr(greenlet, "exception", None) is not None:
                greenlet.get()
        return empty

    def kill(
        self, exception: BaseException | type[BaseException] = GreenletExit, block: bool = True, timeout: float | None = None
    ) -> None:
        """Raise *exception* in all of them; those that have not begun to run never will.

        With *block*, park until all are finished, those included that join meanwhile, at most *timeout* seconds; `None` is
        without limit.  Raw greenlets are not waited for, but leave.
        """
        deadline = deadline_in(timeout)
        while self.greenlets:
            members = list(self.greenlets)
            living = [each for each in members if each not in self.dying]
            self.dying.update(living)  # first: those that have not begun leave while they are killed
            killall(living, exception, block=False)
            if not block:
                return
            joinall([each for each in members if hasattr(each, "rawlink")], _left_until(deadline))
            for each in members:
                if not hasattr(each, "rawlink") or each.ready():
                    self.discard(each)
            if deadline is not None and _left_until(deadline) == 0:
                return

    def killone(
        self,
        greenlet: Any,
        exception: BaseException | type[BaseException] = GreenletExit,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Raise *exception* in one of them, once.

        With *block*, park until it is finished, at most *timeout* seconds; `None` is without limit.  A raw greenlet is not
        waited for, but leaves at once.
        """
        if greenlet in self.greenlets and greenlet not in self.dying:
            self.dying.add(greenlet)
            killall([greenlet], exception, block=False)
            if block and hasattr(greenlet, "rawlink"):
                greenlet.join(timeout)
            elif block:
                self.discard(greenlet)

    # Room

    def full(self) -> bool:
        """Return false: there is always room."""
        return False

    def wait_available(self, timeout: float | None = None) -> int:
        """Return 1: there is always room for one more."""
        return 1

    def _runs_current(self) -> bool:
        return getcurrent() in self.greenlets

    def _would_park(self) -> bool:
        return self.full()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} of {self.greenlets}>"


_own: Any = Group  # in C, a method of the class by its name would be another function than the one that is inherited


def _left_until(deadline: float | None) -> float | None:
    """Return how many seconds are left, at least 0; `None` if there is no deadline."""
    now = deadline_in(0)
    return None if deadline is None or now is None else max(0.0, deadline - now)

"""The cooperative `poll` and `epoll` objects: those of the standard library, asked without waiting."""

from __future__ import annotations

import errno
import operator
import select as _stdlib
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

from hublet.core.lowlevel import READ, Handle
from hublet.core.patching import original

from ._handles import close_when_heard
from ._looking import find, is_told_by_loop, wanted_for
from ._select import number_of

__all__: list[str] = []

_INT_MAX = 2**31 - 1


_WRONG: Any = object()


def _is_number(timeout: Any) -> bool:
    return isinstance(timeout, float) or hasattr(timeout, "__index__")


def _seconds_of(timeout: Any) -> Any:
    """Return *timeout*, in milliseconds as `poll` takes it, in seconds; `_WRONG` if the original has an error for it."""
    if timeout is None:
        return None
    if not _is_number(timeout) or not -_INT_MAX <= timeout <= _INT_MAX:
        return _WRONG
    return None if timeout < 0 else timeout / 1000


_make_poll: Any = original("select", "poll", None)
if _make_poll is not None:

    class poll:
        """As the objects that `select.poll` makes.

        In a native thread that has no hub, other than the main one, `poll` blocks that thread.
        """

        __module__ = "hublet.net.select"
        __slots__ = ("__weakref__", "_is_polling", "_masks", "_poll")

        def __init__(self) -> None:
            self._poll = _make_poll()
            self._is_polling = False
            self._masks: dict[int, int] = {}

        def register(
            self, fd: Any, eventmask: int = _stdlib.POLLIN | _stdlib.POLLPRI | _stdlib.POLLOUT, /
        ) -> None:
            """As the original: add *fd*, or replace its mask.  Never switches."""
            self._poll.register(fd, eventmask)
            self._masks[number_of(fd)] = operator.index(eventmask)

        def modify(self, fd: Any, eventmask: int, /) -> None:
            """As the original.  Never switches.  Raises `OSError(ENOENT)` for an *fd* that is not registered."""
            self._poll.modify(fd, eventmask)
            self._masks[number_of(fd)] = operator.index(eventmask)

        def unregister(self, fd: Any, /) -> None:
            """As the original.  Never switches.  Raises `KeyError` for an *fd* that is not registered."""
            self._poll.unregister(fd)
            self._masks.pop(number_of(fd), None)

        def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
            """As the original: return what is ready, with `POLLNVAL` for what is not open.

            Parks, at most *timeout* milliseconds; `None` and what is negative are without limit, and 0 lets others
            run before it asks.  What was registered when it was called counts.  Raises `RuntimeError` if another
            greenlet or thread is in it; of several objects with the same descriptors none disturbs the other.
            """
            if self._is_polling:
                raise RuntimeError("concurrent poll() invocation")
            self._is_polling = True
            try:
                return self._find(timeout)
            finally:
                self._is_polling = False

        def _find(self, timeout: float | None) -> list[tuple[int, int]]:
            seconds = _seconds_of(timeout)
            poll: Callable[[Any], list[tuple[int, int]]] = self._poll.poll
            if seconds is _WRONG:
                return poll(timeout)
            ask = partial(poll, 0)
            try:
                return find(ask, partial(poll, timeout), bool, self._interests, seconds)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
            # One was closed meanwhile, and to say which is what POLLNVAL is for.
            return ask()

        def _interests(self, hub: Any) -> tuple[dict[int, int], dict[int, int], dict[int, Handle]]:
            wanted = {fd: wanted_for(mask) for fd, mask in self._masks.items()}
            masks = {fd: mask for fd, mask in self._masks.items() if not is_told_by_loop(mask)}
            return {fd: events for fd, events in wanted.items() if events}, masks, {}

    __all__.append("poll")


_make_epoll: Any = original("select", "epoll", None)
if _make_epoll is not None:
    _closed_epoll = _make_epoll()
    _closed_epoll.close()

    class epoll:
        """As `select.epoll`.

        Several greenlets may call the `poll` of one object at once.  In a native thread that has no hub, other than
        the main one, it blocks that thread.
        """

        __module__ = "hublet.net.select"
        __slots__ = ("__weakref__", "_epoll")

        def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
            self._epoll = _make_epoll(sizehint, flags)

        @classmethod
        def fromfd(cls, fd: int, /) -> epoll:
            """As `select.epoll.fromfd`."""
            self = cls.__new__(cls)
            self._epoll = _make_epoll.fromfd(fd)
            return self

        def close(self) -> None:
            """As the original.  Never switches.  Whoever waits in `poll` wakes with `OSError(EBADF)`.

            If that is in the hubs of other threads, these close the descriptor, in their next turn.
            """
            epoll, self._epoll = self._epoll, _closed_epoll
            if not epoll.closed:
                close_when_heard(epoll.fileno(), epoll.close)

        @property
        def closed(self) -> bool:
            """Whether it is closed."""
            return self._epoll.closed  # type: ignore[no-any-return]

        def fileno(self) -> int:
            """Return its own descriptor.  Raises `ValueError` if it is closed."""
            return self._epoll.fileno()  # type: ignore[no-any-return]

        def register(self, fd: Any, eventmask: int = _stdlib.EPOLLIN | _stdlib.EPOLLPRI | _stdlib.EPOLLOUT) -> None:
            """As the original.  Never switches."""
            self._epoll.register(fd, eventmask)

        def modify(self, fd: Any, eventmask: int) -> None:
            """As the original.  Never switches."""
            self._epoll.modify(fd, eventmask)

        def unregister(self, fd: Any) -> None:
            """As the original.  Never switches."""
            self._epoll.unregister(fd)

        def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
            """As the original.

            Parks, at most *timeout* seconds; `None` and what is negative are without limit, and 0 lets others run
            before it asks.  What is registered meanwhile counts, too.
            """
            poll: Callable[[Any, int], list[tuple[int, int]]] = self._epoll.poll
            if timeout is not None and not (_is_number(timeout) and timeout <= _INT_MAX / 1000):
                return poll(timeout, maxevents)
            seconds = None if timeout is None or timeout < 0 else timeout
            ask, block = partial(poll, 0, maxevents), partial(poll, timeout, maxevents)
            return find(ask, block, bool, self._interests, seconds)

        def _interests(self, hub: Any) -> tuple[dict[int, int], dict[int, int], dict[int, Handle]]:
            return {self._epoll.fileno(): READ}, {}, {}

        def __enter__(self) -> epoll:
            self._epoll.__enter__()  # which refuses if it is closed
            return self

        def __exit__(
            self,
            exc_type: type[BaseException] | None = None,
            exc_value: BaseException | None = None,
            exc_tb: TracebackType | None = None,
            /,
        ) -> None:
            self.close()

        def __repr__(self) -> str:
            state = "closed" if self.closed else f"fd={self.fileno()}"
            return f"<hublet.net.select.epoll {state} at {id(self):#x}>"

    __all__.append("epoll")

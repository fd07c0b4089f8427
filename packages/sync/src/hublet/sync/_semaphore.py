"""`Semaphore` and its relatives: so many at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from hublet.core.lowlevel import deadline_in, make_waiter

from . import _links
from ._binding import bind_quickly
from ._tokens import Tokens

__all__ = ["BoundedSemaphore", "DummySemaphore", "Semaphore"]


class Semaphore(Tokens):
    """So many tokens; who wants one when none is free waits in line.  As `threading.Semaphore`, with links.

    *value* is how many are free at first.  Raises `ValueError` if it is negative.  *hub* is accepted for compatibility and
    has no meaning.  Any thread may use it.
    """

    __slots__ = ()

    def __init__(self, value: int = 1, hub: Any = None) -> None:
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        Tokens.__init__(self, value, sys.maxsize)

    @property
    def counter(self) -> int:
        """How many tokens are free."""
        return self._free

    def ready(self) -> bool:
        """Say whether a token is free."""
        return self._free > 0

    def locked(self) -> bool:
        """Say whether no token is free."""
        return self._free <= 0

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take a token; false if *timeout* seconds passed before there was one, or at once if *blocking* is false.

        `None` is without limit.  Parks, unless one is free.  Raises `ValueError` for a timeout without blocking.
        """
        if timeout is not None:
            return self._acquire_within(timeout, blocking)
        return self._take() or (blocking and self._wait(None))

    def _acquire_within(self, timeout: float, blocking: bool) -> bool:
        if not blocking:
            raise ValueError("can't specify timeout for non-blocking acquire")
        deadline = deadline_in(timeout)
        return self._take() or self._wait(deadline)

    def release(self, n: int = 1) -> None:
        """Give *n* tokens back: to those who wait, in the order in which they came.  Never switches.

        Raises `ValueError` if *n* is less than 1, or if that would be more than a `BoundedSemaphore` had at first.
        """
        if n != 1:
            self._release_many(n)
        elif not self._give():
            raise ValueError("Semaphore released too many times")

    def _release_many(self, n: int) -> None:
        if n < 1:
            raise ValueError("n must be one or more")
        if self._free > self._bound - n:
            raise ValueError("Semaphore released too many times")
        for _ in range(n):
            self.release()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until a token is free, without taking it; return how many are, 0 if *timeout* seconds passed first.

        `None` is without limit.  Parks, unless one is free.  Returns 0 too if others have taken it before the caller comes to
        run.
        """
        if self._free > 0:
            return self._free
        deadline = deadline_in(timeout)
        waiter = make_waiter(self)
        wake = _links.Wake(waiter)
        self._links.append(wake)
        try:
            if self._free > 0:
                waiter.unpark()
            waiter.park(deadline)
        finally:
            self._links.remove(wake)
        return self._free

    def rawlink(self, callback: Callable[[Any], object]) -> None:
        """Let the hub call ``callback(self)`` once when a token is free, soon if one is already.  It must not wait.

        Never switches.  The hub is that of the calling thread.  In a thread without one, the callback is called in the
        thread that releases.  Raises `TypeError` if *callback* cannot be called.
        """
        _links.link(self, self._links, callback, while_ready=True)

    def unlink(self, callback: Callable[[Any], object]) -> None:
        """Forget a callback that was linked; nothing happens if it is not.  Never switches."""
        _links.unlink(self._links, callback)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, exc_type: Any, value: Any, traceback: Any, /) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}: value={self._free}>"


class BoundedSemaphore(Semaphore):
    """A `Semaphore` that never has more free tokens than at first: `release` raises `ValueError` instead."""

    __slots__ = ()

    def __init__(self, value: int = 1, hub: Any = None) -> None:
        Semaphore.__init__(self, value)
        self._bound = value

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}: value={self._free}/{self._bound}>"


class DummySemaphore:
    """What a `Semaphore` with endlessly many tokens would be, for code that may or may not want a limit."""

    __slots__ = ("__weakref__",)

    def __init__(self, value: Any = None) -> None:
        pass

    @property
    def counter(self) -> int:
        """1: there is always one more."""
        return 1

    def ready(self) -> bool:
        """Return true."""
        return True

    def locked(self) -> bool:
        """Return false."""
        return False

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Return true.  Never switches."""
        return True

    def release(self, n: int = 1) -> None:
        """Do nothing."""

    def wait(self, timeout: float | None = None) -> int:
        """Return 1.  Never switches."""
        return 1

    def rawlink(self, callback: Callable[[Any], object]) -> None:
        """Let the hub call ``callback(self)`` soon.  Never switches."""
        _links.link(self, [], callback)

    def unlink(self, callback: Callable[[Any], object]) -> None:
        """Do nothing: a link is called at once."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, exc_type: Any, value: Any, traceback: Any, /) -> None:
        pass

    def __repr__(self) -> str:
        return f"<sync.{type(self).__name__} at {id(self):#x}>"


bind_quickly(Semaphore)

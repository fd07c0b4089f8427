"""`Outcome`: what a call in a native thread has come to, or will."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hublet.core import Timeout, get_hub, spawn
from hublet.core.lowlevel import ParkingLot, call_soon_threadsafe, deadline_in

__all__ = ["Outcome"]

T = TypeVar("T")

_UNSET: Any = object()


class Outcome(Generic[T]):
    """The result of a call, or its error, once it is there.  For the thread whose hub asked for the call.

    It has what a greenlet has to be waited for: `hublet.core.wait` takes it.
    """

    __slots__ = ("__weakref__", "_error", "_links", "_lot", "_reason", "_traceback", "_value")

    def __init__(self, reason: object) -> None:
        self._reason = reason
        self._value: Any = _UNSET
        self._error: BaseException | None = None
        self._traceback: Any = None
        self._lot = ParkingLot()
        self._links: list[Callable[[Any], object]] = []

    def settle(self, value: Any, error: BaseException | None) -> None:
        """Set what it is, and tell everybody.  Called once, in the hub."""
        self._value, self._error = value, error
        if error is not None:
            self._traceback = error.__traceback__
        self._lot.unpark_all()
        self._notify()

    def ready(self) -> bool:
        """Say whether the call has ended."""
        return self._value is not _UNSET

    def successful(self) -> bool:
        """Say whether the call has ended without an error."""
        return self._value is not _UNSET and self._error is None

    @property
    def value(self) -> T | None:
        """What the call returned; `None` before that and after an error."""
        return None if self._value is _UNSET else self._value

    @property
    def exception(self) -> BaseException | None:
        """What the call raised, or `None`."""
        return self._error

    @property
    def exc_info(self) -> tuple[Any, ...]:
        """The type, value and traceback of what the call raised, or an empty tuple."""
        return () if self._error is None else (type(self._error), self._error, self._traceback)

    def wait(self, timeout: float | None = None) -> T | None:
        """Wait until the call has ended, at most *timeout* seconds; `None` is without limit.  Return `value`.  Parks."""
        if self._value is _UNSET:
            self._lot.park(deadline_in(timeout), self._reason)
        return self.value

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Return what the call returned, or raise what it raised, waiting for that at most *timeout* seconds.

        Parks; `None` is without limit.  Raises `Timeout` if the time was up first, or if the call has not ended and *block*
        is false.
        """
        if block:
            self.wait(timeout)
        if self._value is _UNSET:
            raise Timeout(timeout if block else 0)
        if self._error is not None:
            try:
                # The traceback as it was, or each call would add its own lines to it.
                raise self._error.with_traceback(self._traceback)
            finally:
                del self  # or this frame, which the traceback holds, would hold the error
        return self._value  # type: ignore[no-any-return]

    def rawlink(self, callback: Callable[[Any], object]) -> None:
        """Let the hub call ``callback(self)`` once the call has ended, soon if it has already.  It must not wait.

        Never switches.  Raises `TypeError` if *callback* cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"a link must be callable, not {callback!r}")
        self._links.append(callback)
        if self.ready():
            call_soon_threadsafe(get_hub(), self._notify)

    def link_value(self, callback: Callable[[Any], object]) -> None:
        """Call ``callback(self)``, in a greenlet, once the call has ended, unless it raised.  Never switches."""
        self.rawlink(lambda _: spawn(callback, self) if self.successful() else None)

    def unlink(self, callback: Callable[[Any], object]) -> None:
        """Forget a callback that was linked; nothing happens if it is not.  Never switches."""
        if callback in self._links:
            self._links.remove(callback)

    def _notify(self) -> None:
        while self._links:
            callback = self._links.pop(0)
            try:
                callback(self)
            except BaseException as error:
                get_hub().fault((callback, self), error)

    def __repr__(self) -> str:
        state = "ended" if self.ready() else "under way"
        return f"<{type(self).__name__} at {id(self):#x} of {self._reason!r}: {state}>"

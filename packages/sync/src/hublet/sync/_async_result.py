"""`AsyncResult`: a value, or an error, that is to come."""

from __future__ import annotations

from collections.abc import Callable
from types import GenericAlias, TracebackType
from typing import Any, Generic, TypeVar

from hublet.core import Timeout
from hublet.core.lowlevel import ParkingLot, Waiter, deadline_in, make_waiter, recycle

from . import _links

__all__ = ["AsyncResult"]

T = TypeVar("T")

_NONE: Any = object()


class AsyncResult(Generic[T]):
    """A value that is set once, by anybody, and can be waited for by many.  Any thread may use it.

    It can be linked to a greenlet, ``greenlet.link(result)``, and then gets its value or error.
    """

    # As in `Event`: the outcome is stored, in one step, before anybody is woken, and whoever waits looks for it after
    # joining those who wait.  Most results are waited for once, so one waiter needs no line, which would cost more to make
    # than all the rest of a result (benchmarks/sync).  One that was killed stays there until another takes its place.  The
    # line of the others and the list of links are made when they are first needed, and assigned in one line without a call,
    # hence in one step.

    __slots__ = ("__weakref__", "_failure", "_first", "_links", "_others", "_value")

    def __init__(self) -> None:
        self._value: Any = _NONE
        self._failure: tuple[BaseException, TracebackType | None] | None = None
        self._first: Waiter | None = None
        self._others: ParkingLot | None = None
        self._links: list[Any] | None = None

    @classmethod
    def __class_getitem__(cls, item: Any) -> GenericAlias:
        return GenericAlias(cls, item)

    # Setting

    def set(self, value: T = None) -> None:  # type: ignore[assignment]
        """Store the value and wake all who wait.  Never switches."""
        self._value = value
        self._notify()

    def set_exception(self, exception: BaseException, exc_info: Any = None) -> None:
        """Store an error, which `get` will raise, and wake all who wait.  Never switches.

        *exc_info* is a triple as of `sys.exc_info`, for its traceback; without it, that of *exception* is used.  Raises
        `TypeError` if *exception* is none.
        """
        if not isinstance(exception, BaseException):
            raise TypeError(f"an exception must be set, not {exception!r}")
        self._failure = exception, exc_info[2] if exc_info else exception.__traceback__
        self._notify()

    def set_result(self, value: T) -> None:
        """As `set`."""
        self.set(value)

    def __call__(self, source: Any) -> None:
        """Take over the outcome of *source*, a greenlet or another result.  For `Greenlet.link`."""
        if source.successful():
            self.set(source.value)
        else:
            self.set_exception(source.exception, getattr(source, "exc_info", None))

    def _notify(self) -> None:
        first, self._first = self._first, None
        others, self._others = self._others, None
        if first is not None:
            first.unpark()
        if others is not None:
            others.unpark_all()
        if self._links is not None:
            _links.fire(self, self._links)

    # Waiting

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Return the value or raise the error.  Parks until there is one, at most *timeout* seconds; `None`: no limit.

        Raises `Timeout` if the time was up first, or if there is neither and *block* is false.
        """
        if self._value is _NONE:
            if self._failure is None and not (block and self._park(timeout)):
                raise Timeout(timeout if block else 0)
            if self._value is _NONE:
                self._raise()
        return self._value  # type: ignore[no-any-return]

    def _raise(self) -> None:
        # A method of its own, for what a greenlet that waits in `get` has on its stack is copied at each switch.
        assert self._failure is not None
        error, traceback = self._failure
        try:
            # The traceback as it was, or each call would add its own lines to it.
            raise error.with_traceback(traceback)
        finally:
            del error, traceback  # or this frame, which the traceback holds, would hold them

    def get_nowait(self) -> T:
        """Return the value or raise the error.  Never switches.  Raises `Timeout` if there is neither."""
        return self.get(block=False)

    def result(self, timeout: float | None = None) -> T:
        """As `get`."""
        return self.get(timeout=timeout)

    def wait(self, timeout: float | None = None) -> T | None:
        """Wait for the outcome and return the value; `None` after an error, or if *timeout* seconds passed first.

        `None` is without limit.  Parks, unless the outcome is there.
        """
        if not self.ready():
            self._park(timeout)
        return self.value

    def _park(self, timeout: float | None) -> bool:
        deadline = None if timeout is None else deadline_in(timeout)
        waiter = make_waiter(self)
        self._first = waiter if self._others is None and (self._first is None or self._first.claimed) else self._first
        if self._first is not waiter:
            self._line_up(waiter)
        if self.ready():
            waiter.unpark()
        in_time = waiter.park(deadline)
        self._first = None if self._first is waiter else self._first
        recycle(waiter)
        return in_time

    def _line_up(self, waiter: Waiter) -> None:
        others = ParkingLot()
        self._others = others if self._others is None else self._others
        together = self._others
        if together is not None:  # otherwise the outcome has just come
            together.add(waiter)

    # Looking

    def ready(self) -> bool:
        """Say whether there is a value or an error."""
        return self._value is not _NONE or self._failure is not None

    def done(self) -> bool:
        """As `ready`."""
        return self.ready()

    def successful(self) -> bool:
        """Say whether there is a value."""
        return self._value is not _NONE

    @property
    def value(self) -> T | None:
        """The value; `None` if there is none."""
        return None if self._value is _NONE else self._value

    @property
    def exception(self) -> BaseException | None:
        """The error; `None` if there is none."""
        return None if self._failure is None else self._failure[0]

    @property
    def exc_info(self) -> tuple[Any, ...]:
        """The type, value and traceback of the error; an empty tuple if there is none."""
        if self._failure is None:
            return ()
        error, traceback = self._failure
        return type(error), error, traceback

    def cancel(self) -> bool:
        """Return false: whatever is to set the value cannot be stopped from here."""
        return False

    def cancelled(self) -> bool:
        """Return false."""
        return False

    # Links

    def rawlink(self, callback: Callable[[Any], object]) -> None:
        """Let the hub call ``callback(self)`` once the outcome is there, soon if it is already.  It must not wait.

        Never switches.  The hub is that of the calling thread.  In a thread without one, the callback is called in the
        thread that sets the outcome.  Raises `TypeError` if *callback* cannot be called.
        """
        links: list[Any] = []
        self._links = links if self._links is None else self._links
        _links.link(self, self._links, callback)

    def unlink(self, callback: Callable[[Any], object]) -> None:
        """Forget a callback that was linked; nothing happens if it is not.  Never switches."""
        if self._links is not None:
            _links.unlink(self._links, callback)

    def __repr__(self) -> str:
        if self._value is not _NONE:
            outcome = f"value={self._value!r}"
        elif self._failure is not None:
            outcome = f"exception={self._failure[0]!r}"
        else:
            outcome = "unset"
        return f"<sync.{type(self).__name__} at {id(self):#x}: {outcome}>"

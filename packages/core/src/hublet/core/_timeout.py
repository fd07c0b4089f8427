"""A limit on how long the code in a block may wait.

A `Timeout` is an exception that the hub throws into the greenlet that started it, unless it is cancelled first.  It is
caught by identity, never by type, so that nested timeouts cannot be mistaken for one another, and it is no subclass of
`Exception`, so that the code inside does not catch it by accident.
"""

from __future__ import annotations

from . import _switch
from ._entry import Entry
from ._hub import get_hub
from ._scheduler import Scheduler

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Timeout", "Timer", "with_timeout"]

_UNSET: Any = object()


class Timer(Entry):
    """A deadline after which the hub throws an error into a greenlet, once."""

    __slots__ = ("error", "scheduler", "shields", "target")

    def __init__(self, scheduler: Scheduler, target: Any, error: Any) -> None:
        self.begin_timing(scheduler, target, error)

    def begin_timing(self, scheduler: Scheduler, target: Any, error: Any) -> None:
        """Set every field."""
        self.begin()
        self.scheduler: Scheduler = scheduler
        self.target: Any = target
        self.error: Any = error  # an exception, or a class to make one from; the exception, once thrown
        self.shields = 0
        if scheduler.shielded:
            self.shields = scheduler.shielded.get(target, 0)

    def start(self, deadline: float) -> None:
        """Throw at *deadline*, in seconds of `time.monotonic`."""
        self.scheduler.deadlines.add(self, deadline)

    def expire(self) -> None:
        if isinstance(self.error, type):
            try:
                self.error = self.error()
            except Exception as error:
                self.error = error  # for the block that asked for it, not for the hub
        if not self.target.dead:
            self.scheduler.interrupt(self.target, self.error, self.shields)

    def cancel(self) -> None:
        """Do not throw; what was thrown but kept for the next park is forgotten too."""
        if self.place:
            self.scheduler.deadlines.remove(self)
        elif self.scheduler.postponed:
            self.scheduler.withdraw(self.target, self.error)


def _make_timer(scheduler: Scheduler, error: Any) -> Timer:
    """Return a timer for the current greenlet: one that a timeout has done with, if there is one."""
    if scheduler.spare_timer is None:
        timer = Timer.__new__(Timer)
    else:
        timer = scheduler.spare_timer
        scheduler.spare_timer = None
    timer.begin_timing(scheduler, _switch.current(), error)
    return timer


class Timeout(BaseException):
    """Raise itself in the current greenlet after *seconds*, until it is closed.  Used with `with`, or started and closed.

    *seconds* is from `start`; `None` never fires.  *exception* is raised instead if it is an exception or a class of
    them; if it is false, the timeout is raised and its own `with` block swallows it.  A timeout with *ref* false does not
    keep `hub.join` waiting.  *priority* is accepted for compatibility and has no meaning.

    Making, starting and closing it never switch.  Each greenlet times itself: it cannot be started for another one.
    """

    __slots__ = ("_ref", "_timer", "exception", "seconds")

    def __init__(
        self,
        seconds: float | None = None,
        exception: BaseException | type[BaseException] | bool | str | None = None,
        ref: bool = True,
        priority: int = -1,
    ) -> None:
        self.seconds = seconds
        self.exception = exception
        self._ref = ref
        self._timer: Timer | None = None

    @classmethod
    def start_new(
        cls,
        timeout: float | Timeout | None = None,
        exception: BaseException | type[BaseException] | bool | str | None = None,
        ref: bool = True,
    ) -> Timeout:
        """Make a timeout and start it; a timeout given as *timeout* is started, unless it is pending, and returned."""
        if isinstance(timeout, Timeout):
            if not timeout.pending:
                timeout.start()
            return timeout
        new = cls(timeout, exception, ref)
        new.start()
        return new

    def start(self) -> None:
        """Begin to count.

        Raises `RuntimeError` if it is pending already, `TypeError` if `seconds` is no number and `ValueError` if it is NaN.
        """
        self._begin()

    def _begin(self) -> None:
        if self._timer is not None and self._timer.place:
            raise RuntimeError(f"{self!r} is started already; cancel it to start it anew")
        seconds = self.seconds
        if seconds is None:
            return
        scheduler = _switch.thread_scheduler()
        if scheduler is None:
            scheduler = get_hub().scheduler
        error: Any = self.exception
        if error is None or error is False or error is True or isinstance(error, str):
            error = self
        timer = _make_timer(scheduler, error)
        if not self._ref:
            timer.uncounted = True
        deadline = scheduler.now() + seconds
        if deadline != deadline:
            raise ValueError("a timeout must be a number of seconds or None, not NaN")
        scheduler.deadlines.add(timer, deadline)
        self._timer = timer

    @property
    def pending(self) -> bool:
        """Whether it is counting: started, not closed, and not raised yet."""
        return self._timer is not None and bool(self._timer.place)

    def cancel(self) -> None:
        """Stop counting; it will not be raised.  May be called at any time, and again."""
        self._stop()

    def close(self) -> None:
        """As `cancel`."""
        self._stop()

    def _stop(self) -> None:
        timer = self._timer
        if timer is not None:
            self._timer = None
            timer.cancel()
            if _switch.is_only_reference(timer):
                timer.target = timer.error = None
                timer.scheduler.spare_timer = timer

    def __enter__(self) -> Timeout:
        if self._timer is None or not self._timer.place:
            self._begin()
        return self

    def __exit__(self, exc_type: Any, value: BaseException | None, traceback: Any) -> bool:
        self._stop()
        return value is self and self.exception is False

    def __str__(self) -> str:
        if self.seconds is None:
            return ""
        suffix = "" if self.seconds == 1 else "s"
        if self.exception is None:
            return f"{self.seconds} second{suffix}"
        if self.exception is False:
            return f"{self.seconds} second{suffix} (silent)"
        return f"{self.seconds} second{suffix}: {self.exception}"

    def __repr__(self) -> str:
        pending = " pending" if self.pending else ""
        return f"<{type(self).__name__} at {id(self):#x} seconds={self.seconds!r}{pending}>"


def with_timeout(seconds: float | None, function: Any, *args: Any, timeout_value: Any = _UNSET, **kwargs: Any) -> Any:
    """Call ``function(*args, **kwargs)`` and let it wait for at most *seconds*; `None` is without limit.

    Return what the function returns, or *timeout_value* if the time was up first.  Parks if the function does.  Raises
    `Timeout` if the time was up and there is no *timeout_value*, and whatever the function raises.
    """
    timeout = Timeout(seconds)
    timeout.start()
    try:
        try:
            return function(*args, **kwargs)
        except Timeout as error:
            if error is timeout and timeout_value is not _UNSET:
                return timeout_value
            raise
    finally:
        timeout.cancel()

"""Signal handlers that may wait, and whose errors end up where the program expects them.

Python runs a handler between two lines of its main thread, wherever that is.  Here that may be the hub, where nothing may
wait, or any greenlet, which has nothing to do with it.  So a handler that becomes due

- in the main greenlet is called there and then;
- in another greenlet is called there and then too, but what it raises (a time limit, a request to end) is raised in the
  main greenlet, as Python raises it in the main thread;
- in the hub, because everybody waits, is called in a greenlet of its own, and what it raises goes the same way.

The system's signals are left alone: no handler is installed that the program did not ask for, not for SIGCHLD either.
"""

from __future__ import annotations

import signal as _stdlib
from types import FrameType
from typing import Any

from hublet.core import getcurrent, sleep, spawn_raw
from hublet.core.lowlevel import ParkingLot, deadline_in, get_hub_if_exists
from hublet.core.patching import original

__all__ = ["adopt", "getsignal", "pause", "signal"]

_signal, _getsignal = original("signal", "signal"), original("signal", "getsignal")
_pausing = ParkingLot()

_LONG = 3600.0
_SHORTEST, _LONGEST = 0.0005, 0.05  # seconds between two questions whether a blocked signal has come


class _Handler:
    """What Python calls in place of the program's handler."""

    __slots__ = ("function",)

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        hub = get_hub_if_exists()
        here = getcurrent()
        if hub is None or here is hub.parent:
            self._run(signum, frame)
        elif here is hub:
            spawn_raw(self._call, signum, frame)
        else:
            self._call(signum, frame)

    def _run(self, signum: int, frame: FrameType | None) -> None:
        try:
            self.function(signum, frame)
        finally:
            _pausing.unpark_all()

    def _call(self, signum: int, frame: FrameType | None) -> None:
        try:
            self._run(signum, frame)
        except BaseException as error:
            hub = get_hub_if_exists()
            assert hub is not None and hub.parent is not None
            hub.call_soon(hub.parent.throw, error)

    def __repr__(self) -> str:
        return f"<cooperative {self.function!r}>"


def _wrap(handler: Any) -> Any:
    # The default one for Ctrl-C raises, and what it raises in a greenlet or in the hub, core hands to the main greenlet.
    plain = not callable(handler) or handler is _stdlib.default_int_handler or isinstance(handler, _Handler)
    return handler if plain or isinstance(handler, int) else _Handler(handler)


def _unwrap(handler: Any) -> Any:
    return handler.function if isinstance(handler, _Handler) else handler


def signal(signalnum: int, handler: Any) -> Any:
    """Set the handler of a signal and return the one before.  As `signal.signal`; the handler may park.

    Never switches.  What the handler raises is raised in the main greenlet.
    """
    return _unwrap(_signal(signalnum, _wrap(handler)))


def getsignal(signalnum: int) -> Any:
    """Return the handler of a signal.  As `signal.getsignal`."""
    return _unwrap(_getsignal(signalnum))


def adopt() -> None:
    """Let the handlers that are set already be called as those that `signal` sets.  In the main thread."""
    for number in _stdlib.valid_signals():
        handler = _getsignal(number)
        wrapped = _wrap(handler)
        if wrapped is not handler:
            try:
                _signal(number, wrapped)
            except ValueError:
                return  # not the main thread


def pause() -> None:
    """Park until a signal comes whose handler was set by `signal`.  As `signal.pause`."""
    # With a deadline, or there would be nothing left that could wake it as far as the hub can know.
    while not _pausing.park(deadline_in(_LONG), "a signal"):
        pass


if hasattr(_stdlib, "sigtimedwait"):
    _sigtimedwait = original("signal", "sigtimedwait")

    def sigtimedwait(sigset: Any, timeout: float, /) -> Any:
        """Wait for one of the blocked signals in *sigset*, at most *timeout* seconds.  As `signal.sigtimedwait`.  Parks.

        It is asked for at growing intervals, at most 50 ms apart.
        """
        return _take(set(sigset), timeout)

    def sigwaitinfo(sigset: Any, /) -> Any:
        """Wait for one of the blocked signals in *sigset*.  As `signal.sigwaitinfo`.  Parks, as `sigtimedwait`."""
        return _take(set(sigset), None)

    def sigwait(sigset: Any, /) -> Any:
        """Wait for one of the blocked signals in *sigset*, and return its number.  As `signal.sigwait`.  Parks."""
        number = _take(set(sigset), None).si_signo
        try:
            return _stdlib.Signals(number)
        except ValueError:
            return number  # one of the real-time signals that have no name

    def _take(sigset: set[int], timeout: float | None) -> Any:
        deadline, delay = deadline_in(timeout), _SHORTEST
        while True:
            left = None if deadline is None else deadline - deadline_in(0)  # type: ignore[operator]
            # A negative timeout is its error to raise.
            found = _sigtimedwait(sigset, timeout if timeout is not None and timeout < 0 else 0)
            if found is not None or (left is not None and left <= 0):
                return found
            sleep(delay if left is None else min(delay, left))
            delay = min(delay * 2, _LONGEST)

"""`Future`: a future of `concurrent.futures` that greenlets can wait for.

It is settled in the worker thread, not in the hub, so that `concurrent.futures.wait` works wherever it is called, even where
it blocks the hub's own thread.  Greenlets wait in a parking lot, which any thread may wake.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from hublet.core import Hub
from hublet.core.lowlevel import ParkingLot, Waiter, deadline_in, report_fault

__all__ = ["Future"]

T = TypeVar("T")


class Future(concurrent.futures.Future[T]):
    """As `concurrent.futures.Future`, but waiting parks, and callbacks run in the hub.

    `hublet.core.wait` takes it, and so do `concurrent.futures.wait` and `as_completed`, which block the native thread unless
    `threading` is patched.  Any thread may use it.
    """

    def __init__(self, hub: Hub | None = None) -> None:
        super().__init__()
        self._hub = hub
        self._lot = ParkingLot()
        self._links: list[Callable[[Any], object]] = []
        self._calls_links = False  # once it is done

    # Being settled

    def set_result(self, result: T) -> None:
        """As that of `concurrent.futures`."""
        super().set_result(result)
        self._lot.unpark_all()

    def set_exception(self, exception: BaseException | None) -> None:
        """As that of `concurrent.futures`."""
        super().set_exception(exception)
        self._lot.unpark_all()

    def cancel(self) -> bool:
        """Cancel the call unless it has begun; say whether it is cancelled.  Never switches."""
        cancelled = super().cancel()
        if cancelled:
            self._lot.unpark_all()
        return cancelled

    # Waiting

    def result(self, timeout: float | None = None) -> T:
        """Return what the call returned, or raise what it raised, waiting at most *timeout* seconds; `None`: without limit.

        Parks.  Raises `concurrent.futures.TimeoutError` if the time was up first, and `CancelledError` if it is cancelled.
        """
        self._wait(timeout)
        try:
            return super().result(0)
        finally:
            del self  # or this frame, which the traceback holds, would hold the error

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, or `None`.  As `result` otherwise."""
        self._wait(timeout)
        return super().exception(0)

    def _wait(self, timeout: float | None) -> None:
        if self.done():
            return
        deadline = deadline_in(timeout)
        waiter = Waiter(self)
        self._lot.add(waiter)
        if self.done():  # since somebody looked
            waiter.unpark()
        waiter.park(deadline)

    # Telling

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Let the hub call ``fn(self)`` once it is done, soon if it is already.  It must not wait.

        Never switches.  The hub is that of the thread that made the executor.  What *fn* raises goes to its `handle_error`.
        """
        super().add_done_callback(_InHub(self._hub, fn))

    def ready(self) -> bool:
        """Say whether it is done.  As `done`."""
        return self.done()

    def successful(self) -> bool:
        """Say whether it is done, without an error and not cancelled."""
        try:
            return self.done() and super().exception(0) is None
        except CancelledError:
            return False

    def rawlink(self, callback: Callable[[Any], object]) -> None:
        """As `add_done_callback`, for `hublet.core.wait`."""
        # One callback for all of them, since a callback cannot be taken back, and who waits again and again links each time.
        self._links.append(callback)
        calls_links, self._calls_links = self._calls_links, True
        if not calls_links or self.done():
            self.add_done_callback(_call_links)

    def unlink(self, callback: Callable[[Any], object]) -> None:
        """Forget a callback that was linked by `rawlink`; nothing happens if it is not.  Never switches."""
        try:
            self._links.remove(callback)
        except ValueError:
            pass  # it was called, or unlinked before


def _call_links(future: Any) -> None:
    links = future._links
    while links:
        try:
            callback = links.pop(0)
        except IndexError:
            return  # another thread has unlinked it this very moment
        try:
            callback(future)
        except BaseException as error:
            report_fault((callback, future), error)


class _InHub:
    """Has *function* called in *hub*; right here if there is none any more."""

    __slots__ = ("_function", "_hub")

    def __init__(self, hub: Hub | None, function: Callable[[Any], object]) -> None:
        self._hub = hub
        self._function = function

    def __call__(self, future: Any) -> None:
        hub = self._hub
        if hub is None or hub.dead:
            self._function(future)
        else:
            hub.call_soon_threadsafe(self._function, future)

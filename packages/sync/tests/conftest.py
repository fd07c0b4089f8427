"""What the tests of sync share.

Two checks go with every test: no error was reported that the test did not ask for, and the hub has nothing left to do.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hublet.core import compiled, get_hub, idle, joinall, spawn
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import FakeClock, fake_clock


class Reports(logging.Handler):
    """What `hub.handle_error` has reported.  A test takes what it expects."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def take_errors(self) -> list[BaseException]:
        """Return the exceptions that were reported until now, and forget them."""
        taken, self.records = self.records, []
        return [record.exc_info[1] for record in taken]


@pytest.fixture(autouse=True)
def reports() -> Iterator[Reports]:
    reports = Reports()
    logger = logging.getLogger("hublet.core")
    logger.addHandler(reports)
    propagate, logger.propagate = logger.propagate, False
    yield reports
    logger.propagate = propagate
    logger.removeHandler(reports)
    assert reports.take_errors() == [], "reported, and not expected by the test"


@pytest.fixture(autouse=True)
def _tidy(reports: Reports) -> Iterator[None]:
    """Fail a test that leaves work to the hub, which would then happen in the middle of the next one."""
    yield
    hub = get_hub_if_exists()
    if hub is None:
        return
    idle()
    scheduler = hub.scheduler
    left = {"ready": len(scheduler.ready), "deadlines": len(scheduler.deadlines), "postponed": len(scheduler.postponed)}
    if any(left.values()):
        hub.destroy()  # or every test after this one would fail of it
        pytest.fail(f"left behind: {left}")


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """A clock that jumps, for the hub of this thread."""
    with fake_clock() as clock:
        yield clock


@pytest.fixture
def in_hub() -> Callable[..., Any]:
    """Call a function in the hub, where nothing may wait, and return what it returns."""

    def in_hub(function: Callable[..., Any], *args: Any) -> Any:
        found: list[Any] = []
        get_hub().call_soon(lambda: found.append(function(*args)))
        idle()
        (result,) = found
        return result

    return in_hub


def run_in_threads(*functions: Callable[[], object], seconds: float = 60) -> None:
    """Call each function in a native thread of its own; raise what one of them raised, or if one does not come back."""
    errors: list[BaseException] = []

    def call(function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)
        finally:
            hub = get_hub_if_exists()
            if hub is not None:
                hub.destroy()

    threads = [threading.Thread(target=call, args=(function,), daemon=True) for function in functions]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # let threads take turns as often as they can
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds)
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads), "a thread waits for what never comes"


def with_hub(function: Callable[[], object], greenlets: int) -> Callable[[], None]:
    """Return a function for a thread: call *function* in so many greenlets of the thread's own hub."""

    def run() -> None:
        joinall([spawn(function) for _ in range(greenlets)], raise_error=True)

    return run


@pytest.fixture
def in_threads() -> Callable[..., None]:
    """Call each function in a native thread of its own that has no hub."""
    return run_in_threads


@pytest.fixture
def everywhere() -> Callable[..., int]:
    """Call a function in six threads with hubs, ten greenlets each, and two without; return how many calls those are."""

    def everywhere(function: Callable[[], object], *others: Callable[[], object]) -> int:
        run_in_threads(*[with_hub(function, 10)] * 6, function, function, *others)
        return 6 * 10 + 2

    return everywhere


class Interleaving:
    """One thread's operation, with another's in the middle of it, at each step where that can be.

    The operation is repeated in a thread without a hub, and each time the intruder comes in one line later, from the first
    line of ours to the last.  It stands for another thread, a signal handler or a finalizer: all of them may come in
    between two lines, and none in the middle of a line that makes no call.
    """

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def beside(self, function: Callable[[], object], is_parked: Callable[[], object]) -> None:
        """For intruders that wait: run *function* in a thread, and go on once it is finished or parked."""
        thread = threading.Thread(target=function, daemon=True)
        self.threads.append(thread)
        thread.start()
        deadline = time.monotonic() + 10
        while thread.is_alive() and not is_parked():
            assert time.monotonic() < deadline
            time.sleep(0)

    def __call__(
        self,
        make: Callable[[], Any],
        operation: Callable[[Any], Any],
        intruder: Callable[[Any], Any],
        check: Callable[[Any, Any, Any], object],
    ) -> None:
        """Call ``check(subject, result of operation, result of intruder)`` after each run."""
        step, more = 0, True
        while more:
            subject = make()
            more, where, result, intruded = self._run(subject, operation, intruder, step)
            for thread in self.threads:
                thread.join(10)
                assert not thread.is_alive(), f"the intruder never came back, having come in at {where}"
            self.threads.clear()
            try:
                check(subject, result, intruded)
            except AssertionError as error:
                raise AssertionError(f"with the intruder at {where}: {error}") from error
            step += 1
        assert step > 1

    def _run(self, subject: Any, operation: Any, intruder: Any, step: int) -> tuple[bool, str, Any, Any]:
        found: dict[str, Any] = {"steps": 0, "where": "the end"}

        def trace(frame: Any, event: str, arg: Any) -> Any:
            if not str(frame.f_globals.get("__name__")).startswith(("hublet.", "_thread", "heapq")):
                return None
            if event in ("call", "line") and "intruded" not in found and "over" not in found:
                if found["steps"] == step:
                    found["where"] = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                    found["intruded"] = intruder(subject)
                found["steps"] += 1
            return trace

        def operate() -> None:
            sys.settrace(trace)
            try:
                found["result"] = operation(subject)
            except BaseException as error:
                found["result"] = error
            finally:
                sys.settrace(None)

        thread = threading.Thread(target=operate, daemon=True)
        thread.start()
        thread.join(0.2 if step else 1)
        more = "intruded" in found
        if not more:
            found["over"] = True  # it is finished or parked: now or never

            def intrude() -> None:
                found["intruded"] = intruder(subject)

            last = threading.Thread(target=intrude, daemon=True)
            last.start()
            last.join(10)
        thread.join(10)
        assert not thread.is_alive(), f"the operation never came back, with the intruder at {found['where']}"
        return more, found["where"], found["result"], found["intruded"]


@pytest.fixture
def interleaved() -> Interleaving:
    """Try an operation with another one in the middle, at every step of it."""
    if compiled:
        pytest.skip("compiled, the lines of ours cannot be stopped at; nothing comes between them")
    return Interleaving()

"""What the tests of pool share.

Two checks go with every test: no error was reported that the test did not ask for, and the hub has nothing left to do.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hublet.core import get_hub, idle
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


@pytest.fixture
def in_threads() -> Callable[..., None]:
    """Call each function in a native thread of its own that has no hub."""
    return run_in_threads

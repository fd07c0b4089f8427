"""What the tests of core share.

Two checks go with every test: no error was reported that the test did not ask for, and the hub has nothing left to do.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import greenlet as greenlet_module
import pytest

from hublet.core import Timeout, get_hub, idle, sleep
from hublet.core._hub import get_hub_if_exists
from hublet.core._switch import count_other_threads
from hublet.core.lowlevel import notify_closing
from hublet.core.testing import FakeClock, fake_clock


class Reports(logging.Handler):
    """What `hub.handle_error` has reported, in the way it does by default.  A test takes what it expects."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def take(self) -> list[logging.LogRecord]:
        """Return what was reported until now, and forget it."""
        taken, self.records = self.records, []
        return taken

    def take_errors(self) -> list[BaseException]:
        """Return the exceptions that were reported until now, and forget them."""
        return [record.exc_info[1] for record in self.take()]


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
    try:
        idle()
        left = {
            "ready": len(hub.scheduler.ready),
            "deadlines": len(hub.scheduler.deadlines),
            "calls in threads": hub.scheduler.outside,
            "waiting for descriptors": hub.scheduler.loop.waiting,
            "postponed": len(hub.scheduler.postponed),
        }
    except BaseException as error:
        left = {"the next to wait is not left in peace": error}
    if any(left.values()):
        hub.destroy()  # or every test after this one would fail of it
        pytest.fail(f"left behind: {left}")


@pytest.fixture
def switches() -> Iterator[list[tuple[object, object]]]:
    """Every switch from now on, as (from, to)."""
    seen: list[tuple[object, object]] = []
    greenlet_module.settrace(lambda event, pair: seen.append(pair))
    yield seen
    greenlet_module.settrace(None)


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """A clock that jumps, for the hub of this thread."""
    with fake_clock() as clock:
        yield clock


def wait_until(is_so: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait, blocking, for something that another native thread or process is about to bring about by itself."""
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.001)
    return is_so()


@pytest.fixture
def eventually() -> Callable[..., bool]:
    """For what has no event to wait for, such as the end of a native thread that has been joined."""
    return wait_until


@pytest.fixture
def alone() -> None:
    """No other native thread: only then can the hub know that nothing will wake a greenlet.

    Until 3.13 `Thread.join` returns while the thread is still leaving.
    """
    get_hub().threadpool.close()
    get_hub().threadpool = None
    assert wait_until(lambda: count_other_threads() == 0)


@pytest.fixture
def census() -> Callable[[], Counter[str]]:
    """Count the living objects of core by type, garbage apart, once the hub has nothing left to do."""

    def census() -> Counter[str]:
        idle()
        with Timeout(10):
            sleep(0)  # the hub keeps one waiter and one timer for the next to use: now it has them for certain
        gc.collect()
        kinds = (type(each) for each in gc.get_objects())
        return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("hublet.core"))

    return census


@pytest.fixture
def script() -> Callable[..., str]:
    """Run code in an interpreter of its own and return what it prints; fail unless it ends well."""

    def script(code: str, *options: str, returncode: int = 0, **environment: str) -> str:
        path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
        done = subprocess.run(
            [sys.executable, *options, "-c", code],
            env={**os.environ, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == returncode, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    return script


@pytest.fixture
def socketpair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that do not block, connected to each other."""
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    yield ends
    for end in ends:
        if end.fileno() >= 0:
            notify_closing(end.fileno())
            end.close()

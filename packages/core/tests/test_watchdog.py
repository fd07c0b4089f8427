"""The watchdog: it says what keeps the hub from polling, once for each place."""

from __future__ import annotations

import threading
import time
from _thread import _count as count_threads
from collections.abc import Iterator

import pytest

from hublet.core import get_hub, sleep, spawn
from hublet.core._watchdog import Watchdog


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def watchdog(messages: list[str]) -> Iterator[Watchdog]:
    watchdog = get_hub().watch_for_blocking(0.02, messages.append)
    yield watchdog
    watchdog.stop()


def block(until) -> None:
    """Keep the hub from polling until that is so."""
    deadline = time.monotonic() + 10
    while not until() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert until()


def test_it_reports_the_stack_that_blocks(watchdog: Watchdog, messages: list[str]):
    def culprit() -> None:
        block(lambda: messages)

    spawn(culprit).join()

    assert "0.02 seconds" in messages[0]
    assert __file__ in messages[0]
    assert "culprit" in messages[0]


def test_each_place_is_reported_once_and_counted(watchdog: Watchdog, messages: list[str]):
    gate = threading.Event()

    def wait_here() -> None:
        gate.wait()

    for _ in range(3):
        seen = sum(watchdog.counts.values())
        gate.clear()
        waker = threading.Thread(target=lambda seen=seen: (block(lambda: sum(watchdog.counts.values()) > seen), gate.set()))
        waker.start()
        wait_here()
        waker.join()
        sleep(0.0001)

    assert len(messages) == len(watchdog.counts)
    assert sum(watchdog.counts.values()) >= 3


def test_a_hub_that_sleeps_is_not_blamed(watchdog: Watchdog, messages: list[str]):
    sleep(0.1)

    assert messages == []


def test_a_hub_that_is_busy_but_polls_is_not_blamed(messages: list[str]):
    watchdog = get_hub().watch_for_blocking(0.15, messages.append)
    deadline = time.monotonic() + 0.4
    while time.monotonic() < deadline:
        sleep(0)
    watchdog.stop()

    assert messages == []


def test_after_it_was_stopped_nothing_is_reported(watchdog: Watchdog, messages: list[str]):
    watchdog.stop()
    watchdog.stop()

    time.sleep(0.1)

    assert messages == []


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_it_wants_a_number_of_seconds_above_0(wrong: float):
    with pytest.raises(ValueError, match="above 0"):
        get_hub().watch_for_blocking(wrong)


def test_by_default_it_writes_a_warning_to_logging(reports):
    watchdog = get_hub().watch_for_blocking(0.01)
    block(lambda: reports.records)
    watchdog.stop()

    record = reports.take()[0]
    assert record.name == "hublet.core"
    assert record.levelname == "WARNING"


def test_it_can_be_switched_on_by_the_environment(script):
    printed = script(
        """
import sys, time
sys.stderr = sys.stdout
from hublet.core import sleep
sleep(0)
time.sleep(0.2)
sleep(0)
""",
        HUBLET_WATCHDOG="0.05",
    )

    assert "has not polled for 0.05 seconds" in printed


def test_by_default_there_is_none(script):
    printed = script(
        """
import threading, _thread
from hublet.core import sleep
sleep(0.001)
print(_thread._count())
"""
    )

    assert printed == "0"


def test_it_does_not_hide_that_nothing_is_left(script):
    printed = script(
        """
from hublet.core import LoopExit, get_hub
from hublet.core.lowlevel import Waiter

get_hub().watch_for_blocking(10)
try:
    Waiter().park()
except LoopExit:
    print("nothing left")
"""
    )

    assert printed == "nothing left"


@pytest.mark.parametrize("gone", ["stopped", "left in the parent"])
def test_one_that_is_gone_does_not_count_for_another_thread(script, gone: str):
    """That other thread may still wake us, so there is no deadlock."""
    printed = script(
        f"""
gone = {gone!r}
import os, signal, threading, time
from _thread import _count
from hublet.core import LoopExit, get_hub
from hublet.core.lowlevel import Waiter

watchdog = get_hub().watch_for_blocking(10)
if gone == "stopped":
    watchdog.stop()
    while _count():
        time.sleep(0.001)
elif os.fork():
    os.wait()
    os._exit(0)
signal.alarm(20)
waiter = Waiter()
threading.Timer(0.05, waiter.unpark, ("woken",)).start()
try:
    waiter.park()
    print(waiter.value, flush=True)
except LoopExit as error:
    print("gave up", flush=True)
os._exit(0)
""",
        "-W",
        "ignore",
    )

    assert printed == "woken"


def test_it_ends_with_its_hub(alone, eventually):
    def body() -> None:
        get_hub().watch_for_blocking(10)
        get_hub().destroy()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

    assert eventually(lambda: count_threads() == 0)

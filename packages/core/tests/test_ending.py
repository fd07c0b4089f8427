"""Where a greenlet goes when it is over: to the next that is ready, or to the hub, and never to anybody who did not ask."""

from __future__ import annotations

import gc
import weakref
from contextvars import ContextVar
from typing import Any

import greenlet as greenlet_module
import pytest

from hublet.core import Greenlet, compiled, get_hub, getcurrent, joinall, sleep, spawn, spawn_later
from hublet.core.lowlevel import ParkingLot
from hublet.core.testing import wait_all_parked


def test_the_parent_of_one_that_another_greenlet_made_is_the_hub():
    assert spawn(lambda: spawn(lambda: getcurrent().parent).get()).get() is get_hub()


def test_the_parent_of_one_that_has_not_begun_is_the_hub():
    greenlet = spawn(lambda: None)

    assert greenlet.parent is get_hub()
    greenlet.kill()


def test_the_parent_of_one_that_is_over_is_the_hub():
    greenlet = spawn(lambda: None)
    greenlet.join()

    assert greenlet.parent is get_hub()


def test_one_that_waits_keeps_the_one_alive_that_made_it_no_longer_than_that_runs():
    lot = ParkingLot()
    maker = spawn(lambda: spawn(lot.park))
    waiting = maker.get()
    gone = weakref.ref(maker)

    del maker
    gc.collect()

    assert gone() is None
    lot.unpark()
    waiting.join()


@pytest.mark.skipif(not compiled, reason="interpreted, the hub comes in between")
def test_a_greenlet_ends_in_the_next_that_is_ready(switches):
    lot = ParkingLot()
    waiting = spawn(lot.park)
    sleep(0)
    ending = spawn(lot.unpark)

    waiting.join()

    assert (ending, waiting) in switches


def test_one_that_is_over_keeps_no_other_alive():
    lot = ParkingLot()
    waiting = spawn(lot.park)
    sleep(0)
    ending = spawn(lot.unpark)
    waiting.join()
    gone = weakref.ref(waiting)

    del waiting
    gc.collect()

    assert gone() is None
    assert ending.ready()


def test_one_that_waits_does_not_keep_alive_what_it_has_started():
    lot = ParkingLot()
    gone = []

    def start_and_wait():
        spawn(lambda: gone.append(weakref.ref(getcurrent())))
        lot.park()

    waiting = spawn(start_and_wait)
    wait_all_parked()

    assert gone[0]() is None
    lot.unpark()
    waiting.join()


def test_a_chain_of_greenlets_that_end_in_each_other_is_not_kept_by_the_first():
    first = greenlet = spawn(sleep, 0)
    references = []
    for _ in range(10):
        greenlet = spawn(greenlet.join)
        references.append(weakref.ref(greenlet))
    greenlet.join()

    del greenlet
    gc.collect()

    assert first.ready()
    assert [reference() for reference in references] == [None] * 10


def test_an_assigned_parent_runs_when_it_is_over():
    heir = greenlet_module.greenlet(lambda value=None: log.append("heir"))
    log: list[str] = []
    greenlet = spawn(log.append, "greenlet")
    greenlet.parent = heir

    assert greenlet.parent is heir
    heir.parent = get_hub()
    sleep(0)

    assert log == ["greenlet", "heir"]


def test_an_assigned_parent_runs_also_if_it_was_killed_before_it_began():
    log: list[str] = []
    heir = greenlet_module.greenlet(lambda value=None: log.append("heir"))
    heir.parent = get_hub()
    dead = spawn(lambda: None)
    dead.parent = heir
    dead.kill()
    switching = spawn(dead.switch)

    sleep(0)

    assert log == ["heir"]
    switching.kill()


def test_what_assigns_a_parent_that_is_no_greenlet_is_told():
    greenlet = spawn(lambda: None)

    with pytest.raises(TypeError):
        greenlet.parent = "nobody"

    assert greenlet.parent is get_hub()
    greenlet.join()


def test_what_handle_error_raises_in_a_greenlet_is_handed_to_it_and_not_to_main():
    def handle_error(context: Any, kind: Any, error: BaseException, traceback: Any) -> None:
        told.append(type(error))
        if isinstance(error, ZeroDivisionError):
            raise LookupError("while reporting")

    hub = get_hub()
    told: list[type[BaseException]] = []
    hub.handle_error = handle_error  # type: ignore[method-assign, assignment]
    try:
        greenlet = spawn(lambda: 1 / 0)
        sleep(0)
        sleep(0)
    finally:
        del hub.handle_error

    assert isinstance(greenlet.exception, ZeroDivisionError)
    assert told == [ZeroDivisionError, LookupError]


def test_a_subclass_with_a_run_of_its_own_ends_in_the_hub(switches):
    class Own(Greenlet[Any]):
        def run(self) -> None:
            log.append("ran")

    log: list[str] = []
    own = Own()
    own.start()
    sleep(0)

    assert log == ["ran"]
    assert (own, get_hub()) in switches


def test_one_that_was_killed_before_it_began_ends_in_the_hub_when_switched_to(switches):
    dead = spawn(lambda: None)
    dead.kill()
    switching = spawn(dead.switch)

    sleep(0)

    assert (dead, get_hub()) in switches
    switching.kill()


def test_what_ends_with_a_greenlets_context_may_wait():
    variable: ContextVar[Any] = ContextVar("variable")
    lot = ParkingLot()
    log: list[str] = []

    class Waits:
        def __del__(self) -> None:
            log.append("begins")
            lot.park()
            log.append("ends")

    def body() -> None:
        variable.set(Waits())

    other = spawn(lambda: [log.append("other"), sleep(0), log.append("other again")])
    ending = spawn(body)
    joinall([other, ending])
    while not lot:
        sleep(0)
    lot.unpark()
    sleep(0)

    assert log == ["other", "begins", "other again", "ends"]


def test_what_ends_with_a_greenlets_function_may_wait():
    log: list[str] = []

    class Waits:
        def __call__(self) -> None:
            log.append("called")

        def __del__(self) -> None:
            sleep(0)
            log.append("gone")

    other = spawn(lambda: [sleep(0), log.append("other"), sleep(0)])
    ending = spawn(Waits())
    joinall([other, ending])
    sleep(0)
    sleep(0)

    assert sorted(log) == ["called", "gone", "other"]


def test_deadlines_that_are_due_together_all_pass_before_what_one_of_them_started_hands_over(clock):
    log: list[str] = []
    lot = ParkingLot()
    waiting = spawn(lambda: [lot.park(), log.append("woken")])
    sleep(0)
    first = spawn_later(5, lot.unpark)
    second = spawn_later(5, log.append, "second")

    joinall([first, second, waiting])

    assert log == ["second", "woken"]


def test_one_that_was_killed_is_not_held_by_the_hub():
    lot = ParkingLot()
    greenlet = spawn(lot.park)
    sleep(0)
    gone = weakref.ref(greenlet)

    greenlet.kill()
    del greenlet
    gc.collect()  # interpreted, its `GreenletExit` has a traceback, with a frame that holds it

    assert gone() is None

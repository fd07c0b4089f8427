"""What the garbage collector may take of greenlets, and what it must leave."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from weakref import ref

import pytest

from hublet.core import Greenlet, compiled, get_hub, joinall, sleep, spawn, spawn_later
from hublet.core._deadlock import parked_waiters
from hublet.core._parked import find_waiters
from hublet.core.lowlevel import ParkingLot, Waiter
from hublet.core.testing import FakeClock, wait_all_parked


class Thing:
    """Something that can be referred to weakly, and whatever else is set on it."""


@pytest.fixture(autouse=True)
def nothing_pending() -> Iterator[None]:
    gc.collect()
    yield
    gc.collect()


def test_a_parked_greenlet_in_a_cycle_stays():
    waiter = Waiter("the end")
    thing = Thing()
    thing.greenlet = spawn(lambda held: waiter.park() and "woken", thing)
    parked = ref(thing.greenlet)
    wait_all_parked()

    del thing
    gc.collect()
    waiter.unpark()

    assert parked().get() == "woken"


class WithItsOwnRun(Greenlet):
    """One that leaves no word of its beginning."""

    def run(self) -> None:
        self.args[0].park()
        self.args[0].done = True


class OurWaiter(Waiter):
    done = False


def test_a_parked_greenlet_with_its_own_run_in_a_cycle_stays():
    waiter = OurWaiter("the end")
    thing = Thing()
    thing.greenlet = WithItsOwnRun(nothing, waiter, thing)
    thing.greenlet.start()
    del thing
    wait_all_parked()

    gc.collect()
    waiter.unpark()
    wait_all_parked()

    assert waiter.done


@pytest.mark.parametrize("kind", [Greenlet, WithItsOwnRun])
def test_the_collector_looks_into_a_greenlet_unless_it_has_a_stack(kind):
    waiter = OurWaiter("the end")
    greenlet = kind(OurWaiter.park, waiter)
    seen = [gc.is_tracked(greenlet)]
    greenlet.start()
    seen.append(gc.is_tracked(greenlet))
    wait_all_parked()
    seen.append(gc.is_tracked(greenlet))
    waiter.unpark()
    wait_all_parked()

    assert [*seen, gc.is_tracked(greenlet)] == [True, True, False, True]


def test_a_finished_greenlet_in_a_cycle_goes():
    thing = Thing()
    thing.greenlet = spawn(lambda held: held, thing)
    thing.greenlet.join()
    gone = ref(thing)

    del thing
    gc.collect()

    assert gone() is None


def test_a_greenlet_that_was_never_started_goes_with_its_cycle():
    thing = Thing()
    thing.greenlet = Greenlet(nothing, thing)
    gone = ref(thing)

    del thing
    gc.collect()

    assert gone() is None


def nothing(*arguments: object) -> None:
    """Do nothing."""


@pytest.mark.parametrize("start", [spawn, lambda *arguments: spawn_later(100, *arguments)], ids=["spawn", "spawn_later"])
def test_greenlets_that_have_not_begun_go_with_their_thread(start):
    gone = []

    def in_thread() -> None:
        sleep(0)
        thing = Thing()
        gone.append(ref(thing))
        thing.greenlet = start(nothing, thing)

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    gc.collect()

    assert [each() for each in gone] == [None]


def test_a_run_that_is_overridden_may_call_that_of_the_base():
    class Counting(Greenlet):
        ran = 0

        def run(self) -> None:
            Counting.ran += 1
            super().run()

    class Naming(Greenlet):
        def run(self) -> None:
            Greenlet.run(self)

    counted, named = Counting.spawn(lambda: 1), Naming.spawn(lambda: 2)
    joinall([counted, named])

    assert (Counting.ran, counted.value, named.value) == (1, 1, 2)


def test_joinall_takes_a_greenlet_that_is_given_twice_once():
    greenlet = spawn(nothing)

    assert joinall([greenlet, greenlet]) == [greenlet]


def test_two_may_wait_for_the_same_greenlets():
    greenlets = [spawn(sleep, 0) for _ in range(3)]
    others = spawn(joinall, greenlets)

    assert joinall(greenlets) == greenlets
    assert others.get() == greenlets


def test_a_greenlet_that_something_waits_for_has_links():
    greenlet = spawn(Waiter("the end").park)
    before = greenlet.has_links()
    waiting = spawn(joinall, [greenlet])
    wait_all_parked()

    assert (before, greenlet.has_links()) == (False, True)
    waiting.kill()
    assert not greenlet.has_links()
    greenlet.kill()


def waiters_seen_of(greenlet: Greenlet) -> int:
    return sum(isinstance(each, Waiter) and each.greenlet is greenlet for each in gc.get_objects())


def test_compiled_the_collector_does_not_walk_through_who_sleeps():
    sleeper = spawn(sleep, 100)
    wait_all_parked()

    assert waiters_seen_of(sleeper) == (0 if compiled else 1)
    assert sleeper in [waiter.greenlet for waiter in parked_waiters(get_hub())]
    sleeper.kill()


def test_the_collector_sees_a_waiter_that_is_used_again_after_a_sleep(clock: FakeClock):
    lot = ParkingLot()

    def sleep_and_park() -> None:
        sleep(1)
        lot.park()

    greenlet = spawn(sleep_and_park)
    sleep(2)

    assert waiters_seen_of(greenlet) == 1
    lot.unpark()
    greenlet.join()


def test_who_has_slept_and_not_resumed_is_found_among_those_that_are_ready(clock: FakeClock):
    sleeper = spawn(sleep, 1)
    wait_all_parked()
    looking = spawn_later(1, lambda: sleeper in [waiter.greenlet for waiter in find_waiters(get_hub().scheduler)])

    assert looking.get()
    assert sleeper.get() is None


def test_looking_for_who_is_parked_keeps_nothing():
    thing = Thing()
    gone = ref(thing)
    gc.disable()
    try:
        parked_waiters(get_hub())
        del thing
        assert gone() is None
    finally:
        gc.enable()

"""`Deadlock`: what a hub says in which nothing is left that could wake anybody."""

from __future__ import annotations

import sys
import weakref
from _thread import start_new_thread

import pytest

from hublet.core import Deadlock, LoopExit, get_hub, getcurrent, sleep, spawn, spawn_raw
from hublet.core._deadlock import explain, parked_waiters
from hublet.core.lowlevel import ParkingLot, Waiter, wait_readable
from hublet.core.testing import FakeClock, wait_all_parked


class Lock:
    """The least that a deadlock is told about."""

    def __init__(self, name: str, owner: object = None) -> None:
        self.name = name
        self.owner = owner

    def __repr__(self) -> str:
        return f"<Lock {self.name}>"


@pytest.fixture
def lot():
    """Whoever parks here is let go at the end of the test."""
    lot = ParkingLot()
    yield lot
    lot.unpark_all()
    wait_all_parked()


def deadlock(wait=None) -> Deadlock:
    with pytest.raises(LoopExit) as caught:
        (wait or Waiter().park)()
    assert type(caught.value) is Deadlock
    return caught.value


def test_it_is_a_loop_exit():
    assert issubclass(Deadlock, LoopExit)


def test_it_names_each_parked_greenlet_and_where_it_was_spawned(alone, lot: ParkingLot):
    line = sys._getframe().f_lineno + 1
    greenlets = [spawn(lot.park) for _ in range(3)]

    error = deadlock()

    for greenlet in greenlets:
        assert greenlet.name in str(error)
        assert greenlet in error.parked
    assert str(error).count(f"{__file__}:{line}") == 3


def test_it_names_the_main_greenlet(alone):
    error = deadlock()

    assert "the main greenlet" in str(error)
    assert error.parked == (getcurrent(),)


def test_it_says_what_each_waits_for(alone, lot: ParkingLot):
    spawn(lot.park, None, Lock("A"))
    spawn(lot.park, None, "the rain to end")

    error = deadlock(Waiter(Lock("B")).park)

    assert "waits for <Lock A>" in str(error)
    assert "waits for the rain to end" in str(error)
    assert "waits for <Lock B>" in str(error)


def test_it_says_who_holds_what_is_waited_for(alone, lot: ParkingLot):
    holder = spawn(lot.park, None, "nothing in particular")
    waiting = spawn(lot.park, None, Lock("A", owner=holder))

    error = deadlock()

    line = next(line for line in str(error).splitlines() if "<Lock A>" in line)
    assert waiting.name in line
    assert f"held by {holder!r}" in line


def test_it_says_that_a_waiter_is_bare(alone):
    assert "a bare Waiter" in str(deadlock())


def test_it_tells_of_a_greenlet_that_joins_another(alone, lot: ParkingLot):
    parked = spawn(lot.park)
    joining = spawn(parked.join)

    error = deadlock(joining.join)

    line = next(line for line in str(error).splitlines() if line.strip().startswith(f"<{joining.name} "))
    assert f"waits for <{parked.name} " in line
    assert f"waits for <{joining.name} " in str(error)


def test_it_tells_of_raw_greenlets_too(alone, lot: ParkingLot):
    raw = spawn_raw(lot.park)

    assert raw in deadlock().parked


def test_a_reason_whose_repr_fails_does_not_hide_the_deadlock(alone, lot: ParkingLot):
    class Broken:
        def __repr__(self) -> str:
            raise OSError("no name")

    spawn(lot.park, None, Broken())

    assert "<Broken whose repr raises OSError>" in str(deadlock())


def test_a_dead_proxy_somewhere_does_not_hide_the_deadlock(alone):
    class Thing:
        pass

    proxy = weakref.proxy(Thing())

    deadlock()
    with pytest.raises(ReferenceError):
        str(proxy)


def test_an_owner_that_cannot_be_asked_for_does_not_hide_the_deadlock(alone, lot: ParkingLot):
    class Broken:
        @property
        def owner(self) -> None:
            raise OSError("no owner")

        def __repr__(self) -> str:
            return "<what cannot tell>"

    spawn(lot.park, None, Broken())

    line = next(line for line in str(deadlock()).splitlines() if "<what cannot tell>" in line)
    assert "held by" not in line


def test_it_says_that_nobody_is_parked(alone):
    error = deadlock(get_hub().switch)

    assert "no greenlet is parked" in str(error)
    assert error.parked == ()


def test_who_was_unparked_but_has_not_resumed_is_not_named(lot: ParkingLot):
    parked, unparked = spawn(lot.park, None, "the first"), spawn(lot.park, None, "the second")
    wait_all_parked()
    never_parked = Waiter("nobody waits here")
    lot.unpark()

    error = explain(get_hub())

    assert error.parked == (unparked,)
    assert "the first" not in str(error)
    assert never_parked.reason not in str(error)
    parked.join()


def test_nobody_is_named_who_is_ready_or_finished(alone):
    finished = spawn(int)
    finished.join()

    error = deadlock()

    assert finished not in error.parked


def test_those_of_other_threads_are_not_named(lot: ParkingLot):
    parked = spawn(lot.park)
    wait_all_parked()

    greenlets = [waiter.greenlet for waiter in parked_waiters(get_hub())]

    assert parked in greenlets
    assert all(waiter.scheduler is get_hub().scheduler for waiter in parked_waiters(get_hub()))


def test_it_can_be_asked_for_at_any_time(lot: ParkingLot):
    parked = spawn(lot.park, None, "the test")
    wait_all_parked()

    error = explain(get_hub())

    assert error.parked == (parked,)
    assert "waits for the test" in str(error)


def test_a_greenlet_that_sleeps_is_no_deadlock(alone, clock: FakeClock):
    sleeper = spawn(sleep, 100)

    sleeper.join()

    assert sleeper.ready()


def test_a_greenlet_that_waits_for_a_descriptor_is_no_deadlock(alone, socketpair):
    ours, theirs = socketpair
    reader = spawn(wait_readable, ours.fileno())
    spawn(lambda: (sleep(0.001), theirs.send(b"x")))

    reader.join()

    assert reader.get() is True


def test_it_comes_each_time_anew(alone):
    first, second = deadlock(), deadlock()

    assert first is not second


def test_it_comes_when_the_last_other_thread_has_ended(script):
    """That thread could have woken the main greenlet, so the hub waited for it."""
    printed = script(
        """
import threading, time
from hublet.core import LoopExit
from hublet.core.lowlevel import Waiter

threading.Thread(target=time.sleep, args=(0.05,)).start()
try:
    Waiter().park()
except LoopExit as error:
    print(type(error).__name__)
"""
    )

    assert printed == "Deadlock"


def test_it_is_not_raised_while_another_thread_may_still_wake_us(script):
    printed = script(
        """
import threading, time
from hublet.core.lowlevel import Waiter

waiter = Waiter()
threading.Timer(0.05, waiter.unpark, ("in time",)).start()
waiter.park()
print(waiter.value)
"""
    )

    assert printed == "in time"


def test_a_native_thread_that_has_not_begun_to_run_may_still_wake_somebody(alone):
    for _ in range(20):
        waiter = Waiter("a thread")
        start_new_thread(waiter.unpark, ())

        assert waiter.park() is True

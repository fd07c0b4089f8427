"""The tools for tests: what they promise holds."""

from __future__ import annotations

import threading
import time

import pytest

from hublet.core import BlockingSwitchOutError, Timeout, get_hub, joinall, sleep, spawn, spawn_later, wait
from hublet.core.lowlevel import ParkingLot, Waiter, call_in_thread, deadline_in
from hublet.core.testing import FakeClock, Sequencer, assert_no_switch, fake_clock, wait_all_parked

# The clock


def test_with_a_fake_clock_sleeping_takes_no_time():
    started = time.monotonic()

    with fake_clock() as clock:
        before = clock.now()
        sleep(10_000)
        assert clock.now() == before + 10_000

    assert time.monotonic() - started < 5


def test_the_clock_stands_still_while_anything_can_run(clock: FakeClock):
    start = clock.now()
    moments = []

    def busy() -> None:
        for _ in range(1000):
            sleep(0)
        moments.append(clock.now())

    sleeper = spawn(sleep, 1)
    spawn(busy).join()

    assert moments == [start]
    sleeper.join()


def test_the_clock_jumps_from_deadline_to_deadline(clock: FakeClock):
    start = clock.now()
    moments = []
    for seconds in (3, 1, 2):
        spawn_later(seconds, lambda: moments.append(clock.now() - start))

    sleep(5)

    assert moments == [1, 2, 3]


def test_the_clock_can_be_advanced_by_hand(clock: FakeClock):
    sleeper = spawn(sleep, 5)
    wait_all_parked()
    assert not sleeper.ready()

    clock.advance(5)
    wait_all_parked()

    assert sleeper.ready()


def test_the_clock_never_goes_back():
    clock = FakeClock(10)

    clock.advance_to(5)
    assert clock.now() == 10

    clock.advance_to(15)
    assert clock.now() == 15


def test_the_clock_waits_for_calls_in_threads(clock: FakeClock):
    """Their time is real: it must not jump over them."""
    start = clock.now()
    go = threading.Event()
    threading.Timer(0.005, go.set).start()

    with Timeout(1000):
        assert call_in_thread(go.wait, 10) is True

    assert clock.now() == start


def test_the_clock_does_not_jump_over_what_is_readable(clock: FakeClock, socketpair):
    from hublet.core.lowlevel import wait_readable

    ours, theirs = socketpair
    start = clock.now()
    reader = spawn(wait_readable, ours.fileno(), deadline_in(100))
    wait_all_parked()
    theirs.send(b"x")

    assert reader.get() is True
    assert clock.now() == start


def test_fake_clocks_nest_and_the_real_one_comes_back():
    scheduler = get_hub().scheduler

    with fake_clock() as outer:
        with fake_clock() as inner:
            assert scheduler.clock is inner
        assert scheduler.clock is outer

    assert scheduler.clock is None
    assert abs(scheduler.now() - time.monotonic()) < 1


def test_the_clock_is_put_back_after_an_error():
    with pytest.raises(ValueError), fake_clock():
        raise ValueError

    assert get_hub().scheduler.clock is None


# All parked


def test_after_wait_all_parked_everybody_has_come_as_far_as_possible():
    lot = ParkingLot()
    log = []

    def body(i: int) -> None:
        for _ in range(i):
            sleep(0)
        log.append(i)
        lot.park()

    greenlets = [spawn(body, i) for i in range(10)]
    wait_all_parked()

    assert log == list(range(10))
    assert len(lot) == 10
    lot.unpark_all()
    joinall(greenlets)


def test_wait_all_parked_includes_those_that_are_spawned_meanwhile():
    log = []

    def body(depth: int) -> None:
        log.append(depth)
        if depth:
            spawn(body, depth - 1)

    spawn(body, 20)
    wait_all_parked()

    assert log == list(range(20, -1, -1))


# Sequences


def test_steps_happen_in_the_order_of_their_numbers():
    step = Sequencer()
    log = []

    def body(number: int) -> None:
        with step(number):
            log.append(number)

    joinall([spawn(body, number) for number in (3, 0, 4, 2, 1)])

    assert log == [0, 1, 2, 3, 4]


def test_one_greenlet_may_have_several_steps():
    step = Sequencer()
    log = []

    def one() -> None:
        with step(0):
            log.append("one")
        with step(2):
            log.append("one again")

    def other() -> None:
        with step(1):
            log.append("other")
        with step(3):
            log.append("other again")

    joinall([spawn(other), spawn(one)])

    assert log == ["one", "other", "one again", "other again"]


def test_a_step_ends_before_the_next_begins():
    step = Sequencer()
    log = []

    def body(number: int) -> None:
        with step(number):
            log.append(("begin", number))
            sleep(0)
            log.append(("end", number))

    joinall([spawn(body, number) for number in (1, 0)])

    assert log == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]


def test_a_number_stands_for_one_step():
    step = Sequencer()
    with step(0):
        pass

    with pytest.raises(ValueError, match="step 0 is taken"), step(0):
        pass


def test_a_step_that_fails_lets_the_next_one_happen():
    step = Sequencer()
    log = []
    following = spawn(_step, step, 1, log)
    wait_all_parked()

    with pytest.raises(ValueError), step(0):
        raise ValueError
    following.join()

    assert log == [1]


def _step(step: Sequencer, number: int, log: list) -> None:
    with step(number):
        log.append(number)


def test_who_waits_for_its_turn_says_so():
    step = Sequencer()
    waiting = spawn(_step, step, 1, [])
    wait_all_parked()

    from hublet.core._deadlock import parked_waiters

    reasons = [waiter.reason for waiter in parked_waiters(get_hub()) if waiter.greenlet is waiting]

    assert reasons == ["step 1 of a sequence that is at step 0"]
    with step(0):
        pass
    waiting.join()


# No switch


@pytest.mark.parametrize(
    "park",
    [
        lambda: sleep(0),
        lambda: sleep(1),
        lambda: Waiter().park(),
        lambda: ParkingLot().park(),
        lambda: spawn(int).join(),
        lambda: wait_all_parked(),
        lambda: wait(timeout=1),
    ],
    ids="sleep0 sleep waiter lot join idle wait".split(),
)
def test_inside_assert_no_switch_parking_is_refused(park):
    with pytest.raises(BlockingSwitchOutError, match="assert_no_switch"), assert_no_switch():
        park()

    wait_all_parked()


def test_inside_assert_no_switch_everything_else_goes_on():
    lot = ParkingLot()

    with assert_no_switch():
        spawn(int)
        lot.unpark()
        Timeout(1).close()

    wait_all_parked()


def test_assert_no_switch_is_about_its_own_greenlet():
    log = []

    def body() -> None:
        sleep(0)
        log.append("slept")

    other = spawn(body)
    lot = ParkingLot()

    def careful() -> None:
        with assert_no_switch():
            log.append("careful")
        lot.park()

    parked = spawn(careful)
    other.join()

    assert sorted(log) == ["careful", "slept"]
    lot.unpark()
    parked.join()


def test_after_assert_no_switch_parking_is_allowed_again():
    with assert_no_switch():
        pass
    sleep(0)

    with pytest.raises(ValueError), assert_no_switch():
        raise ValueError
    sleep(0)

    assert get_hub().scheduler.unswitchable == {}


def test_assert_no_switch_nests():
    with assert_no_switch():
        with assert_no_switch():
            pass
        with pytest.raises(BlockingSwitchOutError):
            sleep(0)

    sleep(0)

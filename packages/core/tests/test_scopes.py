"""`fail_after`, `move_on_after` and `shield`: deadlines that nest, and a block that nobody interrupts from outside."""

from __future__ import annotations

import pytest

from hublet.core import (
    GreenletExit,
    Timeout,
    fail_after,
    get_hub,
    kill,
    killall,
    move_on_after,
    shield,
    sleep,
    spawn,
    spawn_raw,
)
from hublet.core.lowlevel import ParkingLot, Waiter
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


@pytest.fixture(autouse=True)
def _clock(clock: FakeClock) -> FakeClock:
    return clock


# Deadlines


def test_fail_after_raises_timeout_error_when_the_time_is_up(clock: FakeClock):
    start = clock.now()

    with pytest.raises(TimeoutError, match="3 seconds"), fail_after(3):
        sleep(10)

    assert clock.now() == start + 3


def test_move_on_after_goes_on_after_the_block(clock: FakeClock):
    start = clock.now()
    log = []

    with move_on_after(3) as scope:
        sleep(10)
        log.append("not reached")

    assert log == []
    assert scope.expired
    assert clock.now() == start + 3


@pytest.mark.parametrize("make", [fail_after, move_on_after])
def test_a_block_that_is_quick_enough_is_left_alone(make):
    with make(3) as scope:
        sleep(2)
    sleep(5)

    assert not scope.expired
    assert len(get_hub().scheduler.deadlines) == 0


@pytest.mark.parametrize("make", [fail_after, move_on_after])
def test_none_is_without_limit(make):
    with make(None) as scope:
        sleep(1000)

    assert not scope.expired
    assert scope.deadline is None


@pytest.mark.parametrize("make", [fail_after, move_on_after])
def test_entering_and_leaving_never_switch(make):
    with assert_no_switch(), make(1):
        pass


def test_waits_in_a_block_share_its_time(clock: FakeClock):
    start = clock.now()

    with move_on_after(3) as scope:
        while True:
            sleep(1)

    assert scope.expired
    assert clock.now() == start + 3


@pytest.mark.parametrize("outer, inner", [(1, 5), (5, 1)])
def test_when_blocks_nest_the_earliest_deadline_counts(clock: FakeClock, outer: int, inner: int):
    start = clock.now()

    with move_on_after(outer) as first:
        with move_on_after(inner) as second:
            sleep(10)
        assert clock.now() == start + inner

    assert (first.expired, second.expired) == (outer < inner, inner < outer)


def test_the_outer_of_two_that_fail_is_the_one_that_raises():
    log = []

    with pytest.raises(TimeoutError, match="1 seconds"), fail_after(1):
        try:
            with fail_after(5):
                sleep(10)
        except TimeoutError:
            log.append("mistaken for the inner one")
            raise

    assert log == []


def test_a_timeout_error_of_the_code_itself_is_not_mistaken():
    error = TimeoutError("of its own")

    with pytest.raises(TimeoutError) as caught, move_on_after(5) as scope:
        raise error

    assert caught.value is error
    assert not scope.expired


def test_scopes_and_timeouts_nest_in_any_order():
    with pytest.raises(Timeout) as caught, Timeout(1) as timeout, move_on_after(5), Timeout(3):
        sleep(10)
    assert caught.value is timeout

    with move_on_after(1) as scope, Timeout(5), fail_after(3):
        sleep(10)
    assert scope.expired


def test_the_deadline_can_be_changed_inside(clock: FakeClock):
    start = clock.now()

    with move_on_after(3) as scope:
        assert scope.deadline == start + 3
        sleep(2)
        scope.deadline = start + 7
        sleep(10)

    assert scope.expired
    assert clock.now() == start + 7


def test_the_deadline_can_be_taken_away_inside():
    with move_on_after(3) as scope:
        scope.deadline = None
        sleep(10)

    assert not scope.expired


def test_a_deadline_that_is_past_ends_the_next_wait():
    log = []

    with move_on_after(-1) as scope:
        log.append("before")
        sleep(1)
        log.append("after")

    assert log == ["before"]
    assert scope.expired


def test_code_that_does_not_wait_is_not_interrupted(clock: FakeClock):
    with move_on_after(1) as scope:
        clock.advance(10)

    sleep(0)
    assert not scope.expired


def test_a_scope_is_for_one_block_at_a_time():
    scope = fail_after(1)

    with scope, pytest.raises(RuntimeError, match="make a new one"), scope:
        pass


@pytest.mark.parametrize("wrong, kind", [("1", TypeError), (float("nan"), ValueError)])
def test_seconds_must_be_a_number(wrong: object, kind: type[Exception]):
    with pytest.raises(kind), move_on_after(wrong):
        pass

    assert len(get_hub().scheduler.deadlines) == 0


def test_what_was_handed_over_in_the_last_moment_is_not_lost(clock: FakeClock):
    lot = ParkingLot()
    taken = []

    def body() -> None:
        with move_on_after(5) as scope:
            waiter = Waiter()
            lot.add(waiter)
            waiter.park()
            taken.append(waiter.value)
        taken.append(scope.expired)
        sleep(0)

    from hublet.core import spawn_later

    spawn_later(5, lot.unpark, "token")
    spawn(body).join()

    assert taken == ["token", False]


def test_its_repr_says_what_it_is():
    with move_on_after(1) as scope:
        sleep(2)

    assert repr(scope).startswith("<move_on_after(1)")
    assert "expired" in repr(scope)
    assert repr(fail_after(2)).startswith("<fail_after(2)")


# Shields


class Shielded:
    """A greenlet that waits in a shield, then outside of it."""

    def __init__(self, raw: bool = False, depth: int = 1) -> None:
        self.lot = ParkingLot()
        self.log: list[object] = []
        self.depth = depth
        self.greenlet = (spawn_raw if raw else spawn)(self.run)
        wait_all_parked()

    def run(self) -> None:
        self.wait_in_shields(self.depth)
        try:
            sleep(1)
            self.log.append("undisturbed")
        except BaseException as error:
            self.log.append(type(error).__name__)
            raise

    def wait_in_shields(self, depth: int) -> None:
        if depth:
            with shield():
                self.wait_in_shields(depth - 1)
        else:
            self.lot.park()
            self.log.append("shielded")


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("raw", [False, True])
def test_a_kill_waits_until_the_shield_is_left(raw: bool, depth: int):
    shielded = Shielded(raw, depth)

    kill(shielded.greenlet)
    wait_all_parked()
    assert shielded.log == []

    shielded.lot.unpark()
    wait_all_parked()
    assert shielded.log == ["shielded", "GreenletExit"]


def test_who_kills_waits_for_the_shield_too(clock: FakeClock):
    shielded = Shielded()
    start = clock.now()

    shielded.greenlet.kill(timeout=5)
    assert clock.now() == start + 5
    assert not shielded.greenlet.dead

    shielded.lot.unpark()
    shielded.greenlet.join()
    assert isinstance(shielded.greenlet.value, GreenletExit)


def test_killall_raises_timeout_for_who_is_shielded():
    shielded = Shielded()

    with pytest.raises(Timeout):
        killall([shielded.greenlet], timeout=1)

    shielded.lot.unpark()
    shielded.greenlet.join()


@pytest.mark.parametrize("make", [Timeout, move_on_after, fail_after])
def test_a_timeout_from_outside_waits_until_the_shield_is_left(clock: FakeClock, make):
    start = clock.now()
    log = []

    with pytest.raises((Timeout, TimeoutError, AssertionError)):
        with make(1):
            with shield():
                sleep(5)
                log.append("shielded")
            sleep(5)
            log.append("not reached")
        raise AssertionError  # what `move_on_after` leads to

    assert log == ["shielded"]
    assert clock.now() == start + 5


def test_a_timeout_from_outside_is_forgotten_if_its_block_ends_first():
    with Timeout(1):
        with shield():
            sleep(5)

    sleep(1)
    assert not get_hub().scheduler.postponed


@pytest.mark.parametrize("make", [Timeout, fail_after])
def test_what_is_started_inside_works_there(clock: FakeClock, make):
    start = clock.now()

    with shield():
        with pytest.raises((Timeout, TimeoutError)), make(1):
            sleep(10)

    assert clock.now() == start + 1


def test_of_two_timeouts_only_the_inner_reaches_the_shield(clock: FakeClock):
    start = clock.now()
    log = []

    with pytest.raises(Timeout) as caught, Timeout(1) as outer:
        with shield(), move_on_after(3) as inner:
            sleep(10)
        log.append((inner.expired, clock.now() - start))
        sleep(1)

    assert log == [(True, 3)]
    assert caught.value is outer


def test_between_nested_shields_only_what_is_from_further_out_is_kept_out(clock: FakeClock):
    start = clock.now()
    log = []

    with shield():
        with move_on_after(1) as between:
            with shield():
                sleep(2)
                log.append(clock.now() - start)
            sleep(10)

    assert log == [2]
    assert between.expired
    assert clock.now() == start + 2


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_programs_is_not_kept_out(kind: type[BaseException]):
    error = kind()

    def fail() -> None:
        raise error

    with pytest.raises(kind) as caught, shield():
        spawn(fail)
        sleep(10)

    assert caught.value is error
    assert not get_hub().scheduler.shielded


def test_a_wake_up_reaches_the_shield():
    with shield():
        waiter = Waiter()
        spawn(waiter.unpark, "value")
        waiter.park()

    assert waiter.value == "value"


def test_a_shield_is_about_its_own_greenlet():
    lot = ParkingLot()
    other = spawn(lot.park)
    wait_all_parked()

    with shield():
        other.kill()

    assert other.dead


def test_a_shield_that_is_left_by_an_error_is_left():
    with pytest.raises(ValueError), shield():
        raise ValueError

    assert get_hub().scheduler.shielded == {}
    with pytest.raises(Timeout), Timeout(1):
        sleep(5)


def test_entering_and_leaving_a_shield_never_switch():
    with assert_no_switch(), shield(), shield():
        pass


def test_a_greenlet_that_ends_in_its_shield_leaves_nothing_behind():
    lot = ParkingLot()

    def body() -> None:
        with shield():
            lot.park()

    greenlet = spawn(body)
    wait_all_parked()
    greenlet.kill(block=False)
    wait_all_parked()
    lot.unpark()
    greenlet.join()

    assert greenlet.value is None
    assert get_hub().scheduler.shielded == {}
    assert get_hub().scheduler.postponed == {}

"""Timeouts: caught by identity, silent only in their own block, and gone when it ends."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from hublet.core import GreenletExit, Timeout, get_hub, sleep, spawn, with_timeout
from hublet.core.lowlevel import ParkingLot, Waiter, deadline_in
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


def timers() -> int:
    return len(get_hub().scheduler.deadlines)


# In a block


def test_it_raises_itself_when_the_time_is_up(clock: FakeClock):
    start = clock.now()

    with pytest.raises(Timeout) as caught, Timeout(3) as timeout:
        sleep(10)

    assert caught.value is timeout
    assert clock.now() == start + 3
    assert timers() == 0


def test_it_does_nothing_in_a_block_that_is_quick_enough(clock: FakeClock):
    with Timeout(3):
        sleep(2)
    sleep(2)

    assert timers() == 0


def test_making_starting_and_closing_it_never_switch():
    with assert_no_switch():
        timeout = Timeout(1)
        timeout.start()
        timeout.close()
        with Timeout(1):
            pass


def test_it_is_no_exception_that_code_would_catch_by_accident():
    assert issubclass(Timeout, BaseException)
    assert not issubclass(Timeout, Exception)


def test_it_reaches_only_the_greenlet_that_started_it(clock: FakeClock):
    log = []

    def body():
        sleep(5)
        log.append("slept")

    other = spawn(body)
    with Timeout(1, False):
        sleep(5)
        log.append("not reached")
    other.join()

    assert log == ["slept"]


def test_code_that_never_parks_is_never_interrupted(clock: FakeClock):
    with Timeout(1):
        clock.advance(5)

    sleep(0)


# What it raises


def test_it_raises_another_exception_if_given_one(clock: FakeClock):
    error = KeyError("mine")

    with pytest.raises(KeyError) as caught, Timeout(1, error):
        sleep(10)

    assert caught.value is error


def test_it_raises_an_exception_of_a_class_if_given_that(clock: FakeClock):
    with pytest.raises(KeyError), Timeout(1, KeyError):
        sleep(10)


def test_an_exception_class_that_cannot_be_made_is_an_error_in_the_block(clock: FakeClock):
    with pytest.raises(TypeError, match="argument"), Timeout(1, UnicodeDecodeError):
        sleep(10)


def test_a_text_describes_it_and_it_is_raised_itself(clock: FakeClock):
    with pytest.raises(Timeout) as caught, Timeout(1, "the text") as timeout:
        sleep(10)

    assert caught.value is timeout
    assert "the text" in str(timeout)


@pytest.mark.parametrize("wrong", ["1", object()])
def test_seconds_must_be_a_number(wrong: object):
    with pytest.raises(TypeError):
        Timeout(wrong).start()

    assert timers() == 0


def test_seconds_must_not_be_nan():
    with pytest.raises(ValueError, match="NaN"):
        Timeout(float("nan")).start()

    assert timers() == 0


# Silence


def test_false_is_silent_in_its_own_block(clock: FakeClock):
    log = []

    with Timeout(1, False):
        sleep(10)
        log.append("not reached")

    assert log == []


def test_false_is_not_silent_in_the_block_of_another(clock: FakeClock):
    log = []

    with Timeout(1, False) as outer:
        try:
            with Timeout(5, False):
                sleep(10)
        except Timeout as error:
            log.append(error)

    assert log == [outer]


def test_started_bare_it_is_raised_even_if_false(clock: FakeClock):
    timeout = Timeout(1, False)
    timeout.start()

    with pytest.raises(Timeout) as caught:
        sleep(10)

    assert caught.value is timeout
    timeout.close()


def test_a_silent_one_does_not_swallow_other_errors(clock: FakeClock):
    with pytest.raises(KeyError), Timeout(1, False):
        raise KeyError

    with pytest.raises(Timeout), Timeout(1, False):
        raise Timeout(1)


# Nesting


def test_the_outer_passes_through_the_inner_by_identity(clock: FakeClock):
    log = []

    with pytest.raises(Timeout) as caught, Timeout(1) as outer:
        try:
            with Timeout(5):
                sleep(10)
        except Timeout as error:
            log.append(error)
            raise

    assert caught.value is outer
    assert log == [outer]
    assert timers() == 0


def test_the_inner_is_raised_first_if_it_is_shorter(clock: FakeClock):
    start = clock.now()

    with Timeout(5) as outer:
        with pytest.raises(Timeout) as caught, Timeout(1) as inner:
            sleep(10)
        assert caught.value is inner
        with pytest.raises(Timeout) as caught:
            sleep(10)
        assert caught.value is outer

    assert clock.now() == start + 5


def test_two_with_one_deadline_are_raised_in_the_order_in_which_they_were_started(clock: FakeClock):
    log = []

    with Timeout(1) as outer, Timeout(1) as inner:
        for _ in range(2):
            try:
                sleep(10)
            except Timeout as error:
                log.append(error)

    assert log == [outer, inner]


def test_an_outer_silent_one_ends_its_own_block_only(clock: FakeClock):
    log = []

    with Timeout(1, False):
        with Timeout(5, False):
            sleep(10)
            log.append("not reached")
        log.append("not reached either")
    log.append("after")

    assert log == ["after"]


# Starting and closing


def test_none_never_fires(clock: FakeClock):
    with Timeout(None) as timeout, Timeout() as other:
        assert not timeout.pending
        assert not other.pending
        sleep(1000)

    with Timeout(None, False):
        sleep(1000)


@pytest.mark.parametrize("seconds", [0, -1])
def test_one_without_time_fires_at_the_next_park(clock: FakeClock, seconds: int):
    with Timeout(seconds):
        pass

    with pytest.raises(Timeout), Timeout(seconds):
        sleep(1)


@pytest.mark.parametrize("seconds", [1e10, float("inf")])
def test_one_that_is_ages_away_can_be_waited_under(seconds: float):
    waiter = Waiter()
    with Timeout(seconds):
        spawn(waiter.unpark)
        assert waiter.park() is True
        waiter = Waiter()
        assert waiter.park(deadline_in(0.001)) is False


def test_pending_says_whether_it_counts(clock: FakeClock):
    timeout = Timeout(1)
    assert not timeout.pending

    timeout.start()
    assert timeout.pending

    with pytest.raises(Timeout):
        sleep(10)
    assert not timeout.pending

    timeout.close()
    assert not timeout.pending


def test_starting_it_while_it_counts_is_an_error():
    timeout = Timeout(1)
    timeout.start()

    with pytest.raises(RuntimeError, match="cancel it"):
        timeout.start()

    timeout.close()
    assert timers() == 0


def test_it_can_be_started_again_after_it_was_closed(clock: FakeClock):
    timeout = Timeout(1)
    for _ in range(3):
        timeout.start()
        timeout.close()

    timeout.start()
    with pytest.raises(Timeout) as caught:
        sleep(10)

    assert caught.value is timeout


def test_it_can_be_started_again_after_it_was_raised(clock: FakeClock):
    start = clock.now()
    timeout = Timeout(1)

    for _ in range(3):
        with pytest.raises(Timeout) as caught, timeout:
            sleep(10)
        assert caught.value is timeout

    assert clock.now() == start + 3


def test_a_block_takes_over_one_that_counts_already(clock: FakeClock):
    start = clock.now()
    timeout = Timeout(3)
    timeout.start()
    sleep(1)

    with pytest.raises(Timeout), timeout:
        sleep(10)

    assert clock.now() == start + 3
    assert timers() == 0


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_closing_it_may_be_done_at_any_time_and_again(clock: FakeClock, end: str):
    timeout = Timeout(1)

    getattr(timeout, end)()
    timeout.start()
    getattr(timeout, end)()
    getattr(timeout, end)()
    sleep(5)

    assert timers() == 0


def test_start_new_makes_and_starts_one(clock: FakeClock):
    timeout = Timeout.start_new(1)
    assert timeout.pending

    with pytest.raises(Timeout) as caught:
        sleep(10)

    assert caught.value is timeout


def test_start_new_with_a_timeout_starts_that_unless_it_counts(clock: FakeClock):
    given = Timeout(1)

    assert Timeout.start_new(given) is given
    assert given.pending
    assert Timeout.start_new(given) is given

    given.close()


def test_start_new_takes_an_exception(clock: FakeClock):
    timeout = Timeout.start_new(1, KeyError)

    with pytest.raises(KeyError):
        sleep(10)

    timeout.close()


def test_one_that_is_not_referenced_does_not_keep_the_hub(clock: FakeClock):
    start = clock.now()

    with Timeout(100, ref=False):
        assert get_hub().join() is True

    assert clock.now() == start


# Who is interrupted


def test_it_is_not_raised_in_a_greenlet_that_has_ended(clock: FakeClock):
    greenlet = spawn(lambda: Timeout(1).start())
    greenlet.join()

    sleep(5)

    assert greenlet.successful()


def test_it_is_raised_in_a_subclass_as_well(clock: FakeClock):
    class Mine(Timeout):
        pass

    with pytest.raises(Mine) as caught, Mine(1) as timeout:
        sleep(10)

    assert caught.value is timeout


def test_its_greenlet_that_was_killed_takes_it_off_the_deadlines():
    def body():
        with Timeout(1000):
            sleep(2000)

    greenlet = spawn(body)
    wait_all_parked()
    assert timers() == 2

    greenlet.kill()

    assert timers() == 0
    assert isinstance(greenlet.value, GreenletExit)


def test_it_keeps_nothing_alive_once_it_is_closed():
    class Error(Exception):
        pass

    error = Error()
    gone = weakref.ref(error)
    timeout = Timeout(1000, error)
    timeout.start()
    timeout.close()

    del timeout, error
    gc.collect()

    assert gone() is None


def test_it_keeps_no_greenlet_alive_once_it_is_closed():
    timeouts = []

    def body() -> None:
        with Timeout(1000) as timeout:
            timeouts.append(timeout)

    greenlet = spawn(body)
    greenlet.join()
    gone = weakref.ref(greenlet)
    del greenlet
    wait_all_parked()
    gc.collect()

    assert gone() is None
    assert not timeouts[0].pending


def test_the_first_use_of_core_in_a_thread_may_be_a_timeout():
    outcome = []

    def body() -> None:
        with Timeout(0.0001, False):
            sleep(10)
            outcome.append("not reached")
        outcome.append("timed out")

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

    assert outcome == ["timed out"]


def test_a_greenlet_that_gives_up_leaves_the_line(clock: FakeClock):
    lot = ParkingLot()

    with Timeout(1, False):
        lot.park()

    assert len(lot) == 0


# The function


def test_with_timeout_returns_what_the_function_returns(clock: FakeClock):
    assert with_timeout(1, lambda *args, **kwargs: (args, kwargs), 1, key=2) == ((1,), {"key": 2})
    assert timers() == 0


def test_with_timeout_raises_when_the_time_is_up(clock: FakeClock):
    with pytest.raises(Timeout):
        with_timeout(1, sleep, 10)

    assert timers() == 0


@pytest.mark.parametrize("value", ["instead", None, False])
def test_with_timeout_returns_a_value_instead(clock: FakeClock, value: object):
    assert with_timeout(1, sleep, 10, timeout_value=value) is value


def test_with_timeout_passes_the_timeouts_of_others_on(clock: FakeClock):
    with pytest.raises(Timeout) as caught, Timeout(1) as outer:
        with_timeout(5, sleep, 10, timeout_value="instead")

    assert caught.value is outer


def test_with_timeout_passes_errors_on():
    with pytest.raises(ZeroDivisionError):
        with_timeout(1, lambda: 1 / 0, timeout_value="instead")

    assert timers() == 0


def test_with_timeout_none_is_without_limit(clock: FakeClock):
    assert with_timeout(None, lambda: sleep(1000), timeout_value="instead") is None


# Looking


@pytest.mark.parametrize(
    "timeout, text",
    [
        (Timeout(), ""),
        (Timeout(1), "1 second"),
        (Timeout(2), "2 seconds"),
        (Timeout(0.5, False), "0.5 seconds (silent)"),
        (Timeout(2, "text"), "2 seconds: text"),
    ],
)
def test_its_text_says_how_long(timeout: Timeout, text: str):
    assert str(timeout) == text


def test_its_repr_says_whether_it_counts():
    timeout = Timeout(1)
    assert "seconds=1" in repr(timeout)
    assert "pending" not in repr(timeout)

    timeout.start()
    assert "pending" in repr(timeout)
    timeout.close()

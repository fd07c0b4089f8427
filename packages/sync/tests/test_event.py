"""A flag to wait for."""

from __future__ import annotations

import gc
import time
import weakref

import pytest

from hublet.core import BlockingSwitchOutError, Timeout, getcurrent, iwait, kill, sleep, spawn, wait
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.sync import Event


def waiting(event: Event, number: int, timeout: float | None = None) -> list:
    greenlets = [spawn(event.wait, timeout) for _ in range(number)]
    wait_all_parked()
    return greenlets


def test_an_event_is_clear_until_it_is_set():
    event = Event()
    assert not event.is_set()

    event.set()

    assert event.is_set() and event.isSet() and event.ready()
    event.clear()
    assert not event.is_set() and not event.isSet() and not event.ready()


def test_setting_wakes_everyone_with_true():
    event = Event()
    greenlets = waiting(event, 3)

    event.set()

    assert [each.get() for each in greenlets] == [True] * 3


def test_waiting_for_an_event_that_is_set_does_not_switch():
    event = Event()
    event.set()

    with assert_no_switch():
        assert event.wait() is True
        assert event.wait(0) is True


def test_those_who_wait_go_on_in_the_order_in_which_they_came():
    event, order = Event(), []
    for i in range(5):
        spawn(lambda i=i: (event.wait(), order.append(i)))
        wait_all_parked()

    event.set()
    wait_all_parked()

    assert order == [0, 1, 2, 3, 4]


def test_an_event_that_is_cleared_at_once_still_wakes_whoever_was_there():
    event = Event()
    greenlets = waiting(event, 3)

    event.set()
    event.clear()

    assert [each.get() for each in greenlets] == [True] * 3
    assert not event.is_set()


def test_setting_wakes_nobody_who_comes_after_clearing():
    event = Event()
    event.set()
    event.clear()

    (greenlet,) = waiting(event, 1)

    assert not greenlet.ready()
    greenlet.kill()


def test_a_wait_that_times_out_is_false(clock: FakeClock):
    event = Event()
    start = clock.now()

    assert event.wait(5) is False

    assert clock.now() == start + 5


def test_a_timeout_must_be_a_number():
    event = Event()

    with pytest.raises(TypeError):
        event.wait("soon")
    with pytest.raises(ValueError, match="NaN"):
        event.wait(float("nan"))


def test_a_killed_waiter_is_forgotten():
    event = Event()
    (greenlet,) = waiting(event, 1)
    gone = weakref.ref(greenlet)

    greenlet.kill()
    del greenlet
    gc.collect()

    assert gone() is None


def test_an_outer_timeout_passes_through_by_identity(clock: FakeClock):
    event = Event()
    timeout = Timeout.start_new(1)

    with pytest.raises(Timeout) as caught:
        event.wait(5)

    assert caught.value is timeout


def test_the_hub_must_not_wait_and_is_forgotten_when_it_tries(in_hub):
    event = Event()

    def refused() -> bool:
        with pytest.raises(BlockingSwitchOutError):
            event.wait()
        return True

    assert in_hub(refused)
    (greenlet,) = waiting(event, 1)
    event.set()
    assert greenlet.get() is True


def test_an_event_can_be_set_from_the_hub(in_hub):
    event = Event()
    greenlets = waiting(event, 2)

    in_hub(event.set)

    assert [each.get() for each in greenlets] == [True, True]


# Links


def test_a_link_is_called_by_the_hub_when_the_event_is_set():
    event, called = Event(), []
    event.rawlink(lambda source: called.append((source, getcurrent())))

    event.set()

    assert called == []
    wait_all_parked()
    assert called == [(event, get_hub_if_exists())]


def test_a_link_to_an_event_that_is_set_is_called_soon():
    event, called = Event(), []
    event.set()

    event.rawlink(called.append)

    assert called == []
    wait_all_parked()
    assert called == [event]


def test_a_link_is_called_once():
    event, called = Event(), []
    event.rawlink(called.append)

    event.set()
    event.set()
    wait_all_parked()
    event.set()
    wait_all_parked()

    assert called == [event]


def test_a_link_is_called_though_the_event_is_cleared_at_once():
    event, called = Event(), []
    event.rawlink(called.append)

    event.set()
    event.clear()
    wait_all_parked()

    assert called == [event]


def test_links_are_called_in_the_order_in_which_they_were_made():
    event, order = Event(), []
    for i in range(5):
        event.rawlink(lambda source, i=i: order.append(i))

    event.set()
    wait_all_parked()

    assert order == [0, 1, 2, 3, 4]


def test_a_callback_that_was_unlinked_is_not_called():
    event, called = Event(), []
    event.rawlink(called.append)
    event.unlink(called.append)
    event.unlink(called.append)

    event.set()
    wait_all_parked()

    assert called == []


def test_a_callback_can_unlink_those_that_follow():
    event, called = Event(), []
    event.rawlink(lambda source: source.unlink(called.append))
    event.rawlink(called.append)

    event.set()
    wait_all_parked()

    assert called == []


def test_a_callback_that_fails_is_reported_and_does_not_stop_the_others(reports):
    event, called = Event(), []
    event.rawlink(lambda source: 1 / 0)
    event.rawlink(called.append)

    event.set()
    wait_all_parked()

    assert called == [event]
    (error,) = reports.take_errors()
    assert isinstance(error, ZeroDivisionError)


def test_a_link_must_be_callable():
    with pytest.raises(TypeError, match="callable"):
        Event().rawlink(42)


def test_events_can_be_waited_for_together(clock: FakeClock):
    first, second, third = Event(), Event(), Event()
    spawn(lambda: (sleep(1), second.set(), sleep(1), first.set()))

    assert wait([first, second, third], count=2) == [second, first]
    assert wait([third], timeout=1) == []
    with iwait([first, third]) as ready:
        assert next(ready) is first
    wait_all_parked()


# Threads


def test_an_event_set_by_a_thread_without_a_hub_wakes_greenlets_and_makes_no_hub(in_threads):
    event, hubs = Event(), []
    greenlets = waiting(event, 2)

    in_threads(lambda: (event.set(), hubs.append(get_hub_if_exists())))

    assert [each.get() for each in greenlets] == [True, True]
    assert hubs == [None]


def test_a_thread_without_a_hub_waits_and_makes_no_hub(in_threads):
    event, found = Event(), []

    in_threads(lambda: found.append((event.wait(), get_hub_if_exists())), event.set)

    assert found == [(True, None)]


def test_a_thread_without_a_hub_times_out(in_threads):
    event, found = Event(), []

    in_threads(lambda: found.append(event.wait(0.01)))

    assert found == [False]


def test_a_link_made_in_a_thread_without_a_hub_is_called_where_the_event_is_set(in_threads):
    event, called = Event(), []
    in_threads(lambda: event.rawlink(lambda source: called.append((source, get_hub_if_exists()))))

    in_threads(event.set)

    assert called == [(event, None)]


def test_a_link_is_called_by_the_hub_of_the_thread_that_made_it(in_threads):
    event, called = Event(), []
    event.rawlink(lambda source: called.append(getcurrent()))

    in_threads(event.set)
    wait_all_parked()

    assert called == [get_hub_if_exists()]


def test_nobody_misses_an_event_that_threads_set_and_clear_at_random(everywhere):
    # Everyone waits for a turn that nobody announces twice: a wake-up that is missed stops the test.
    turns = [Event() for _ in range(200)]

    def follow() -> None:
        for turn in turns:
            turn.wait()

    def lead() -> None:
        for turn in turns:
            turn.set()
            time.sleep(0)

    everywhere(follow, lead)


def test_ping_pong_between_threads_loses_no_wake_up(in_threads):
    ping, pong, n = Event(), Event(), 2000

    def first() -> None:
        for _ in range(n):
            ping.set()
            pong.wait()
            pong.clear()

    def second() -> None:
        for _ in range(n):
            ping.wait()
            ping.clear()
            pong.set()

    in_threads(lambda: spawn(first).get(), second)
    in_threads(lambda: spawn(first).get(), lambda: spawn(second).get())


def test_a_greenlet_that_is_woken_and_killed_at_once_has_been_woken():
    event = Event()
    log = []

    def wait_twice() -> None:
        log.append(event.wait())
        sleep(100)

    greenlet = spawn(wait_twice)
    wait_all_parked()
    event.set()
    kill(greenlet)

    greenlet.join()

    assert log == [True]


def test_its_repr_says_whether_it_is_set():
    event = Event()

    assert repr(event).startswith("<sync.Event at 0x") and repr(event).endswith(": unset>")
    event.set()
    assert repr(event).endswith(": set>")

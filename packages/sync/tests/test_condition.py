"""Giving a lock back until somebody says that something has changed."""

from __future__ import annotations

import threading

import pytest

from hublet.core import GreenletExit, Timeout, kill, killall, sleep, spawn, spawn_later
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import FakeClock, wait_all_parked
from hublet.sync import Condition, Lock, RLock

LOCKS = {"default": lambda: None, "Lock": Lock, "RLock": RLock, "foreign": threading.Lock}


def waiting(condition: Condition, number: int, timeout: float | None = None) -> list:
    def wait() -> bool:
        with condition:
            return condition.wait(timeout)

    greenlets = []
    for _ in range(number):
        greenlets.append(spawn(wait))
        wait_all_parked()
    return greenlets


@pytest.mark.parametrize("kind", LOCKS)
def test_so_many_are_notified_in_the_order_in_which_they_came(kind):
    condition = Condition(LOCKS[kind]())
    first, second, third, fourth = waiting(condition, 4)

    with condition:
        condition.notify()
        condition.notify(2)
    wait_all_parked()

    assert [each.ready() for each in (first, second, third, fourth)] == [True, True, True, False]
    assert first.get() and second.get() and third.get()
    with condition:
        condition.notify_all()
    assert fourth.get() is True


def test_the_lock_is_free_while_somebody_waits_and_taken_when_it_goes_on():
    lock = Lock()
    condition = Condition(lock)
    (greenlet,) = waiting(condition, 1)

    assert not lock.locked()
    with condition:
        condition.notify()
        wait_all_parked()
        assert not greenlet.ready()

    assert greenlet.get() is True
    assert not lock.locked()


def test_an_rlock_taken_several_times_is_given_back_altogether_and_taken_as_often():
    lock = RLock()
    condition = Condition(lock)

    def wait() -> int:
        with condition, condition:
            condition.wait()
            return lock._recursion_count()

    greenlet = spawn(wait)
    wait_all_parked()

    assert not lock.locked()
    with condition:
        condition.notify()
    assert greenlet.get() == 2
    assert not lock.locked()


@pytest.mark.parametrize("kind", LOCKS)
def test_who_does_not_have_the_lock_can_neither_wait_nor_notify(kind):
    condition = Condition(LOCKS[kind]())

    with pytest.raises(RuntimeError, match="wait on un-acquired"):
        condition.wait()
    with pytest.raises(RuntimeError, match="notify on un-acquired"):
        condition.notify()
    with pytest.raises(RuntimeError, match="notify on un-acquired"):
        condition.notify_all()


@pytest.mark.parametrize("kind", LOCKS)
def test_a_wait_that_times_out_is_false_and_has_the_lock(kind, clock: FakeClock):
    condition = Condition(LOCKS[kind]())
    start = clock.now()

    with condition:
        assert condition.wait(3) is False
        assert condition._is_owned()

    assert clock.now() == start + 3


def test_who_is_killed_has_the_lock_when_it_is_raised_though_it_must_wait_for_it():
    condition, log = Condition(Lock()), []

    def wait() -> None:
        with condition:
            try:
                condition.wait()
            except GreenletExit:
                log.append("killed, with the lock")
                raise

    greenlet = spawn(wait)
    wait_all_parked()
    with condition:
        kill(greenlet)
        wait_all_parked()
        kill(greenlet)  # and again, while it waits for the lock
        wait_all_parked()
        assert log == []

    greenlet.join()
    assert log == ["killed, with the lock"]
    assert condition.acquire(False)


def test_who_is_notified_and_killed_has_been_notified():
    condition, log = Condition(), []

    def wait() -> None:
        with condition:
            log.append(condition.wait())
        sleep(100)

    greenlet = spawn(wait)
    wait_all_parked()
    with condition:
        condition.notify()
        kill(greenlet)
        wait_all_parked()
    greenlet.join()

    assert log == [True]


def test_a_notification_does_not_go_to_who_was_killed_or_timed_out(clock: FakeClock):
    condition = Condition()
    killed, timed_out, last = (*waiting(condition, 1), *waiting(condition, 1, timeout=1), *waiting(condition, 1))
    killed.kill()
    sleep(1)

    with condition:
        condition.notify()

    assert last.get() is True
    assert timed_out.get() is False


def test_an_outer_timeout_passes_through_by_identity(clock: FakeClock):
    condition = Condition()
    timeout = Timeout.start_new(1)

    with pytest.raises(Timeout) as caught, condition:
        condition.wait()

    assert caught.value is timeout
    assert condition.acquire(False)
    condition.release()


def test_waiting_for_a_predicate_looks_again_after_each_notification(clock: FakeClock):
    condition, state = Condition(), []

    def change() -> None:
        for i in range(3):
            with condition:
                state.append(i)
                condition.notify()
            sleep(1)

    with condition:
        spawn(change)
        assert condition.wait_for(lambda: state[2:]) == [2]
        assert condition.wait_for(lambda: state) == state
        assert condition.wait_for(lambda: state[5:], timeout=10) == []


def test_the_time_for_a_predicate_is_one_for_all_its_waits(clock: FakeClock):
    condition = Condition()
    start = clock.now()

    def disturb() -> None:
        with condition:
            condition.notify()

    for i in range(3):
        spawn_later(i, disturb)
    with condition:
        assert condition.wait_for(lambda: False, timeout=5) is False

    assert clock.now() == start + 5


def test_it_can_be_made_as_new_for_a_forked_child():
    condition = Condition(Lock())
    condition.acquire()

    condition._at_fork_reinit()

    assert condition.acquire(False)


def test_notifications_are_exact_between_threads(everywhere):
    # Each of those who wait needs one notification; one too few and the test hangs, one too many and the counts differ.
    condition, arrived, gone = Condition(), [], []
    expected = 62

    def wait() -> None:
        with condition:
            arrived.append(None)
            condition.wait()
            gone.append(None)

    def notify() -> None:
        given = 0
        while given < expected:
            with condition:
                outstanding = len(arrived) - given
                condition.notify(outstanding)
                given += outstanding
                seen = len(gone)
            assert seen <= given
            sleep(0)

    everywhere(wait, notify)

    assert len(gone) == expected


def test_a_bounded_buffer_between_threads_and_greenlets(everywhere):
    condition, buffer, taken = Condition(), [], []

    def produce_and_consume() -> None:
        for i in range(20):
            with condition:
                condition.wait_for(lambda: len(buffer) < 5)
                buffer.append(i)
                condition.notify_all()
            with condition:
                condition.wait_for(lambda: buffer)
                taken.append(buffer.pop())
                condition.notify_all()

    calls = everywhere(produce_and_consume)

    assert sorted(taken) == sorted(list(range(20)) * calls)


def test_a_thread_without_a_hub_makes_none(in_threads):
    condition, hubs, ready = Condition(), [], threading.Event()

    def wait() -> None:
        with condition:
            ready.set()
            condition.wait()
        hubs.append(get_hub_if_exists())

    def notify() -> None:
        ready.wait()
        with condition:
            condition.notify()
        hubs.append(get_hub_if_exists())

    in_threads(wait, notify)

    assert hubs == [None, None]


def test_kills_at_random_moments_leave_the_lock_free(everywhere):
    condition = Condition()

    def use() -> None:
        while True:
            with condition:
                condition.notify()
                condition.wait(0.001)

    def stress() -> None:
        if get_hub_if_exists() is None:
            for _ in range(20):
                with condition:
                    condition.notify()
                    condition.wait(0.001)
            return
        victims = [spawn(use) for _ in range(3)]
        for _ in range(5):
            sleep(0)
        killall(victims)

    everywhere(stress)

    assert condition.acquire(False)

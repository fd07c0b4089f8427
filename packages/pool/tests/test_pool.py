"""A group with a limit."""

from __future__ import annotations

import queue

import pytest

from hublet.core import Greenlet, Timeout, sleep, spawn, spawn_later
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.pool import Pool, PoolFull


def test_no_more_run_at_once_than_it_is_large():
    pool, running, most = Pool(3), [], []

    def run() -> None:
        running.append(None)
        most.append(len(running))
        sleep(0)
        running.pop()

    for _ in range(20):
        pool.spawn(run)
    pool.join()

    assert max(most) == 3


def test_spawning_waits_for_room_in_the_order_of_arrival(clock: FakeClock):
    pool, order = Pool(1), []
    pool.spawn(sleep, 1)

    for i in range(3):
        spawn(lambda i=i: pool.spawn(order.append, i))
    sleep(1)
    wait_all_parked()

    assert order == [0, 1, 2]


def test_the_room_of_one_that_is_finished_is_free_after_a_turn_of_the_hub():
    pool = Pool(2)
    assert pool.free_count() == 2 and not pool.full()

    pool.spawn(sleep, 0)
    pool.spawn(lambda: None)
    assert pool.free_count() == 0 and pool.full()

    wait_all_parked()
    assert pool.free_count() == 2 and not pool.full()


def test_the_room_of_one_that_fails_is_killed_or_discarded_is_free_again(reports):
    pool = Pool(1)

    pool.spawn(lambda: 1 / 0).join()
    pool.spawn(sleep, 100).kill()
    never = pool.spawn(sleep, 100)
    never.kill()
    pool.discard(pool.spawn(sleep, 0))
    pool.discard(never)

    assert pool.free_count() == 1
    assert pool.wait_available() == 1
    reports.take_errors()
    wait_all_parked()


def test_what_cannot_be_spawned_takes_no_room():
    pool = Pool(1)

    with pytest.raises(TypeError):
        pool.spawn(42)

    assert pool.wait_available(0) == 1


class Unlinkable:
    def rawlink(self, callback):
        raise ValueError("no links")


@pytest.mark.parametrize(("what", "error"), [([], TypeError), (Unlinkable(), ValueError)])
def test_what_cannot_be_added_takes_no_room(what, error):
    pool = Pool(1)

    with pytest.raises(error):
        pool.add(what)

    assert len(pool) == 0
    assert pool.wait_available(0) == pool.free_count() == 1


@pytest.mark.parametrize("method", ["add", "start"])
def test_a_full_pool_says_so_at_once_if_it_is_not_to_wait(method):
    pool, greenlet = Pool(1), Greenlet(sleep)
    pool.spawn(sleep, 0)

    with pytest.raises(PoolFull), assert_no_switch():
        getattr(pool, method)(greenlet, blocking=False)

    assert greenlet not in pool and not greenlet.started
    pool.join()


@pytest.mark.parametrize("method", ["add", "start"])
def test_a_full_pool_says_so_when_the_time_is_up(method, clock: FakeClock):
    pool = Pool(1)
    pool.spawn(sleep, 10)
    start = clock.now()

    with pytest.raises(PoolFull):
        getattr(pool, method)(Greenlet(sleep), timeout=3)

    assert clock.now() == start + 3
    getattr(pool, method)(Greenlet(sleep), timeout=30)
    assert clock.now() == start + 10
    pool.kill()


def test_a_full_pool_is_a_full_queue_to_those_who_do_not_know_it():
    assert issubclass(PoolFull, queue.Full)


def test_who_gives_up_waiting_for_room_takes_none(clock: FakeClock):
    pool = Pool(1)
    pool.spawn(sleep, 1)
    # At the moment at which there is room, and the time is up, in this order and in the other.
    spawn_later(0.999, lambda: pytest.raises(PoolFull, pool.add, Greenlet(sleep), timeout=0.001))
    killed = spawn(pool.spawn, sleep)
    wait_all_parked()
    killed.kill()

    pool.join()
    wait_all_parked()

    assert pool.free_count() == 1
    with assert_no_switch():
        pool.spawn(sleep)
    pool.join()


def test_room_that_was_given_to_somebody_whom_ctrl_c_ends_is_free_again():
    pool = Pool(1)

    def interrupt(_):
        raise KeyboardInterrupt

    pool.spawn(sleep, 0).rawlink(interrupt)  # called after the room was given, and before that is taken
    with pytest.raises(KeyboardInterrupt):
        pool.spawn(int)

    assert pool.wait_available(0) == pool.free_count() == 1


def test_waiting_for_room_takes_none(clock: FakeClock):
    pool = Pool(2)
    assert pool.wait_available() == 2
    pool.spawn(sleep, 5)
    pool.spawn(sleep, 8)
    start = clock.now()

    assert pool.wait_available(timeout=1) == 0
    assert pool.wait_available() == 1
    assert clock.now() == start + 5
    assert pool.free_count() == 1
    pool.join()


def test_a_pool_without_a_size_has_no_limit():
    pool = Pool()

    with assert_no_switch():
        for _ in range(100):
            pool.spawn(sleep, 0)
        assert pool.wait_available() == 1

    assert pool.free_count() == 1 and not pool.full()
    pool.join()


def test_in_a_pool_of_nothing_nothing_runs(clock: FakeClock):
    pool = Pool(0)

    assert pool.full() and pool.free_count() == 0
    assert pool.wait_available(timeout=1) == 0
    with pytest.raises(PoolFull):
        pool.add(Greenlet(sleep), timeout=1)


def test_a_size_is_not_negative():
    with pytest.raises(ValueError, match="negative"):
        Pool(-1)


def test_applying_without_waiting_does_not_wait_for_room():
    pool = Pool(1)
    pool.spawn(sleep, 0)

    with assert_no_switch():
        greenlet = pool.apply_async(lambda: 5)

    assert greenlet.get() == 5


def test_room_that_was_given_to_somebody_who_waits_is_not_free():
    pool = Pool(1)
    member = pool.spawn(sleep, 0)
    waiting = spawn(pool.spawn, int, "1")
    sleep(0)
    seen = []

    def look(_):
        seen.extend([pool.full(), pool.free_count(), pool.apply_async(int, ("2",))])

    member.rawlink(look)  # called after the room was given, and before that is taken
    waiting.join()

    assert seen[:2] == [True, 0]
    assert waiting.value.get() == 1
    assert seen[2].get() == 2


def test_a_finalizer_of_what_a_member_was_given_may_spawn_in_a_full_pool():
    pool, log = Pool(1), []

    class Given:
        def __del__(self):
            pool.spawn(log.append, "spawned")

    pool.spawn(lambda given: None, Given())
    wait_all_parked()
    pool.join()

    assert log == ["spawned"] and pool.free_count() == 1


def test_a_member_applies_in_a_full_pool():
    pool = Pool(1)

    assert pool.spawn(pool.apply, lambda: 5).get() == 5


def test_an_outer_timeout_passes_through_by_identity(clock: FakeClock):
    pool = Pool(1)
    pool.spawn(sleep, 10)
    timeout = Timeout.start_new(1)

    with pytest.raises(Timeout) as caught:
        pool.spawn(sleep)

    assert caught.value is timeout
    pool.kill()


def test_a_greenlet_that_is_added_twice_takes_room_once():
    pool = Pool(2)
    greenlet = spawn(sleep, 0)

    pool.add(greenlet)
    pool.add(greenlet)

    assert pool.free_count() == 1
    with assert_no_switch():
        pool.spawn(sleep)
    pool.join()
    assert pool.wait_available() == 2


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("method", ["map", "imap", "imap_unordered"])
def test_any_size_does_everything_once(method, size):
    pool = Pool(size)

    results = getattr(pool, method)(lambda i: (sleep(0), i)[1], range(500))

    assert sorted(results) == list(range(500))
    pool.join()
    wait_all_parked()
    assert pool.wait_available() == size

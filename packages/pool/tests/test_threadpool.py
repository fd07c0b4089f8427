"""`ThreadPool`: calls in native threads, so many at once."""

from __future__ import annotations

import gc
import threading
import time
from weakref import ref

import pytest

from hublet.core import (
    InvalidThreadUseError,
    Timeout,
    get_hub,
    getcurrent,
    joinall,
    killall,
    sleep,
    spawn,
    wait,
)
from hublet.core.testing import wait_all_parked
from hublet.pool import ThreadPool


@pytest.fixture
def pool():
    pool = ThreadPool(2)
    yield pool
    assert pool.join(timeout=10)
    pool.kill()


@pytest.fixture
def gate():
    """A lock of the interpreter that calls wait for, open when the test ends."""
    gate = threading.Lock()
    gate.acquire()
    yield gate
    if gate.locked():
        gate.release()


def through(gate):
    with gate:
        return threading.get_ident()


def test_a_call_is_made_in_another_thread_while_greenlets_run(pool, gate):
    outcome = pool.spawn(through, gate)
    ran = spawn(sleep, 0)
    ran.join()

    assert not outcome.ready() and outcome.value is None and not outcome.successful()
    gate.release()
    assert outcome.get() not in (None, threading.get_ident())
    assert outcome.ready() and outcome.successful()


def test_an_error_is_raised_where_the_result_is_asked_for_with_the_same_traceback_each_time(pool):
    outcome = pool.spawn(divmod, 1, 0)

    depths = []
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as caught:
            outcome.get()
        depths.append(len(caught.traceback))

    assert len(set(depths)) == 1
    assert outcome.exception is outcome.exc_info[1] and not outcome.successful()
    assert outcome.wait() is None


class Failed(Exception):
    pass


def fail():
    raise Failed


def test_an_error_is_freed_without_the_collector():
    pool = ThreadPool(1)
    gc.disable()
    try:
        outcome = pool.spawn(fail)
        with pytest.raises(Failed):
            outcome.get()
        error = ref(outcome.exception)
        del outcome
        pool.apply(int)  # the one thread has nothing of the earlier call any more
        assert error() is None
    finally:
        gc.enable()
        pool.kill()


def test_get_gives_up_when_the_time_is_up(pool, gate):
    outcome = pool.spawn(through, gate)

    with pytest.raises(Timeout):
        outcome.get(timeout=0.001)
    with pytest.raises(Timeout):
        outcome.get(block=False)
    assert outcome.wait(0.001) is None


def test_spawn_waits_while_as_many_calls_are_under_way_as_may_be(pool, gate):
    first = [pool.spawn(through, gate) for _ in range(2)]
    third = spawn(pool.spawn, through, gate)
    wait_all_parked()

    assert not third.ready() and len(pool) == 2 and bool(pool)
    gate.release()
    assert len({third.get().get(), *(each.get() for each in first)}) <= 2
    assert pool.size == 2


def test_a_greenlet_that_is_killed_while_it_waits_for_a_thread_takes_no_place(pool, gate):
    for _ in range(2):
        pool.spawn(through, gate)
    waiting = [spawn(pool.spawn, through, gate) for _ in range(3)]
    wait_all_parked()

    killall(waiting)
    gate.release()

    assert pool.join(timeout=10)
    assert [pool.spawn(int).get(timeout=10) for _ in range(3)] == [0, 0, 0]


def test_maxsize_may_grow_while_calls_wait(gate):
    pool = ThreadPool(0)
    done = []
    greenlets = [spawn(pool.spawn, done.append, i) for i in range(2)]
    wait_all_parked()
    assert done == [] and pool.size == 0

    pool.maxsize = 1
    joinall(greenlets)
    pool.join()

    assert done == [0, 1]
    assert pool.size == 1 == pool.maxsize
    pool.kill()


def test_maxsize_may_shrink_while_calls_are_made(gate):
    pool = ThreadPool(3)
    calls = [pool.spawn(through, gate) for _ in range(3)]
    assert pool.size == 3

    pool.maxsize = 0
    assert pool.size == 0
    late = spawn(pool.apply, int)
    gate.release()

    joinall([spawn(each.get) for each in calls], raise_error=True)
    wait_all_parked()
    assert not late.ready()
    pool.maxsize = 1
    assert late.get() == 0
    pool.kill()


def test_size_may_be_changed(pool):
    assert pool.size == 0
    for size in (1, 2, 1, 0, 2):
        pool.size = size
        assert pool.size == size
    for size in (-1, 3):
        with pytest.raises(ValueError):
            pool.size = size
    assert pool.apply(threading.get_ident) != threading.get_ident()


def test_a_negative_maxsize_is_refused(pool):
    with pytest.raises(ValueError):
        ThreadPool(-1)
    with pytest.raises(ValueError):
        pool.maxsize = -1
    assert pool.maxsize == 2


def test_what_cannot_be_called_is_refused_at_once(pool):
    with pytest.raises(TypeError):
        pool.spawn(5)
    assert len(pool) == 0


def test_threads_end_when_the_pool_is_killed_and_it_can_be_used_again(pool):
    before = threading._count() if hasattr(threading, "_count") else None
    pool.apply(int)
    pool.kill()

    assert pool.size == 0 and before is not False
    assert pool.apply(int) == 0


def test_a_call_after_the_pool_is_killed_does_not_wait_for_those_under_way(pool, gate):
    begun = threading.Event()
    slow = pool.spawn(lambda: (begun.set(), through(gate)))
    pool.spawn(begun.wait).get()
    pool.kill()

    assert pool.spawn(int).get(timeout=10) == 0
    assert not slow.ready()


def test_the_thread_of_another_hub_may_not_use_it(pool, in_threads):
    def use():
        get_hub()
        for function in (
            lambda: pool.spawn(int),
            lambda: pool.apply(int),
            pool.join,
            pool.kill,
            lambda: setattr(pool, "maxsize", 1),
        ):
            with pytest.raises(InvalidThreadUseError, match="belongs to"):
                function()

    in_threads(use)


def test_in_a_thread_of_its_own_a_call_is_made_at_once(pool):
    def nested():
        return pool.apply(threading.get_ident), threading.get_ident()

    here, there = pool.apply(nested)
    assert here == there


def test_the_methods_of_all_pools(pool):
    seen = []

    assert pool.map(abs, [-1, -2, -3]) == [1, 2, 3]
    assert list(pool.imap(abs, [-1, -2, -3])) == [1, 2, 3]
    assert sorted(pool.imap_unordered(abs, [-1, -2, -3], maxsize=1)) == [1, 2, 3]
    assert pool.apply_async(abs, (-4,), callback=seen.append).get() == 4
    assert pool.map_async(abs, [-5]).get() == [5]
    assert pool.apply(int, kwds={}) == 0
    wait()
    assert seen == [4]
    with pytest.raises(ZeroDivisionError):
        pool.map(lambda x: 1 // x, [1, 0])


def test_apply_async_does_not_wait_for_room(pool, gate):
    calls = [pool.apply_async(through, (gate,)) for _ in range(4)]

    gate.release()

    assert len({each.get() for each in calls}) <= 2


def test_outcomes_can_be_waited_for_with_others(pool, gate):
    slow, quick, greenlet = pool.spawn(through, gate), pool.spawn(int), spawn(sleep, 0)

    assert set(wait([slow, quick, greenlet], count=2)) == {quick, greenlet}
    assert wait([slow], timeout=0.001) == []
    gate.release()
    assert wait([slow, quick]) == [quick, slow] or wait([slow, quick]) == [slow, quick]


def test_links_are_called_in_the_hub_and_their_errors_do_not_stop_the_others(pool, reports):
    outcome, told = pool.spawn(int), []

    def fail(source):
        raise KeyError(source)

    outcome.rawlink(fail)
    outcome.rawlink(told.append)
    outcome.rawlink(lambda source: told.append(getcurrent()))
    forgotten = told.clear
    outcome.rawlink(forgotten)
    outcome.unlink(forgotten)
    outcome.get()
    wait()

    assert told == [outcome, get_hub()]
    assert [type(error) for error in reports.take_errors()] == [KeyError]
    outcome.rawlink(told.append)
    wait()
    assert told[2:] == [outcome]
    with pytest.raises(TypeError):
        outcome.rawlink(1)


def test_the_hub_stays_for_a_call_and_not_for_an_idle_thread(pool):
    pool.spawn(time.sleep, 0.01)

    assert wait(timeout=10)
    assert len(pool) == 0 and pool.size == 1

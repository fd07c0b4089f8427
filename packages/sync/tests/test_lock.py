"""One at a time: `Lock` and `RLock`."""

from __future__ import annotations

import _thread
import gc
import threading
import time

import pytest

from hublet.core import GreenletExit, get_hub, getcurrent, joinall, killall, sleep, spawn
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.sync import CapacityLimiter, Lock, RLock, Semaphore

KINDS = [Lock, RLock]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_is_free_until_it_is_taken(kind):
    lock = kind()
    assert not lock.locked()
    assert repr(lock).startswith("<unlocked ")

    with assert_no_switch():
        assert lock.acquire() is True

    assert lock.locked()
    assert repr(lock).startswith("<locked ")
    lock.release()
    assert not lock.locked()


@pytest.mark.parametrize(("kind", "native"), [(Lock, _thread.LockType), (RLock, _thread.RLock)])
def test_a_lock_has_all_that_one_of_python_has(kind, native):
    names = {name for name in dir(native) if not name.startswith("__")}

    assert names <= set(dir(kind))


def test_a_lock_answers_to_its_obsolete_names():
    lock = Lock()

    assert lock.acquire_lock(False) is True and lock.locked_lock()
    assert lock.acquire_lock(timeout=0) is False
    lock.release_lock()

    assert not lock.locked()


@pytest.mark.parametrize("kind", KINDS)
def test_those_who_wait_get_the_lock_in_the_order_in_which_they_came(kind):
    lock, order = kind(), []

    def take(i: int) -> None:
        with lock:
            order.append(i)
            sleep(0)

    for i in range(5):
        spawn(take, i)
    wait_all_parked()

    assert order == [0, 1, 2, 3, 4]
    assert not lock.locked()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_is_handed_over_cannot_be_snatched(kind):
    lock, order = kind(), []
    lock.acquire()
    other = spawn(lambda: (lock.acquire(), order.append("other"), lock.release()))
    wait_all_parked()

    lock.release()
    assert lock.acquire(False) is False
    lock.acquire()
    order.append("main")
    lock.release()

    other.join()
    assert order == ["other", "main"]


@pytest.mark.parametrize("kind", KINDS)
def test_acquiring_times_out_with_false(kind, clock: FakeClock):
    lock = kind()
    spawn(lock.acquire)
    wait_all_parked()
    start = clock.now()

    assert lock.acquire(False) is False
    assert lock.acquire(True, 3) is False
    assert lock.acquire(timeout=0) is False

    assert clock.now() == start + 3


@pytest.mark.parametrize("kind", KINDS)
def test_who_times_out_loses_no_lock(kind, clock: FakeClock):
    lock = kind()
    got = []

    def hold():
        with lock:
            sleep(5)

    def wait(timeout):
        got.append(lock.acquire(timeout=timeout))
        if got[-1]:
            lock.release()

    joinall([spawn(hold), spawn(wait, 1), spawn(wait, 9), spawn(wait, 2)], raise_error=True)

    assert got == [False, False, True]
    assert lock.acquire(False) is True
    lock.release()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("forever", [-1, -1.0, None])
def test_without_a_timeout_it_waits_for_ever(kind, forever):
    lock = kind()
    holder = spawn(lambda: (lock.acquire(), sleep(0), sleep(0), lock.release()))
    wait_all_parked()

    assert lock.acquire(timeout=forever) is True

    assert holder.ready()


@pytest.mark.parametrize("kind", KINDS)
def test_timeouts_are_checked_as_those_of_threading(kind):
    lock = kind()

    with pytest.raises(ValueError, match="non-blocking"):
        lock.acquire(False, 1)
    with pytest.raises(ValueError, match="non-negative"):
        lock.acquire(timeout=-2)
    with pytest.raises(OverflowError):
        lock.acquire(timeout=threading.TIMEOUT_MAX + 1)
    assert lock.acquire(timeout=threading.TIMEOUT_MAX)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_is_free_cannot_be_released(kind):
    with pytest.raises(RuntimeError, match="release un"):
        kind().release()


def test_anybody_may_release_a_lock(in_hub, in_threads):
    lock = Lock()

    lock.acquire()
    spawn(lock.release).join()
    lock.acquire()
    in_hub(lock.release)
    lock.acquire()
    in_threads(lock.release)

    assert not lock.locked()


def test_only_its_owner_may_release_an_rlock(in_threads):
    lock = RLock()
    lock.acquire()

    with pytest.raises(RuntimeError, match="owner"):
        spawn(lock.release).get()
    with pytest.raises(RuntimeError, match="owner"):
        in_threads(lock.release)


@pytest.fixture(autouse=True)
def _quiet(request, reports):
    yield
    if "only_its_owner" in request.node.name:
        reports.take_errors()


def test_its_owner_may_take_an_rlock_again():
    lock = RLock()

    with lock, lock:
        assert lock.acquire(False) is True
        lock.release()
        assert spawn(lock.acquire, False).get() is False

    assert not lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()


def test_an_rlock_knows_its_owner():
    lock = RLock()
    assert not lock._is_owned() and lock._recursion_count() == 0

    with lock, lock:
        assert lock._is_owned() and lock._recursion_count() == 2
        assert lock.owner is getcurrent()
        assert spawn(lambda: (lock._is_owned(), lock._recursion_count())).get() == (False, 0)

    assert not lock._is_owned() and lock._recursion_count() == 0
    assert lock.owner is None


def test_an_rlock_that_was_handed_over_belongs_to_who_waited():
    lock = RLock()
    lock.acquire()
    other = spawn(lambda: (lock.acquire(), lock._is_owned(), lock.release()))
    wait_all_parked()

    lock.release()

    assert other.get() == (True, True, None)


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_killed_in_line_loses_no_lock(kind):
    lock = kind()
    lock.acquire()
    first = spawn(lock.acquire)
    second = spawn(lambda: (lock.acquire(), lock.release()))
    wait_all_parked()

    first.kill()
    lock.release()
    second.join()

    assert not lock.locked()


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_killed_after_getting_the_lock_gives_it_back(kind):
    lock = kind()
    lock.acquire()

    def use() -> None:
        with lock:
            sleep(100)

    greenlet = spawn(use)
    wait_all_parked()
    lock.release()
    greenlet.kill()

    assert not lock.locked()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_can_be_made_as_new_for_a_forked_child(kind):
    lock = kind()
    lock.acquire()

    lock._at_fork_reinit()

    assert lock.acquire(False)
    lock.release()


@pytest.mark.parametrize("kind", KINDS)
def test_one_at_a_time_whatever_thread_it_is_in(kind, everywhere):
    lock, count = kind(), [0]

    def use() -> None:
        for i in range(50):
            if i % 10 == 9:
                if not lock.acquire(timeout=0.0001):
                    continue
            else:
                lock.acquire()
            seen = count[0]
            if i % 3 == 0:
                time.sleep(0)
            count[0] = seen + 1
            lock.release()
            done.append(None)

    done: list[None] = []
    everywhere(use)

    assert count[0] == len(done)
    assert not lock.locked()


@pytest.mark.parametrize("kind", KINDS)
def test_kills_at_random_moments_lose_no_lock(kind, everywhere):
    lock = kind()

    def use() -> None:
        try:
            while True:
                with lock:
                    sleep(0)
        except GreenletExit:
            pass

    def stress() -> None:
        if get_hub_if_exists() is None:
            for _ in range(50):
                with lock:
                    pass
            return
        victims = [spawn(use) for _ in range(5)]
        for _ in range(5):
            sleep(0)
        killall(victims)

    everywhere(stress)

    assert not lock.locked()


def test_finalizers_may_use_an_rlock_in_the_middle_of_using_it():
    # As logging does: the collector, hence a finalizer that logs, may run at any allocation inside `acquire`.
    lock, finalized = RLock(), []

    class Logs:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            with lock:
                finalized.append(None)

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(300):
            Logs()
            with lock:
                pass
            spawn(lambda: lock.acquire() and lock.release()).join()
    finally:
        gc.set_threshold(*before)
    gc.collect()

    assert len(finalized) == 300
    assert not lock.locked()


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Semaphore", "CapacityLimiter"])
def test_what_was_handed_to_somebody_whom_ctrl_c_ends_is_free_again(kind):
    lock = {"Lock": Lock, "RLock": RLock, "Semaphore": Semaphore, "CapacityLimiter": lambda: CapacityLimiter(1)}[kind]()

    def release_and_interrupt():
        lock.release()
        raise KeyboardInterrupt

    get_hub().call_soon(lock.acquire)
    sleep(0)
    get_hub().call_soon(release_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        lock.acquire()

    assert lock.acquire(False)
    lock.release()

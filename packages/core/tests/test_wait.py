"""Waiting for several things, and for everything: `wait`, `iwait`, `joinall`, `idle`, `sleep`."""

from __future__ import annotations

import threading
import time

import pytest

from hublet.core import (
    BlockingSwitchOutError,
    Greenlet,
    LoopExit,
    Timeout,
    get_hub,
    getcurrent,
    idle,
    iwait,
    joinall,
    killall,
    sleep,
    spawn,
    spawn_later,
    wait,
)
from hublet.core.lowlevel import ParkingLot, Waiter, call_in_thread, wait_readable
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


def fail(error: BaseException) -> None:
    raise error


def fail_later(seconds: float, error: BaseException) -> None:
    sleep(seconds)
    raise error


class Thing:
    """The least that can be waited for.  Cannot be hashed nor compared."""

    __hash__ = None

    def __init__(self) -> None:
        self.links: list = []
        self.is_ready = False

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def ready(self) -> bool:
        return self.is_ready

    def rawlink(self, callback) -> None:
        self.links.append(callback)
        if self.is_ready:
            get_hub().call_soon(callback, self)

    def unlink(self, callback) -> None:
        self.links = [link for link in self.links if link != callback]

    def set(self) -> None:
        self.is_ready = True
        for link in self.links:
            get_hub().call_soon(link, self)


# Without objects: until nothing is left


def test_wait_without_objects_is_true_when_nothing_is_left(clock: FakeClock):
    finished = []
    spawn_later(5, finished.append, 1)
    spawn(lambda: (sleep(3), finished.append(2)))

    assert wait() is True

    assert finished == [2, 1]


def test_wait_without_objects_is_false_on_timeout(clock: FakeClock):
    start = clock.now()
    greenlet = spawn(sleep, 100)

    assert wait(timeout=5) is False

    assert clock.now() == start + 5
    greenlet.kill()


def test_wait_without_objects_is_true_at_once_when_nothing_is_there():
    assert wait() is True
    assert wait(timeout=0.5) is True


def test_wait_without_objects_and_without_time_still_says_whether_anything_is_left(clock: FakeClock):
    assert wait(timeout=0) is True

    sleeper = spawn(sleep, 1)
    assert wait(timeout=0) is False

    sleeper.kill()


def test_timers_that_are_not_referenced_do_not_count(clock: FakeClock):
    start = clock.now()
    sleeper = spawn(sleep, 100, ref=False)
    with Timeout(50, ref=False):
        assert wait() is True

    assert clock.now() == start
    assert not sleeper.ready()
    sleeper.kill()


def test_referenced_timers_count_beside_others(clock: FakeClock):
    start = clock.now()
    sleepers = [spawn(sleep, 100, ref=False), spawn(sleep, 5)]

    assert wait() is True

    assert clock.now() == start + 5
    killall(sleepers)


def test_the_timeout_of_wait_itself_does_not_count(clock: FakeClock):
    start = clock.now()

    assert wait(timeout=1000) is True

    assert clock.now() == start


def test_wait_without_objects_does_not_wait_for_who_can_never_be_woken():
    lot = ParkingLot()
    greenlet = spawn(lot.park)

    assert wait() is True

    assert not greenlet.ready()
    greenlet.kill()


def test_wait_without_objects_stays_for_calls_in_threads():
    go = threading.Event()
    greenlet = spawn(call_in_thread, go.wait)
    assert wait(timeout=0.01) is False

    go.set()

    assert wait() is True
    assert greenlet.ready()


def test_wait_without_objects_stays_for_descriptors(socketpair):
    ours, theirs = socketpair
    greenlet = spawn(wait_readable, ours.fileno())
    assert wait(timeout=0.01) is False

    theirs.send(b"x")

    assert wait() is True
    assert greenlet.get() is True


def test_hub_join_is_wait_without_objects(clock: FakeClock):
    greenlet = spawn(sleep, 5)

    assert get_hub().join(timeout=1) is False
    assert get_hub().join() is True
    assert greenlet.ready()


def test_several_may_wait_for_nothing_to_be_left(clock: FakeClock):
    greenlets = [spawn(wait) for _ in range(3)]
    spawn_later(1, int)

    assert wait() is True
    wait_all_parked()

    assert [greenlet.get() for greenlet in greenlets] == [True] * 3


def test_a_wait_for_everything_that_was_killed_is_forgotten(clock: FakeClock):
    waiting = spawn(wait)
    sleeper = spawn(sleep, 10)
    wait_all_parked()

    waiting.kill()

    assert wait() is True
    assert sleeper.ready()


# With objects


def test_wait_returns_all_the_earliest_first(clock: FakeClock):
    slow, quick, middle = spawn(sleep, 3), spawn(sleep, 1), spawn(sleep, 2)

    assert wait([slow, quick, middle]) == [quick, middle, slow]


def test_wait_returns_those_that_were_ready_in_time(clock: FakeClock):
    quick, slow = spawn(sleep, 1), spawn(sleep, 100)

    assert wait([slow, quick], timeout=5) == [quick]

    assert not slow.has_links()
    slow.kill()


def test_wait_returns_as_many_as_were_asked_for(clock: FakeClock):
    start = clock.now()
    greenlets = [spawn(sleep, i) for i in (3, 1, 2)]

    assert wait(greenlets, count=2) == [greenlets[1], greenlets[2]]

    assert clock.now() == start + 2
    assert not greenlets[0].has_links()
    joinall(greenlets)


@pytest.mark.parametrize("timeout", [None, 0, 5])
def test_wait_returns_what_is_ready_already(timeout: float | None):
    greenlets = [spawn(int) for _ in range(3)]
    joinall(greenlets)

    assert wait(greenlets, timeout=timeout) == greenlets


def test_wait_for_nothing_returns_at_once():
    with assert_no_switch():
        assert wait([]) == []
        assert wait([spawn(int)], count=0) == []
        assert joinall([]) == []
        assert list(iwait([])) == []
    wait_all_parked()


def test_wait_with_a_count_beyond_the_objects_waits_for_all():
    greenlets = [spawn(int) for _ in range(2)]

    assert len(wait(greenlets, count=10)) == 2


def test_wait_takes_duplicates_once():
    greenlet = spawn(int)

    assert wait([greenlet, greenlet, greenlet]) == [greenlet]


def test_wait_takes_anything_with_ready_rawlink_and_unlink():
    one, other, greenlet = Thing(), Thing(), spawn(int)
    one.set()
    get_hub().call_soon(get_hub().call_soon, other.set)

    ready = wait(iter([one, greenlet, other]))

    assert {id(each) for each in ready} == {id(one), id(greenlet), id(other)}


def test_wait_that_times_out_removes_its_links(clock: FakeClock):
    thing = Thing()

    assert wait([thing], timeout=1) == []

    assert thing.links == []


def test_wait_that_is_killed_removes_its_links():
    thing = Thing()
    waiting = spawn(wait, [thing])
    wait_all_parked()
    assert len(thing.links) == 1

    waiting.kill()

    assert thing.links == []


def test_waiting_leaves_nothing_behind(clock: FakeClock, census):
    greenlet = spawn(sleep, 10_000)
    wait([greenlet], timeout=1)
    before = census()

    for _ in range(50):
        wait([greenlet], timeout=1)

    assert census() - before == {}
    greenlet.kill()


# One by one


def test_iwait_works_without_iter():
    greenlets = [spawn(int) for _ in range(2)]
    waiting = iwait(greenlets)

    assert next(waiting) is greenlets[0]
    assert next(waiting) is greenlets[1]
    with pytest.raises(StopIteration):
        next(waiting)
    with pytest.raises(StopIteration):
        next(waiting)


def test_iwait_gives_each_as_soon_as_it_is_ready(clock: FakeClock):
    start = clock.now()
    greenlets = [spawn(sleep, i) for i in (3, 1, 2)]

    seen = [(greenlets.index(each), clock.now() - start) for each in iwait(greenlets)]

    assert seen == [(1, 1), (2, 2), (0, 3)]


def test_iwait_ends_when_the_time_is_up(clock: FakeClock):
    greenlets = [spawn(sleep, i) for i in (1, 100)]

    assert list(iwait(greenlets, timeout=5)) == [greenlets[0]]

    greenlets[1].kill()


def test_iwait_ends_after_its_count(clock: FakeClock):
    greenlets = [spawn(sleep, i) for i in (3, 1, 2)]

    assert list(iwait(greenlets, count=2)) == [greenlets[1], greenlets[2]]

    joinall(greenlets)


def test_iwait_left_early_as_a_context_manager_removes_its_links():
    things = [Thing(), Thing(), Thing()]
    things[0].set()

    with iwait(things) as waiting:
        for each in waiting:
            assert each is things[0]
            break
        assert [len(thing.links) for thing in things[1:]] == [1, 1]

    assert [len(thing.links) for thing in things[1:]] == [0, 0]


@pytest.mark.parametrize("end", ["count", "timeout", "kill"])
def test_iwait_that_has_ended_by_itself_has_removed_its_links(clock: FakeClock, end: str):
    things = [Thing(), Thing()]
    if end == "count":
        things[0].set()
        assert len(list(iwait(things, count=1))) == 1
    elif end == "timeout":
        assert list(iwait(things, timeout=1)) == []
    else:
        waiting = spawn(lambda: list(iwait(things)))
        wait_all_parked()
        waiting.kill()

    assert things[1].links == []


def test_iwait_that_was_left_is_over():
    thing = Thing()
    with iwait([thing]) as waiting:
        pass
    thing.set()

    assert list(waiting) == []


def test_iwait_gives_all_that_became_ready_while_the_caller_was_busy(clock: FakeClock):
    greenlets = [spawn(sleep, i) for i in (1, 2, 3)]
    seen = []

    with iwait(greenlets, timeout=4) as waiting:
        for each in waiting:
            seen.append(each)
            sleep(10)

    assert seen == greenlets


def test_iwait_may_be_used_by_a_greenlet():
    greenlets = [spawn(int) for _ in range(3)]

    assert spawn(lambda: list(iwait(greenlets))).get() == greenlets


# Greenlets


def test_joinall_waits_for_all(clock: FakeClock):
    greenlets = [spawn(sleep, i) for i in (2, 1)]

    assert joinall(greenlets) == [greenlets[1], greenlets[0]]

    assert all(greenlet.ready() for greenlet in greenlets)


def test_joinall_takes_duplicates(reports):
    greenlet, failing = spawn(int), spawn(fail, ValueError())

    assert joinall([greenlet, greenlet]) == [greenlet]
    with pytest.raises(ValueError):
        joinall([failing, failing], raise_error=True)
    reports.take()


def test_joinall_without_raise_error_raises_nothing(reports):
    failing, other = spawn(fail, ValueError()), spawn(int)

    assert set(joinall([failing, other])) == {failing, other}
    reports.take()


def test_joinall_raises_the_earliest_failure_at_once(clock: FakeClock, reports):
    start = clock.now()
    early, late = KeyError("early"), KeyError("late")
    greenlets = [spawn(fail_later, 3, late), spawn(fail_later, 1, early), spawn(sleep, 2), spawn(sleep, 100)]

    with pytest.raises(KeyError) as caught:
        joinall(greenlets, raise_error=True)

    assert caught.value is early
    assert clock.now() == start + 1
    assert not any(greenlet.has_links() for greenlet in greenlets)
    killall(greenlets)
    reports.take()


def test_joinall_raises_the_failure_of_one_that_was_finished_before(reports):
    failed = spawn(fail, ValueError("before"))
    failed.join()
    other = spawn(sleep, 0)

    with pytest.raises(ValueError, match="before"):
        joinall([other, failed], raise_error=True)

    other.join()
    reports.take()


def test_joinall_with_raise_error_and_no_failure_returns_all():
    greenlets = [spawn(int) for _ in range(3)]

    assert joinall(greenlets, raise_error=True) == greenlets


def test_joinall_with_a_count_works_without_raise_error(clock: FakeClock):
    start = clock.now()
    greenlets = [spawn(sleep, i) for i in (3, 1, 2)]

    assert joinall(greenlets, count=1) == [greenlets[1]]

    assert clock.now() == start + 1
    joinall(greenlets)


def test_joinall_with_a_count_and_raise_error_counts(clock: FakeClock, reports):
    greenlets = [spawn(sleep, 1), spawn(fail_later, 2, ValueError())]

    assert joinall(greenlets, raise_error=True, count=1) == [greenlets[0]]

    joinall(greenlets)
    reports.take()


def test_joinall_returns_when_the_time_is_up(clock: FakeClock):
    start = clock.now()
    greenlets = [spawn(sleep, 1), spawn(sleep, 100)]

    assert joinall(greenlets, timeout=5) == [greenlets[0]]

    assert clock.now() == start + 5
    killall(greenlets)


# The timeout of somebody further out


@pytest.mark.parametrize(
    "wait_for",
    [
        lambda greenlet: greenlet.join(timeout=50),
        lambda greenlet: greenlet.get(timeout=50),
        lambda greenlet: wait([greenlet], timeout=50),
        lambda greenlet: wait(timeout=50),
        lambda greenlet: joinall([greenlet], timeout=50),
        lambda greenlet: list(iwait([greenlet], timeout=50)),
        lambda greenlet: sleep(50),
        lambda greenlet: Waiter().park(time.monotonic() + 1e6),
        lambda greenlet: get_hub().join(timeout=50),
        lambda greenlet: call_in_thread(time.sleep, 0.05),
        lambda greenlet: greenlet.kill(timeout=50),
        lambda greenlet: killall([greenlet], timeout=50),
    ],
    ids="join get wait wait-all joinall iwait sleep park hub-join call-in-thread kill killall".split(),
)
def test_the_exception_of_an_outer_timeout_passes_through_by_identity(wait_for):
    def stubborn():
        while True:
            try:
                sleep(100)
            except BaseException:
                if stop:
                    raise

    stop = []
    greenlet = spawn(stubborn)
    wait_all_parked()

    with pytest.raises(Timeout) as caught, Timeout(100), Timeout(0.001) as timeout, Timeout(100):
        wait_for(greenlet)

    assert caught.value is timeout
    assert timeout.seconds == 0.001
    stop.append(1)
    greenlet.kill()
    assert wait()  # for the call in a thread, which goes on by itself


# Nothing left to run


@pytest.mark.parametrize(
    "block",
    [
        lambda: Waiter().park(),
        lambda: ParkingLot().park(),
        lambda: Greenlet(int).join(),
        lambda: Greenlet(int).get(),
        lambda: wait([Greenlet(int)]),
        lambda: get_hub().switch(),
    ],
    ids="park lot join get wait switch".split(),
)
def test_blocking_in_the_main_greenlet_with_nothing_left_to_run_raises_loop_exit(alone, block):
    with pytest.raises(LoopExit):
        block()


def test_loop_exit_comes_only_when_the_last_has_run(alone, clock: FakeClock):
    finished = []
    spawn_later(5, finished.append, 1)

    with pytest.raises(LoopExit):
        Waiter().park()

    assert finished == [1]


def test_after_a_loop_exit_everything_goes_on(alone, clock: FakeClock):
    for _ in range(3):
        with pytest.raises(LoopExit):
            Waiter().park()
        sleep(1)

    assert spawn(lambda: "result").get() == "result"


def test_loop_exit_is_raised_in_the_main_greenlet_only(alone):
    lot = ParkingLot()
    log = []

    def body():
        try:
            lot.park()
            log.append("unparked")
        except BaseException as error:
            log.append(error)

    greenlet = spawn(body)
    with pytest.raises(LoopExit):
        greenlet.join()
    assert log == []

    lot.unpark()
    greenlet.join()
    assert log == ["unparked"]


# Idle and sleep


def test_idle_returns_once_nothing_else_is_ready():
    log = []

    def body():
        for i in range(5):
            sleep(0)
            log.append(i)

    spawn(body)
    idle()

    assert log == list(range(5))


def test_idle_does_not_wait_for_deadlines(clock: FakeClock):
    start = clock.now()
    sleeper = spawn(sleep, 10)

    idle()

    assert clock.now() == start
    sleeper.join()


def test_idle_waits_for_what_descriptors_bring(socketpair):
    ours, theirs = socketpair
    log = []
    spawn(lambda: (wait_readable(ours.fileno()), log.append("read")))
    sleep(0)
    theirs.send(b"x")

    idle()

    assert log == ["read"]


def test_several_idle_at_once_each_take_their_turn():
    order = []
    greenlets = [spawn(lambda i=i: (idle(), order.append(i))) for i in range(3)]

    joinall(greenlets)

    assert order == [0, 1, 2]


def test_who_is_killed_while_it_idles_is_passed_over():
    lazy = spawn(idle)
    sleep(0)
    lazy.kill()

    idle()

    assert lazy.dead


def test_sleep_takes_its_time(clock: FakeClock):
    start = clock.now()

    sleep(2.5)

    assert clock.now() == start + 2.5


@pytest.mark.parametrize("seconds", [0, -1, -0.5])
def test_sleeping_no_time_lets_those_run_that_are_ready(clock: FakeClock, seconds: float):
    start = clock.now()
    order = []
    spawn(order.append, 1)

    sleep(seconds)

    assert order == [1]
    assert clock.now() == start


def test_sleepers_wake_in_the_order_of_their_deadlines(clock: FakeClock):
    order = []
    for seconds in (3, 1, 2, 1.5):
        spawn(lambda seconds=seconds: (sleep(seconds), order.append(seconds)))

    sleep(5)

    assert order == [1, 1.5, 2, 3]


def test_sleepers_with_one_deadline_wake_in_the_order_in_which_they_came(clock: FakeClock):
    order = []
    for i in range(10):
        spawn(lambda i=i: (sleep(1), order.append(i)))

    sleep(2)

    assert order == list(range(10))


@pytest.mark.parametrize("wrong, kind", [("1", TypeError), (None, TypeError), (float("nan"), ValueError)])
def test_sleep_wants_a_number(wrong: object, kind: type[Exception]):
    with pytest.raises(kind):
        sleep(wrong)


@pytest.mark.parametrize("seconds", [1e9, 1e15, float("inf")])
def test_sleeping_for_ages_can_be_ended(reports, seconds: float):
    """No system takes such a number of seconds to wait for descriptors."""
    sleeper = spawn(sleep, seconds)
    hub = get_hub()
    thread = threading.Timer(0.01, hub.call_soon_threadsafe, (sleeper.kill, Exception, False))
    thread.start()

    sleeper.join()

    thread.join()
    assert len(reports.take()) == 1  # the kill's own


def test_the_hub_cannot_sleep_nor_idle():
    errors = []

    def callback(wait_for):
        try:
            wait_for()
        except BlockingSwitchOutError as error:
            errors.append(error)

    for wait_for in (lambda: sleep(0), lambda: sleep(1), idle, lambda: wait(timeout=1), Greenlet(int).join):
        get_hub().call_soon(callback, wait_for)
    wait_all_parked()

    assert len(errors) == 5
    assert getcurrent() is not get_hub()


def test_time_sleep_for_patching_is_strict_as_the_original(clock: FakeClock):
    from hublet.core._time import sleep as patched

    start = clock.now()
    patched(2)
    assert clock.now() == start + 2

    with pytest.raises(ValueError, match="non-negative"):
        patched(-1)
    with pytest.raises(TypeError):
        patched("1")

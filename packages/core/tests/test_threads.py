"""Native threads: a hub each or none, waking each other, and calls that block made elsewhere."""

from __future__ import annotations

import gc
import os
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from hublet.core import (
    BlockingSwitchOutError,
    Greenlet,
    GreenletExit,
    LoopExit,
    Timeout,
    _threads,
    compiled,
    config,
    get_hub,
    getcurrent,
    joinall,
    sleep,
    spawn,
    wait,
)
from hublet.core.lowlevel import ParkingLot, Waiter, call_in_thread, call_soon_threadsafe, deadline_in, get_hub_if_exists
from hublet.core.testing import assert_no_switch, wait_all_parked


class Thread(threading.Thread):
    """A native thread whose `result()` is what its function returned, or raises what that raised."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        super().__init__(daemon=True)
        self.function = function
        self.args = args
        self.start()

    def run(self) -> None:
        self.value = self.error = None
        try:
            self.value = self.function(*self.args)
        except BaseException as error:
            self.error = error

    def result(self) -> object:
        self.join(10)
        assert not self.is_alive(), "the thread hangs"
        if self.error is not None:
            raise self.error
        return self.value


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs a list of descriptors")


@pytest.fixture
def pool() -> Iterator[_threads.Workers]:
    """A set of worker threads of this test's own, gone at its end."""
    hub = get_hub()
    before, workers = hub._threadpool, _threads.Workers(hub, 3)
    hub.threadpool = workers
    yield workers
    assert wait(timeout=10), "a call is still under way"
    workers.close()
    hub.threadpool = before


@pytest.fixture
def hasty_switches() -> Iterator[None]:
    """Let the interpreter change threads as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


# Hubs


def test_greenlets_of_several_threads_run_at_once():
    def body(barrier: threading.Barrier) -> list[int]:
        results = []
        greenlets = [spawn(lambda i=i: (sleep(0), results.append(i))) for i in range(10)]
        call_in_thread(barrier.wait)
        joinall(greenlets)
        return results

    barrier = threading.Barrier(3)
    threads = [Thread(body, barrier) for _ in range(3)]

    assert [thread.result() for thread in threads] == [list(range(10))] * 3


@pytest.mark.skipif(not compiled, reason="interpreted, the frame of a wait holds what it raised")
def test_an_error_of_a_call_is_freed_without_the_collector():
    class Failed(Exception):
        pass

    def fail() -> None:
        raise Failed

    gc.disable()
    try:
        try:
            call_in_thread(fail)
        except Failed as error:
            found = weakref.ref(error)
        for _ in range(config.threadpool_size + 1):
            call_in_thread(int)  # the threads have nothing of the earlier call any more
        assert found() is None
    finally:
        gc.enable()


def test_a_greenlet_belongs_to_the_hub_of_its_thread():
    def body() -> tuple[object, object]:
        return spawn(lambda: getcurrent().parent).get(), get_hub()

    parent, hub = Thread(body).result()

    assert parent is hub
    assert parent is not get_hub()


# A thread that ends


@needs_proc
def test_a_thread_that_ends_leaves_no_descriptors_behind(eventually):
    def body() -> None:
        sleep(0.0001)
        spawn(int).join()

    Thread(body).result()
    gc.collect()
    before = descriptors()

    for _ in range(10):
        Thread(body).result()

    assert eventually(lambda: descriptors() == before)


@needs_proc
def test_a_thread_that_ends_with_greenlets_parked_leaves_no_descriptors_behind(eventually):
    def body() -> None:
        spawn(sleep, 1000)
        spawn(Waiter().park)
        sleep(0.0001)

    before = descriptors()

    for _ in range(10):
        Thread(body).result()

    assert eventually(lambda: descriptors() == before)


@pytest.mark.parametrize("parked", [False, True])
def test_a_thread_that_ends_leaves_neither_hub_nor_greenlets_behind(parked: bool, eventually, census):
    def body() -> None:
        finished = spawn(int)
        if parked:
            spawn(sleep, 1000)
            spawn(lot.park)
        sleep(0.0001)
        finished.join()

    lot = ParkingLot()
    before = census()
    for _ in range(10):
        Thread(body).result()
    lot = None

    eventually(lambda: census() - before == {}, seconds=1)
    left = census() - before
    for kind in ("Hub", "Scheduler", "Greenlet", "Waiter", "Ring", "Deadlines"):
        assert left[kind] == 0, left


def test_a_thread_that_ends_calls_what_was_registered():
    called = []

    def body() -> None:
        get_hub().at_close(lambda: called.append(threading.get_ident()))
        sleep(0)

    thread = Thread(body)
    thread.result()

    assert wait_for(lambda: called == [thread.ident])


def wait_for(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.001)
    return is_so()


def test_finalizers_of_a_thread_that_ends_may_still_spawn(script):
    printed = script(
        """
import gc, threading
from hublet.core import spawn, sleep
from hublet.core.lowlevel import ParkingLot

class Finalized:
    def __del__(self):
        try:
            spawn(int)
            lot.unpark()
        except BaseException as error:
            print(error)

lot = ParkingLot()
local = threading.local()

def body():
    local.early = Finalized()
    sleep(0)
    local.late = Finalized()
    itself = []
    itself.append((itself, Finalized()))
    spawn(sleep, 1000)
    sleep(0)

for _ in range(20):
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
gc.collect()
print(spawn(lambda: "works").get())
""",
        "-X",
        "dev",
    )

    assert printed == "works"


def test_a_thread_that_ends_without_having_used_anything_costs_nothing():
    assert Thread(get_hub_if_exists).result() is None


def test_what_was_unparked_for_a_thread_that_has_ended_harms_nobody():
    waiters = []

    def park() -> None:
        waiter = Waiter()
        waiters.append(waiter)
        waiter.park()

    def body() -> None:
        spawn(park)
        sleep(0)

    Thread(body).result()

    for waiter in waiters:
        waiter.unpark()
    assert spawn(lambda: "works").get() == "works"


# Waking each other


def test_a_sleeping_hub_is_woken_by_another_thread_at_once():
    waiter = Waiter()
    ready = threading.Event()

    def body() -> None:
        ready.wait()
        waiter.unpark("value")

    thread = Thread(body)
    get_hub().call_soon(ready.set)
    with Timeout(10):
        waiter.park()

    assert waiter.value == "value"
    thread.result()


def test_another_thread_may_fail_a_waiter():
    waiter = Waiter()
    thread = Thread(lambda: waiter.fail(KeyError("from afar")))

    with pytest.raises(KeyError, match="from afar"):
        waiter.park()

    thread.result()


def test_unparking_from_a_thread_makes_no_hub_there():
    waiter = Waiter()

    def body() -> object:
        waiter.unpark()
        return get_hub_if_exists()

    thread = Thread(body)
    waiter.park()

    assert thread.result() is None


def test_a_thread_may_let_a_hub_call_something():
    waiter = Waiter()
    seen = []

    def call(value: str) -> None:
        seen.append((value, getcurrent(), threading.get_ident()))
        waiter.unpark()

    thread = Thread(call_soon_threadsafe, get_hub(), call, "value")
    waiter.park()

    assert seen == [("value", get_hub(), threading.get_ident())]
    thread.result()


def test_many_threads_may_unpark_at_once(hasty_switches: None):
    waiters = [Waiter() for _ in range(2000)]
    threads = [Thread(lambda part: [waiter.unpark() for waiter in part], waiters[i::4]) for i in range(4)]

    for waiter in waiters:
        waiter.park()

    for thread in threads:
        assert all(thread.result())


def test_of_many_threads_that_claim_one_waiter_exactly_one_wins(hasty_switches: None):
    for _ in range(50):
        waiter = Waiter()
        barrier = threading.Barrier(4)

        def claim(value: int, waiter: Waiter = waiter, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            return waiter.unpark(value) if value % 2 else waiter.fail(KeyError(value))

        threads = [Thread(claim, i) for i in range(4)]
        try:
            waiter.park()
            outcome = waiter.value
        except KeyError as error:
            outcome = error.args[0]

        assert [i for i, thread in enumerate(threads) if thread.result()] == [outcome]


def test_two_hubs_may_play_ping_pong(hasty_switches: None):
    rounds = 500
    serves = [[Waiter() for _ in range(rounds)]]

    def play(mine: list[Waiter], theirs: list[Waiter]) -> int:
        for receive, answer in zip(mine, theirs):
            receive.park()
            answer.unpark()
        return rounds

    made = threading.Event()

    def body() -> int:
        get_hub()
        serves.append([Waiter() for _ in range(rounds)])
        made.set()
        return play(serves[1], serves[0])

    other = Thread(body)
    made.wait()
    serves[1][0].unpark()

    assert play(serves[0], [*serves[1][1:], Waiter()]) == rounds
    assert other.result() == rounds


def test_tokens_are_neither_lost_nor_doubled_among_threads(hasty_switches: None):
    """A semaphore in its barest form, used by threads with and without a hub, by greenlets and with timeouts."""
    lot = ParkingLot()
    tokens = [object(), object()]
    free = list(tokens)
    taken = []
    guard = threading.Lock()

    def acquire(rng: int) -> object | None:
        with guard:
            if free:
                return free.pop()
            waiter = Waiter()
            lot.add(waiter)
        return waiter.value if waiter.park(deadline_in(0.0001 * (rng % 3)) if rng % 4 else None) else None

    def release(token: object) -> None:
        with guard:
            if not lot.unpark(token):
                free.append(token)

    def work(rounds: int) -> int:
        got = 0
        for i in range(rounds):
            token = acquire(i)
            if token is not None:
                got += 1
                with guard:
                    assert token not in taken
                    taken.append(token)
                if i % 5 == 0 and get_hub_if_exists() is not None:
                    sleep(0)
                with guard:
                    taken.remove(token)
                release(token)
        return got

    def with_hub() -> int:
        return sum(greenlet.get() for greenlet in [spawn(work, 50) for _ in range(3)])

    threads = [Thread(with_hub), Thread(work, 100), Thread(with_hub), Thread(work, 100)]
    got = [with_hub()] + [call_in_thread(thread.result) for thread in threads]

    assert sum(got) > 0
    assert len(free) == 2
    assert set(map(id, free)) == set(map(id, tokens))


@pytest.mark.skipif(compiled, reason="compiled, nothing comes in between")
@pytest.mark.parametrize("with_hub", [True, False])
@pytest.mark.parametrize("method", ["unpark", "fail"])
def test_who_looks_between_the_claim_and_the_hand_over_waits_for_it(method: str, with_hub: bool):
    """The claiming thread is stopped at each of its lines while the waiter is parked."""

    def claim_and_stop_at(line: int, waiter: Waiter) -> bool:
        stopped, go_on = threading.Event(), threading.Event()
        lines = 0

        def trace(frame, event, argument):
            nonlocal lines
            if frame.f_code.co_name != method:
                return None
            if event == "line":
                lines += 1
                if lines == line:
                    sys.settrace(None)
                    stopped.set()
                    go_on.wait(10)
            return trace

        def claim() -> None:
            sys.settrace(trace)
            getattr(waiter, method)("value" if method == "unpark" else KeyError("failed"))
            sys.settrace(None)
            stopped.set()

        thread = Thread(claim)
        stopped.wait(10)
        threading.Timer(0.002, go_on.set).start()
        if method == "unpark":
            assert waiter.park() is True
            assert waiter.value == "value"
        else:
            with pytest.raises(KeyError):
                waiter.park()
        thread.result()
        return lines >= line

    def body() -> int:
        if with_hub:
            get_hub()
        line = 1
        while claim_and_stop_at(line, Waiter()):
            line += 1
        return line

    assert Thread(body).result() > 4


# A thread without a hub


def test_a_waiter_blocks_just_its_thread_and_makes_no_hub():
    waiters = []
    made = threading.Event()

    def body() -> tuple[bool, object, object]:
        waiter = Waiter()
        waiters.append(waiter)
        made.set()
        return waiter.park(), waiter.value, get_hub_if_exists()

    thread = Thread(body)
    call_in_thread(made.wait)
    ran = spawn(lambda: "not blocked")
    assert ran.get() == "not blocked"

    waiters[0].unpark("value")

    assert thread.result() == (True, "value", None)


def test_a_waiter_without_a_hub_may_be_unparked_first():
    def body() -> tuple[bool, object]:
        waiter = Waiter()
        waiter.unpark("early")
        return waiter.park(), waiter.value

    assert Thread(body).result() == (True, "early")


def test_a_waiter_without_a_hub_may_be_failed():
    def body() -> None:
        waiter = Waiter()
        waiter.fail(KeyError("early"))
        waiter.park()

    with pytest.raises(KeyError, match="early"):
        Thread(body).result()


@pytest.mark.parametrize("seconds", [0, -1, 0.001])
def test_a_deadline_passes_without_a_hub(seconds: float):
    def body() -> tuple[bool, bool, object]:
        waiter = Waiter()
        return waiter.park(deadline_in(seconds)), waiter.unpark(), get_hub_if_exists()

    assert Thread(body).result() == (False, False, None)


def test_a_waiter_made_before_its_thread_had_a_hub_parks_in_the_hub():
    def body() -> tuple[bool, object]:
        waiter = Waiter()
        spawn(waiter.unpark, "value")
        return waiter.park(deadline_in(1)), waiter.value

    assert Thread(body).result() == (True, "value")


def test_a_deadline_that_is_ages_away_without_a_hub():
    def body() -> bool:
        waiter = Waiter()
        threading.Timer(0.001, waiter.unpark).start()
        return waiter.park(deadline_in(float("inf")))

    assert Thread(body).result() is True


def test_who_timed_out_without_a_hub_leaves_the_line():
    lot = ParkingLot()

    assert Thread(lambda: lot.park(deadline_in(0.001))).result() is False

    assert len(lot) == 0


def test_threads_with_and_without_a_hub_stand_in_one_line():
    lot = ParkingLot()
    order = []

    def park(name: str) -> None:
        waiter = Waiter()
        lot.add(waiter)
        waiter.park()
        order.append(name)

    threads = []
    for name, with_hub in (("first", False), ("second", True), ("third", False)):
        threads.append(Thread(lambda name=name, with_hub=with_hub: (with_hub and get_hub(), park(name))))
        assert wait_for(lambda: len(lot) == len(threads))

    for thread in threads:
        assert lot.unpark()
        call_in_thread(thread.result)

    assert order == ["first", "second", "third"]


def test_sleeping_without_a_hub_makes_none():
    def body() -> object:
        sleep(0)
        sleep(0.001)
        return get_hub_if_exists()

    assert Thread(body).result() is None


def test_a_call_in_a_thread_without_a_hub_is_made_right_there():
    def body() -> tuple[object, object]:
        return call_in_thread(threading.get_ident), get_hub_if_exists()

    thread = Thread(body)

    assert thread.result() == (thread.ident, None)


# Joining from another thread


@pytest.mark.parametrize("with_hub", [True, False])
def test_another_thread_may_join_a_greenlet(with_hub: bool):
    lot = ParkingLot()
    greenlet = spawn(lambda: (lot.park(), "result")[1])
    wait_all_parked()
    waiting = threading.Event()

    def body() -> tuple[object, bool]:
        if with_hub:
            get_hub()
        waiting.set()
        greenlet.join()
        return greenlet.value, get_hub_if_exists() is not None

    thread = Thread(body)
    call_in_thread(waiting.wait)
    lot.unpark()

    assert call_in_thread(thread.result) == ("result", with_hub)


def test_another_thread_may_give_up_joining():
    lot = ParkingLot()
    greenlet = spawn(lot.park)
    wait_all_parked()

    Thread(greenlet.join, 0.001).result()

    assert not greenlet.ready()
    lot.unpark()
    greenlet.join()


def test_another_thread_may_join_a_greenlet_that_is_finished():
    greenlet = spawn(int)
    greenlet.join()

    assert Thread(greenlet.get).result() == 0


@pytest.mark.skipif(compiled, reason="compiled, nothing comes in between")
def test_a_greenlet_may_finish_at_any_line_of_another_threads_join():
    def finish_at(line: int) -> bool:
        """Finish it while the other thread stands at the *line*-th line of joining; say whether it came to that."""
        greenlet = Greenlet(int)
        stopped, go_on = threading.Event(), threading.Event()
        lines = 0

        def trace(frame, event, argument):
            nonlocal lines
            if not frame.f_code.co_filename.endswith(("_greenlet.py", "_park.py")):
                return None
            if event == "line":
                lines += 1
                if lines == line:
                    sys.settrace(None)
                    stopped.set()
                    go_on.wait(10)
            return trace

        def join() -> float:
            sys.settrace(trace)
            greenlet.join(timeout=2)
            sys.settrace(None)
            return time.monotonic()

        thread = Thread(join)
        there = call_in_thread(stopped.wait, 0.1)
        greenlet.start()
        wait_all_parked()
        finished = time.monotonic()
        go_on.set()
        assert call_in_thread(thread.result) - finished < 1, f"missed the end, at line {line}"
        return there

    line = 1
    while finish_at(line):
        line += 1

    assert line > 5


def test_many_threads_may_join_one_greenlet(hasty_switches: None):
    for _ in range(20):
        greenlet = spawn(sleep, 0)
        barrier = threading.Barrier(5)
        threads = [Thread(lambda barrier=barrier, greenlet=greenlet: (barrier.wait(), greenlet.join(5))) for _ in range(4)]
        call_in_thread(barrier.wait)
        greenlet.join()
        start = time.monotonic()
        for thread in threads:
            call_in_thread(thread.result)
        assert time.monotonic() - start < 4


# Calls in threads


def test_a_call_returns_what_the_function_returns(pool):
    ident, args, kwargs = call_in_thread(lambda *args, **kwargs: (threading.get_ident(), args, kwargs), 1, key=2)

    assert ident != threading.get_ident()
    assert (args, kwargs) == ((1,), {"key": 2})


def test_a_call_raises_what_the_function_raises(pool):
    error = ValueError("in a thread")

    def fail() -> None:
        raise error

    with pytest.raises(ValueError) as caught:
        call_in_thread(fail)

    assert caught.value is error


def test_others_run_while_a_call_is_under_way(pool):
    go = threading.Event()
    calling = spawn(call_in_thread, go.wait, 10)

    assert spawn(lambda: "not blocked").get() == "not blocked"

    go.set()
    assert calling.get() is True


def test_at_most_so_many_calls_are_made_at_once(pool):
    under_way = []
    most = []
    go = threading.Event()
    guard = threading.Lock()

    def call() -> None:
        with guard:
            under_way.append(1)
            most.append(len(under_way))
        go.wait(10)
        with guard:
            under_way.pop()

    greenlets = [spawn(call_in_thread, call) for _ in range(8)]
    wait_all_parked()
    assert wait_for(lambda: len(under_way) == 3)
    assert pool.size == 3

    go.set()
    joinall(greenlets, raise_error=True)

    assert max(most) == 3
    assert len(most) == 8


def test_calls_that_wait_for_a_thread_are_made_in_order(pool):
    pool.maxsize = 1
    order = []

    joinall([spawn(call_in_thread, order.append, i) for i in range(20)])

    assert order == list(range(20))


def test_idle_threads_are_used_again(pool):
    for _ in range(10):
        call_in_thread(int)
        assert wait_for(lambda: pool.idle == 1)

    assert pool.size == 1


def test_idle_threads_end(pool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(config.__dict__, "threadpool_idle", 0.001)

    call_in_thread(int)

    assert wait_for(lambda: pool.size == 0)
    assert pool.idle == 0
    assert call_in_thread(lambda: "again") == "again"


def test_threads_end_when_the_pool_is_closed(pool):
    joinall([spawn(call_in_thread, time.sleep, 0.001) for _ in range(3)])

    pool.close()

    assert wait_for(lambda: pool.size == 0)


def test_the_size_of_the_pool_is_configured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(config.__dict__, "threadpool_size", 7)

    def body() -> int:
        return get_hub().threadpool.maxsize

    assert Thread(body).result() == 7


def test_who_is_killed_during_a_call_goes_on_at_once(pool):
    go = threading.Event()
    finished = threading.Event()
    greenlet = spawn(call_in_thread, lambda: (go.wait(10), finished.set()))
    wait_all_parked()

    greenlet.kill()

    assert isinstance(greenlet.value, GreenletExit)
    assert not finished.is_set()
    go.set()
    assert wait(timeout=10)
    assert finished.is_set()


def test_who_times_out_during_a_call_goes_on_at_once(pool):
    go = threading.Event()

    with pytest.raises(Timeout), Timeout(0.001):
        call_in_thread(go.wait, 10)

    go.set()


def test_the_result_of_an_abandoned_call_is_dropped(pool):
    class Result:
        pass

    made = []
    go = threading.Event()

    def call() -> Result:
        go.wait(10)
        result = Result()
        made.append(weakref.ref(result))
        return result

    greenlet = spawn(call_in_thread, call)
    wait_all_parked()
    greenlet.kill()
    go.set()
    assert wait(timeout=10)
    wait_all_parked()
    gc.collect()

    assert made[0]() is None


def test_an_abandoned_call_that_fails_is_not_heard_of(pool):
    go = threading.Event()

    def call() -> None:
        go.wait(10)
        raise ValueError("nobody waits for it")

    greenlet = spawn(call_in_thread, call)
    wait_all_parked()
    greenlet.kill()
    go.set()

    assert wait(timeout=10)


def test_what_was_passed_and_returned_is_let_go(pool):
    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)

    assert call_in_thread(lambda thing: thing, thing) is thing
    del thing
    wait_all_parked()
    assert wait_for(lambda: pool.idle == pool.size)
    gc.collect()

    assert gone() is None


def test_many_calls_leave_nothing_behind(pool, census):
    def calls() -> None:
        for _ in range(20):
            call_in_thread(int)
            with pytest.raises(ValueError):
                call_in_thread(int, "not a number")
            greenlet = spawn(call_in_thread, int)
            wait_all_parked()
            greenlet.kill()
        assert wait()
        assert wait_for(lambda: pool.idle == pool.size)

    calls()
    before = census()
    calls()

    assert census() - before == {}


def test_loop_exit_is_not_raised_while_a_call_is_under_way(alone, script):
    printed = script(
        """
import time
from hublet.core import LoopExit, spawn
from hublet.core.lowlevel import Waiter, call_in_thread

spawn(lambda: (call_in_thread(time.sleep, 0.05), print("called")))
try:
    Waiter().park()
except LoopExit:
    print("nothing left")
"""
    )

    assert printed.splitlines() == ["called", "nothing left"]


def test_loop_exit_is_not_raised_while_an_abandoned_call_is_under_way(script):
    printed = script(
        """
import time
from hublet.core import LoopExit, Timeout
from hublet.core.lowlevel import Waiter, call_in_thread, get_hub

def call():
    time.sleep(0.05)
    get_hub_of_main.call_soon_threadsafe(print, "called")

get_hub_of_main = get_hub()
with Timeout(0.001, False):
    call_in_thread(call)
try:
    Waiter().park()
except LoopExit:
    print("nothing left")
"""
    )

    assert printed.splitlines() == ["called", "nothing left"]


@pytest.mark.parametrize("where", ["the hub", "assert_no_switch"])
def test_where_nothing_may_wait_no_call_is_made(pool, where: str):
    called = []
    errors = []

    def refused() -> None:
        try:
            call_in_thread(called.append, 1)
        except BlockingSwitchOutError as error:
            errors.append(error)

    if where == "the hub":
        get_hub().call_soon(refused)
        sleep(0)
    else:
        with assert_no_switch():
            refused()
    assert wait(timeout=10)

    assert len(errors) == 1
    assert called == []


def test_a_system_that_has_no_threads_left_says_so(pool, monkeypatch: pytest.MonkeyPatch):
    def start_new_thread(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "start_new_thread", start_new_thread)

    with pytest.raises(RuntimeError, match="new thread"):
        call_in_thread(int)

    assert (pool.size, get_hub().scheduler.outside) == (0, 0)
    monkeypatch.undo()
    assert call_in_thread(lambda: "works") == "works"


def test_a_system_that_has_no_threads_left_uses_those_that_there_are(pool, monkeypatch: pytest.MonkeyPatch):
    go = threading.Event()
    first = spawn(call_in_thread, go.wait, 10)
    wait_all_parked()

    def start_new_thread(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "start_new_thread", start_new_thread)
    second = spawn(call_in_thread, lambda: "second")
    wait_all_parked()
    go.set()

    assert second.get() == "second"
    assert first.get() is True


def test_a_program_may_end_while_a_call_is_under_way(script):
    printed = script(
        """
import time
from hublet.core import Timeout
from hublet.core.lowlevel import call_in_thread

with Timeout(0.001, False):
    call_in_thread(time.sleep, 30)
print("end")
"""
    )

    assert printed == "end"


def test_after_a_loop_exit_calls_still_work(alone):
    with pytest.raises(LoopExit):
        Waiter().park()

    assert call_in_thread(lambda: "works") == "works"


# Sets of threads of one's own


def test_submit_tells_the_hub_of_a_result_and_of_an_error(pool):
    told = []

    pool.submit(lambda *outcome: told.append((getcurrent(), *outcome)), divmod, 7, 2)
    wait()
    pool.submit(lambda *outcome: told.append((getcurrent(), *outcome)), divmod, 7, 0)
    wait()

    assert told[0] == (get_hub(), (3, 1), None)
    assert told[1][:2] == (get_hub(), None) and isinstance(told[1][2], ZeroDivisionError)


def test_a_set_of_threads_grows_and_shrinks_while_it_works(pool):
    gate, told = threading.Lock(), []
    gate.acquire()

    def work():
        with gate:
            return threading.get_ident()

    pool.maxsize = 0
    for _ in range(3):
        pool.submit(lambda result, error: told.append(result), work)
    assert pool.size == 0
    pool.maxsize = 2
    assert pool.size == 2
    pool.maxsize = 1
    gate.release()
    wait()

    assert len(told) == 3
    assert pool.size == 1
    pool.resize(0)
    assert pool.size == 0


def test_threads_of_a_set_of_ones_own_do_not_hide_a_deadlock(script):
    code = textwrap.dedent("""
        from hublet.core import LoopExit, get_hub, wait
        from hublet.core.lowlevel import Waiter, Workers

        workers = Workers(get_hub(), 1)
        workers.submit(print, int)
        wait()
        try:
            Waiter("nothing").park()
        except LoopExit:
            print("noticed", workers.size)
        """)

    assert script(code).splitlines()[-1] == "noticed 1"

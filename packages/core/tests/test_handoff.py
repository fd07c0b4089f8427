"""Direct hand-off: greenlets switch straight to each other, and still nothing starves and no stack grows."""

from __future__ import annotations

import gc
import inspect
import operator
import os
import signal
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

from hublet.core import (
    BlockingSwitchOutError,
    Greenlet,
    Timeout,
    compiled,
    get_hub,
    getcurrent,
    idle,
    joinall,
    sleep,
    spawn,
    spawn_later,
    spawn_raw,
)
from hublet.core.lowlevel import ParkingLot, Waiter, notify_closing, wait_readable
from hublet.core.testing import FakeClock, wait_all_parked

# Far more than the budget, far less than what a test would take if something starved.
MANY = 5000

BUDGET = 128  # of switches, until the hub has its turn


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        notify_closing(fd)
        os.close(fd)


class PingPong:
    """Two greenlets that do nothing but wake each other, until they are told to stop."""

    def __init__(self) -> None:
        self.rounds = 0
        self.stopped = False
        self.turn = [ParkingLot(), ParkingLot()]
        self.greenlets = [spawn(self.run, 0), spawn(self.run, 1)]

    def run(self, me: int) -> None:
        while not self.stopped and self.rounds < MANY:
            self.rounds += 1
            self.turn[1 - me].unpark()
            self.turn[me].park()
        self.turn[1 - me].unpark()

    def stop(self) -> None:
        self.stopped = True

    def join(self) -> int:
        joinall(self.greenlets)
        return self.rounds


def test_a_parking_greenlet_switches_straight_to_the_next_that_is_ready(switches: list):
    lots = [ParkingLot(), ParkingLot()]
    one = spawn(lambda: (lots[0].park(), lots[1].unpark(), lots[0].park()))
    other = spawn(lots[1].park)
    wait_all_parked()
    switches.clear()

    lots[0].unpark()
    wait_all_parked()

    assert (one, other) in switches
    lots[0].unpark()
    joinall([one, other])


def test_those_that_are_ready_run_in_the_order_in_which_they_became_so():
    order = []
    lots = [ParkingLot() for _ in range(5)]
    for i, lot in enumerate(lots):
        spawn(lambda i=i, lot=lot: (lot.park(), order.append(i), sleep(0), order.append(i)))
    wait_all_parked()

    for i in (3, 1, 4, 0, 2):
        lots[i].unpark()
    wait_all_parked()

    assert order == [3, 1, 4, 0, 2] * 2


def test_greenlets_run_in_the_order_in_which_they_were_spawned():
    order = []

    joinall([spawn(order.append, i) for i in range(300)])

    assert order == list(range(300))


# The budget


def test_a_ping_pong_does_not_starve_a_deadline():
    players = PingPong()
    spawn_later(0, players.stop)

    assert players.join() < MANY


def test_a_ping_pong_does_not_starve_a_timeout():
    players = PingPong()

    def body():
        try:
            with Timeout(0):
                Waiter().park()
        except Timeout:
            players.stop()

    spawn(body)

    assert players.join() < MANY


def test_a_ping_pong_does_not_starve_descriptors(pipe: tuple[int, int]):
    reader = spawn(wait_readable, pipe[0])
    wait_all_parked()
    players = PingPong()
    reader.rawlink(lambda reader: players.stop())

    os.write(pipe[1], b"x")

    assert players.join() < MANY


def test_a_ping_pong_does_not_starve_what_is_to_be_started():
    players = PingPong()
    wait_for_it = spawn(lambda: (sleep(0), spawn(players.stop)))

    assert players.join() < MANY
    wait_for_it.join()


@pytest.mark.parametrize("number", [1, 2])
def test_greenlets_that_compute_do_not_hold_up_a_deadline_until_the_budget_is_used_up(number: int):
    rounds = []
    stopped = []

    def compute():
        while not stopped and len(rounds) < 200:
            rounds.append(1)
            until = time.monotonic() + 0.002
            while time.monotonic() < until:
                pass
            sleep(0)

    greenlets = [spawn(compute) for _ in range(number)]
    spawn_later(0, stopped.append, 1)
    joinall(greenlets)

    assert len(rounds) < 50


def test_who_yields_alone_comes_to_the_hub_when_the_budget_is_used_up():
    scheduler = get_hub().scheduler
    sleep(0)
    before = scheduler.turns

    for _ in range(10 * BUDGET):
        sleep(0)

    assert scheduler.turns - before >= 9


def test_yielding_for_ever_does_not_starve_deadlines_nor_descriptors(pipe: tuple[int, int]):
    done = []
    reader = spawn(wait_readable, pipe[0])
    reader.rawlink(done.append)
    spawn_later(0, done.append, "deadline")
    wait_all_parked()
    os.write(pipe[1], b"x")

    rounds = 0
    while len(done) < 2 and rounds < MANY:
        sleep(0)
        rounds += 1

    assert rounds < MANY


def test_a_callback_that_calls_itself_again_does_not_starve_deadlines():
    hub = get_hub()
    state = {"rounds": 0, "stopped": False}

    def again():
        state["rounds"] += 1
        if not state["stopped"] and state["rounds"] < MANY:
            hub.call_soon(again)

    hub.call_soon(again)
    spawn_later(0, state.update, stopped=True)
    idle()

    assert state["rounds"] < MANY


def test_timeouts_that_are_past_already_do_not_starve_what_is_ready():
    rounds = []
    seen = []

    def hasty():
        while not seen and len(rounds) < MANY:
            rounds.append(1)
            try:
                with Timeout(-1):
                    Waiter().park()
            except Timeout:
                pass

    def sibling():
        while len(rounds) < 10:
            sleep(0)
        seen.append(len(rounds))

    joinall([spawn(hasty), spawn(sibling)])

    assert len(rounds) < MANY


def test_starts_that_are_due_already_do_not_starve_what_is_ready(clock: FakeClock):
    started = []
    seen = []

    def again():
        started.append(1)
        if not seen and len(started) < MANY:
            spawn_later(0, again)

    def sibling():
        while not started:
            Waiter().park(clock.now())
        sleep(0)
        seen.append(len(started))

    spawn_later(0, again)
    spawn(sibling).join()
    wait_all_parked()

    assert len(started) < MANY


# Stacks


def test_greenlets_are_started_only_from_the_hub_and_the_main_greenlet(switches: list):
    hub = get_hub()
    children = []

    def body(depth: int) -> None:
        if depth:
            children.append(spawn(body, depth - 1))
            sleep(0)

    spawn(body, 5)
    wait_all_parked()

    assert len(children) == 5
    for child in children:
        first = next(pair for pair in switches if pair[1] is child)
        assert first[0] is hub or first[0] is hub.parent


def test_a_main_greenlet_whose_stack_is_deep_leaves_starting_to_the_hub(switches: list):
    """Otherwise what is started would have less of the C stack than it has anywhere else."""

    class Deeper:
        def __init__(self, depth: int) -> None:
            self.depth = depth

        def __index__(self) -> int:  # by way of C, so that the C stack grows with it
            if self.depth:
                return operator.index(Deeper(self.depth - 1))
            started.append(spawn(int))
            sleep(0)
            return 0

    sleep(0)
    started: list[Greenlet] = []

    operator.index(Deeper(300))

    first = next(pair for pair in switches if pair[1] is started[0])
    assert first[0] is get_hub()


def test_a_chain_of_spawns_does_not_lay_stacks_upon_each_other(script):
    """Each stays parked in the one that started it; a crash, were the C stacks nested."""
    printed = script(
        """
import sys
from hublet.core import get_hub, getcurrent, joinall, spawn
from hublet.core.lowlevel import ParkingLot

lot = ParkingLot()
depths = set()
greenlets = []

def body(left):
    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    depths.add(depth)
    assert getcurrent().parent is get_hub()
    if left:
        greenlets.append(spawn(body, left - 1))
        lot.park()
    else:
        lot.unpark_all()

greenlets.append(spawn(body, 10_000))
greenlets[0].join()
joinall(greenlets)
print(len(greenlets), len(depths))
"""
    )

    assert printed == "10001 1"


def test_a_chain_of_joins_unwinds():
    def body(left: int) -> int:
        return spawn(body, left - 1).get() + 1 if left else 0

    assert spawn(body, 2000).get() == 2000


@pytest.mark.parametrize("where", ["main", "greenlet"])
def test_a_stack_of_10000_frames_parks_and_resumes(where: str):
    lot = ParkingLot()

    def deep(left: int) -> int:
        if left:
            return deep(left - 1) + 1
        for _ in range(3):
            lot.park()
            sleep(0)
        return 0

    def unpark():
        for _ in range(3):
            while not lot:
                sleep(0)
            lot.unpark()
        return len(inspect.stack())

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        other = spawn(unpark)
        depth = deep(10_000) if where == "main" else spawn(deep, 10_000).get()
    finally:
        sys.setrecursionlimit(limit)

    assert depth == 10_000
    assert other.get() < 100


def test_the_recursion_limit_is_that_of_each_greenlet():
    """What one greenlet has used up is not counted against another, also after it was switched away from."""
    lot = ParkingLot()

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        else:
            lot.park()

    greenlets = [spawn(deep, 500) for _ in range(20)]
    wait_all_parked()
    lot.unpark_all()
    joinall(greenlets, raise_error=True)


# Finalizers


class Finalized:
    """Does something when it is collected."""

    def __init__(self, act: object) -> None:
        self.act = act
        self.itself = self

    def __del__(self) -> None:
        self.act()


def test_a_finalizer_may_spawn_and_unpark_in_the_middle_of_a_switch():
    lot = ParkingLot()
    spawned = []
    made = []

    def act():
        made.append(1)
        spawn(spawned.append, 1)
        lot.unpark()

    def waiting():
        for _ in range(100):
            lot.park()

    def littering():
        for _ in range(300):
            Finalized(act)
            sleep(0)

    waiter = spawn(waiting)
    threshold = gc.get_threshold()
    gc.set_threshold(5)
    try:
        joinall([spawn(littering) for _ in range(3)])
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    while waiter:
        lot.unpark()
        sleep(0)
    wait_all_parked()

    assert len(made) == 900
    assert len(spawned) == 900


def test_a_finalizer_in_a_greenlet_may_park():
    log = []

    def body():
        Finalized(lambda: (log.append("parks"), sleep(0), log.append("goes on")))
        gc.collect()
        log.append("collected")

    spawn(body)
    spawn(lambda: log.append("another"))
    wait_all_parked()

    assert log == ["parks", "another", "goes on", "collected"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_finalizer_that_parks_in_the_hub_is_an_error_that_is_reported(monkeypatch: pytest.MonkeyPatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(type(args.exc_value).__name__))

    class Plain:
        def __del__(self) -> None:
            sleep(1)

    get_hub().call_soon(lambda: Plain() and None)
    sleep(0)

    assert unraisable == ["BlockingSwitchOutError"]
    assert spawn(lambda: "still works").get() == "still works"


# References


class Item:
    """Something big that was handed over."""


@pytest.mark.skipif(not compiled, reason="interpreted, where the C stack of a greenlet begins is left to chance")
def test_of_two_greenlets_that_take_turns_only_one_is_copied():
    lots = [ParkingLot(), ParkingLot()]
    copied = [-1, -1]

    def take_turns(me: int) -> None:
        for turn in range(3):
            lots[me].park()
            if turn == 1:  # at first the hub was in between, and at last one has ended
                copied[1 - me] = pair[1 - me]._stack_saved
            lots[1 - me].unpark()

    pair = [spawn(take_turns, 0), spawn(take_turns, 1)]
    wait_all_parked()
    lots[0].unpark()
    joinall(pair)

    assert sorted(size > 0 for size in copied) == [False, True]


def test_a_parked_greenlet_does_not_keep_what_the_one_that_ran_after_it_was_given():
    lot, long_lot = ParkingLot(), ParkingLot()
    gone = []

    def taker():
        waiter = Waiter()
        lot.add(waiter)
        waiter.park()
        gone.append(weakref.ref(waiter.value))

    taking = spawn(taker)
    wait_all_parked()

    def giver():
        lot.unpark(Item())
        long_lot.park()  # hands off to the taker

    giving = spawn(giver)
    taking.join()
    wait_all_parked()
    gc.collect()

    assert gone[0]() is None
    long_lot.unpark()
    giving.join()


@pytest.mark.skipif(not compiled, reason="interpreted, the call of `switch` itself holds whom it switches to")
def test_a_parked_greenlet_does_not_keep_the_one_that_ran_after_it():
    lot, long_lot = ParkingLot(), ParkingLot()
    after = spawn(lot.park)
    before = spawn(lambda: (lot.unpark(), long_lot.park()))
    after.join()
    wait_all_parked()

    gone = weakref.ref(after)
    del after
    gc.collect()

    assert gone() is None
    long_lot.unpark()
    before.join()


@pytest.mark.parametrize("way", ["join", "unpark", "raw"])
def test_the_hub_does_not_keep_what_the_one_that_runs_was_given(way: str):
    item = Item()
    gone = weakref.ref(item)

    if way == "join":
        spawn(lambda item: item, item).join()
    elif way == "unpark":
        waiter = Waiter()
        get_hub().call_soon(waiter.unpark, item)
        waiter.park()
        del waiter
    else:
        waiter = Waiter()
        spawn_raw(lambda item: waiter.unpark(), item)
        waiter.park()
        del waiter
    del item
    gc.collect()

    assert gone() is None


def test_what_a_waiter_waited_for_is_let_go_when_the_wait_is_over():
    reason = Item()
    gone = weakref.ref(reason)
    waiter = Waiter(reason)
    get_hub().call_soon(waiter.unpark)

    waiter.park()
    del waiter, reason
    gc.collect()

    assert gone() is None


def test_the_current_greenlet_is_the_one_that_runs():
    greenlet = spawn(getcurrent)

    assert greenlet.get() is greenlet
    assert getcurrent() is get_hub().parent


def test_a_greenlet_that_waits_when_nothing_is_ready_polls_itself(pipe: tuple[int, int], switches: list):
    if get_hub().loop.name != "native":
        pytest.skip("the hub polls")
    read_fd, write_fd = pipe

    def has_switched() -> bool:
        os.write(write_fd, b"x")
        del switches[:]
        wait_readable(read_fd)
        os.read(read_fd, 1)
        return bool(switches)

    # Not if the turn happens to be over just then.
    assert not all(has_switched() for _ in range(1000))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals that come by themselves")
@pytest.mark.parametrize("wait", [lambda: sleep(0), lambda: sleep(0.001), lambda: ParkingLot().park(time.monotonic() + 0.001)])
def test_a_signal_handler_may_not_wait_while_its_greenlet_does(pipe: tuple[int, int], wait):
    read_fd, write_fd = pipe
    refused = []

    def handler(number, frame):
        try:
            wait()
        except BlockingSwitchOutError as error:
            refused.append(error)
        os.write(write_fd, b"x")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with Timeout(10):
            wait_readable(read_fd)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert len(refused) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals that come by themselves")
def test_what_a_signal_handler_raises_while_a_greenlet_polls_surfaces_in_the_main_greenlet(pipe: tuple[int, int]):
    read_fd, write_fd = pipe

    def give_up(number, frame):
        raise LookupError("too late")

    reading = spawn(wait_readable, read_fd)
    before = signal.signal(signal.SIGALRM, give_up)
    try:
        with pytest.raises(LookupError, match="too late"):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            ParkingLot().park(time.monotonic() + 10)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert not reading.ready()
    os.write(write_fd, b"x")
    reading.get(timeout=10)

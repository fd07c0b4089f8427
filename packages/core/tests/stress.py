#!/usr/bin/env python3
"""Do everything at once, at random, and look whether anything is lost, doubled or left behind.

    python stress.py [operations] [--seed NUMBER] [--loop NAME]

Actors, each a greenlet, spawn, kill, time out, throw, hand over, shield, link, collect and call threads, while native threads
wake them.  They work in rounds.  What must hold after each:

- every wake-up that was accepted has arrived, once, and none that was refused: `Ledger`
- every token exists once, and whoever waited for one got it: `Tokens`
- every exception that was thrown has been caught by its victim, once: `Pokes`
- everybody comes to the end: a lost wake-up is a round that never ends
- nothing is ready, due, postponed or under way; and from the second round on there are as many objects of each type of core
  as before, and from the third part of the rounds on no more memory is used

The seed is printed, so that a failure can be looked for again; threads and the clock keep it from repeating exactly.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import itertools
import os
import random
import sys
import threading
import time
from collections import Counter, deque

from hublet.core import (
    Greenlet,
    GreenletExit,
    Timeout,
    compiled,
    config,
    get_hub,
    getcurrent,
    idle,
    iwait,
    joinall,
    killall,
    move_on_after,
    shield,
    sleep,
    spawn,
    spawn_later,
    spawn_raw,
)
from hublet.core._deadlock import explain
from hublet.core._scheduler import Scheduler
from hublet.core.lowlevel import ParkingLot, Waiter, call_in_thread, deadline_in, get_hub_if_exists

ACTORS = 40
ROUNDS = 20
PATIENCE = 120.0
"""Seconds that a round may take at most for every 100,000 operations."""


class Violation(Exception):
    """Something that must hold does not."""


def check(condition: object, message: str) -> None:
    """As `assert`, also under ``-O``."""
    if not condition:
        raise Violation(message)


class Tokens:
    """A semaphore in its barest form, whose tokens can be told apart."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.free = deque(range(count))
        self.held: set[int] = set()
        self.line = ParkingLot()

    def acquire(self, seconds: float | None = None) -> int | None:
        """Return a token, or `None` if the time was up first.  Parks."""
        if self.free and not self.line:
            token = self.free.popleft()
        else:
            waiter = Waiter(self)
            self.line.add(waiter)
            if not waiter.park(deadline_in(seconds)):
                return None
            token = waiter.value
        check(token not in self.held, f"token {token} was handed to two")
        self.held.add(token)
        return token

    def release(self, token: int) -> None:
        self.held.remove(token)
        if not self.line.unpark(token):
            self.free.append(token)

    def verify(self) -> None:
        check(not self.held, f"tokens {self.held} are still held")
        check(len(self.line) == 0, f"{len(self.line)} still stand in line")
        check(sorted(self.free) == list(range(self.count)), f"there are the tokens {sorted(self.free)}")


class Poke(Exception):
    """What actors throw at each other."""

    def __init__(self, number: int) -> None:
        self.number = number


class Pokes:
    """Exceptions on their way."""

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.underway: dict[int, Greenlet] = {}
        self.caught = 0

    def throw(self, victim: Greenlet) -> None:
        poke = Poke(next(self.numbers))
        self.underway[poke.number] = victim
        get_hub().call_soon(self.deliver, victim, poke)

    def deliver(self, victim: Greenlet, poke: Poke) -> None:
        if victim.dead:
            self.underway.pop(poke.number, None)
        else:
            get_hub().scheduler.interrupt(victim, poke)

    def catch(self, poke: Poke) -> None:
        victim = self.underway.pop(poke.number, None)
        check(victim is not None, f"{poke!r} has come twice")
        check(victim is getcurrent(), f"{poke!r} for {victim!r} has come to {getcurrent()!r}")
        self.caught += 1

    def forget(self, victim: Greenlet) -> None:
        """Forget those for a greenlet that ends before it parks again."""
        for number in [number for number, each in self.underway.items() if each is victim]:
            del self.underway[number]

    def verify(self) -> None:
        check(not self.underway, f"{len(self.underway)} exceptions have never come")


class Ledger:
    """Wake-ups from native threads: which were accepted, and which have arrived."""

    def __init__(self, threads: int) -> None:
        self.numbers = itertools.count(1)
        self.jobs: deque[tuple[Waiter, int, float] | None] = deque()
        self.filled = threading.Semaphore(0)
        self.accepted: deque[int] = deque()
        self.arrived: deque[int] = deque()
        self.done = 0
        self.asked = 0
        self.answered = [0] * threads  # each thread counts its own
        self.threads = [threading.Thread(target=self.work, args=(i,), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self, me: int) -> None:
        with_hub = me % 2 == 0
        if with_hub:
            get_hub()
        while True:
            self.filled.acquire()
            job = self.jobs.popleft()
            if job is None:
                return
            waiter, number, delay = job
            if delay:
                sleep(delay) if with_hub else time.sleep(delay)
            claimed = waiter.unpark(number) if number % 3 else waiter.fail(KeyError(number))
            if claimed:
                self.accepted.append(number)
            del job, waiter  # or they would be left behind
            self.answered[me] += 1

    def wait(self, rng: random.Random) -> None:
        number = next(self.numbers)
        waiter = Waiter(self)
        self.asked += 1
        self.jobs.append((waiter, number, rng.choice((0, 0, 0, 0, 0.0001))))
        self.filled.release()
        try:
            if waiter.park(deadline_in(rng.choice((None, None, 0, 0.0001)))):
                check(waiter.value == number, f"{waiter.value!r} has come instead of {number}")
                self.arrived.append(number)
        except KeyError as error:
            check(error.args == (number,), f"{error!r} has come instead of {number}")
            self.arrived.append(number)

    def settle(self) -> None:
        """Wait, blocking, until the threads have done all that they were asked for."""
        deadline = time.monotonic() + PATIENCE
        while sum(self.answered) < self.asked and time.monotonic() < deadline:
            time.sleep(0.0001)
        check(sum(self.answered) == self.asked, "the threads do not come to an end")

    def verify(self) -> None:
        accepted, arrived = Counter(self.accepted), Counter(self.arrived)
        check(accepted == arrived, f"accepted, not arrived: {accepted - arrived}; arrived, not accepted: {arrived - accepted}")
        self.done += len(self.accepted)
        self.accepted.clear()
        self.arrived.clear()

    def close(self) -> None:
        for _ in self.threads:
            self.jobs.append(None)
            self.filled.release()
        for thread in self.threads:
            thread.join(10)
            check(not thread.is_alive(), "a thread does not end")


class Finalized:
    """Garbage whose finalizer does what finalizers should not."""

    def __init__(self, waiter: Waiter, log: list[int]) -> None:
        self.itself = self
        self.waiter = waiter
        self.log = log

    def __del__(self) -> None:
        if get_hub_if_exists() is self.waiter.scheduler.greenlet:  # and not a thread where the collector happened to start
            spawn(self.log.append, 1)
        self.waiter.unpark()


class World:
    """All actors, and what they share."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.tokens = Tokens(5)
        self.pokes = Pokes()
        self.ledger = Ledger(3)
        self.actors: list[Greenlet] = []
        self.left = 0
        self.links_due = 0
        self.links_fired = 0
        self.counts: Counter[str] = Counter()
        acts = {name: getattr(self, name) for name in dir(self) if name.startswith("act_")}
        weights = {"act_yield": 12, "act_tokens": 10, "act_call": 0.05, "act_finalizer": 0.2, "act_sleep": 2, "act_wait": 1}
        self.acts = list(acts.items())
        self.weights = list(itertools.accumulate(weights.get(name, 4) for name in acts))

    # What an actor may do.  Each may be interrupted by a poke wherever it parks.

    def act_yield(self, rng: random.Random) -> None:
        sleep(0)

    def act_sleep(self, rng: random.Random) -> None:
        sleep(rng.random() * 0.0002)

    def act_tokens(self, rng: random.Random) -> None:
        token = self.tokens.acquire(rng.choice((None, None, 0, 0.0001)))
        if token is not None:
            try:
                if rng.random() < 0.5:
                    sleep(0)
            finally:
                self.tokens.release(token)

    def act_spawn(self, rng: random.Random) -> None:
        number = rng.randrange(1000)
        check(spawn(lambda: number + 1).get() == number + 1, "a greenlet has returned something else")

    def act_spawn_raw(self, rng: random.Random) -> None:
        waiter = Waiter()
        spawn_raw(waiter.unpark, "raw")
        waiter.park()
        check(waiter.value == "raw", "a raw greenlet has handed over something else")

    def act_kill(self, rng: random.Random) -> None:
        child = spawn(self.act_tokens, random.Random(rng.random())) if rng.random() < 0.7 else spawn_later(0.0001, int)
        for _ in range(rng.randrange(3)):
            sleep(0)
        if rng.random() < 0.3:
            child.kill(block=False)
        child.kill(timeout=rng.choice((None, 5)))
        check(child.dead, "a killed greenlet lives")
        check(child.successful(), f"a killed greenlet has failed: {child.exception!r}")

    def act_hand_over(self, rng: random.Random) -> None:
        """Two greenlets that hand a number back and forth."""
        rounds = rng.randrange(1, 6)
        there, back = [[Waiter() for _ in range(rounds)] for _ in range(2)]

        def other() -> int:
            for mine, theirs in zip(there, back):
                mine.park()
                theirs.unpark(mine.value + 1)
            return rounds

        child = spawn(other)
        try:
            number = 0
            for mine, theirs in zip(back, there):
                theirs.unpark(number)
                mine.park()
                check(mine.value == number + 1, "another number has come back")
                number = mine.value
            check(child.get() == rounds, "the other one has ended early")
        finally:
            child.kill(block=False)

    def act_nest(self, rng: random.Random, depth: int = 3) -> int:
        """A greenlet that waits for one that waits for one, each ready to hand over as soon as the last is."""
        if depth == 0 or rng.random() < 0.3:
            sleep(0)
            return 0
        child = spawn(self.act_nest, rng, depth - 1)
        try:
            return child.get() + 1
        finally:
            child.kill(block=False)

    def act_timeout(self, rng: random.Random) -> None:
        with Timeout(rng.choice((0, 0.0001, 5)), False) as outer:
            with move_on_after(rng.choice((0, 0.0001, 5))) as inner:
                try:
                    self.act_tokens(rng)
                    sleep(0.0001)
                except Timeout as error:
                    check(error is outer, f"{error!r} has come instead of {outer!r}")
                    raise
            check(not inner.expired or inner.deadline <= get_hub().scheduler.now(), "a deadline has passed early")

    def act_shield(self, rng: random.Random) -> None:
        try:
            with shield():
                for _ in range(rng.randrange(3)):
                    sleep(0)
        except Poke:
            raise Violation("a poke has come through a shield") from None

    def act_poke(self, rng: random.Random) -> None:
        victim = rng.choice(self.actors)
        if victim:
            self.pokes.throw(victim)

    def act_thread(self, rng: random.Random) -> None:
        self.ledger.wait(rng)

    def act_call(self, rng: random.Random) -> None:
        number = rng.randrange(1000)
        check(call_in_thread(lambda: number) == number, "a call has returned something else")

    def act_link(self, rng: random.Random) -> None:
        child = spawn(sleep, 0)
        for link in (child.rawlink, child.link):
            self.links_due += 1
            link(self.fired)
        if rng.random() < 0.5:
            child.kill(block=False)
        child.join()

    def fired(self, source: Greenlet) -> None:
        check(source.ready(), "a link has fired early")
        self.links_fired += 1

    def act_wait(self, rng: random.Random) -> None:
        children = [spawn(sleep, rng.random() * 0.0002) for _ in range(rng.randrange(1, 6))]
        try:
            way = rng.randrange(4)
            if way == 0:
                check(len(joinall(children)) == len(children), "not all have come")
            elif way == 1:
                joinall(children, count=1, timeout=5)
            elif way == 2:
                with iwait(children, timeout=5) as ready:
                    check(next(ready).ready(), "one has come early")
            else:
                joinall(children, timeout=0.0001)
        finally:
            killall(children, block=False)

    def act_finalizer(self, rng: random.Random) -> None:
        waiter, log = Waiter(), []
        Finalized(waiter, log)
        if rng.random() < 0.1:
            gc.collect()
            waiter.park()
            sleep(0)
        else:
            waiter.park(deadline_in(0))

    # The play

    def act(self, seed: float) -> None:
        """One actor's part."""
        rng = random.Random(seed)
        me = getcurrent()
        try:
            while self.left > 0:
                self.left -= 1
                name, act = rng.choices(self.acts, cum_weights=self.weights)[0]
                self.counts[name] += 1
                try:
                    act(rng)
                except Poke as poke:
                    self.pokes.catch(poke)
        finally:
            self.pokes.forget(me)

    def round(self, operations: int) -> None:
        self.left = operations
        self.actors = [spawn(self.act, self.rng.random()) for _ in range(ACTORS)]
        for actor in self.actors:
            actor.name = "actor"
        patience = PATIENCE * max(1.0, operations / 100_000)
        finished = joinall(self.actors, timeout=patience, raise_error=True)
        check(len(finished) == ACTORS, f"not everybody has come to the end\n{explain(get_hub())}")
        self.actors.clear()
        self.verify()

    def verify(self) -> None:
        hub = get_hub()
        check(hub.join(PATIENCE), "something goes on for ever")
        gc.collect()
        idle()
        self.ledger.settle()
        check(hub.join(PATIENCE), "something goes on for ever")
        scheduler = hub.scheduler
        for name in ("ready", "deadlines", "postponed", "shielded", "unswitchable"):
            check(len(getattr(scheduler, name)) == 0, f"left behind: {name}")
        check(scheduler.outside == 0, f"{scheduler.outside} calls are still under way")
        self.tokens.verify()
        self.pokes.verify()
        self.ledger.verify()
        check(self.links_fired == self.links_due, f"{self.links_due} links were due, {self.links_fired} have fired")


def census() -> Counter[str]:
    """Count the objects of core by type."""
    gc.collect()
    idle()
    objects = gc.get_objects()
    kinds = (type(each) for each in objects)
    counts = Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("hublet.core"))
    for each in objects:
        if type(each) is Scheduler:  # which may keep one of each for the next wait
            counts["Waiter"] -= (each.spare is not None) + (each.spare_turn is not None)
            counts["Start"] -= gc.is_tracked(each.spare_start)  # most are hidden from the collector
            counts["Timer"] -= each.spare_timer is not None
    return counts


def memory() -> int:
    """Return the bytes of memory that this process uses; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def silence(context: object, kind: type, value: BaseException, traceback: object) -> None:
    """Take errors of greenlets: only a violation is one; pokes and exits are part of the play."""
    if not isinstance(value, (Poke, GreenletExit, Timeout)):
        failures.append(value)


failures: list[BaseException] = []


def run(operations: int, seed: int) -> None:
    """Play all rounds.  Raises `Violation`."""
    get_hub().handle_error = silence
    call_in_thread(int)  # the first makes what the others use
    world = World(seed)
    size = max(1, operations // ROUNDS)
    base: Counter[str] = Counter()
    settled = 0
    started = time.perf_counter()
    for number in range(ROUNDS):
        world.round(size)
        if failures:
            raise failures[0]
        now = census()
        if number == 1:
            base = now
        grown = now - base
        check(number < 2 or not grown, f"grown since the second round, in round {number}: {dict(grown)}")
        if number == ROUNDS // 3:
            settled = memory()
    seconds = time.perf_counter() - started
    used = memory()
    check(used <= settled * 1.1 + (8 << 20), f"memory has grown from {settled >> 20} to {used >> 20} MiB since warm-up")
    world.ledger.close()
    done = sum(world.counts.values())
    print(
        f"{done:,} operations in {seconds:.1f} s, {done / seconds:,.0f} a second; "
        f"{world.pokes.caught:,} exceptions, {world.ledger.done:,} wake-ups from threads, {used >> 20} MiB"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Do everything at once, at random, and look whether anything is lost.")
    parser.add_argument("operations", nargs="?", type=lambda text: int(float(text)), default=10**5)
    parser.add_argument("--seed", type=int, default=None, help="a number, to look for a failure again")
    parser.add_argument("--loop", default=None, help="the loop to use; default as configured")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    if options.loop is not None:
        config.loop = options.loop
    sys.setswitchinterval(1e-4)
    faulthandler.enable()
    check(get_hub_if_exists() is None, "core has made a hub without being asked")
    build = "compiled" if compiled else "interpreted"
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"seed {seed}, loop {get_hub().loop.name}, {build}, Python {python}", flush=True)
    try:
        run(options.operations, seed)
    except BaseException:
        print(f"failed with --seed {seed}", file=sys.stderr)
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())

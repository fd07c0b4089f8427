"""Random programs, run against the primitives and against a model of what they should do.

A program is a list of steps that one greenlet, the driver, takes.  Whoever waits is a greenlet of its own.  Nothing else runs
until the driver settles, so several things can happen to somebody who waits before it notices any of them: it is handed
something, is killed, and its time is up.  One model is enough, since all that wait for something wait in the same way.
"""

from __future__ import annotations

from collections import deque

import hypothesis
import pytest
from hypothesis import strategies as st

from hublet.core import GreenletExit, kill, killall, sleep, spawn
from hublet.core.testing import fake_clock, wait_all_parked
from hublet.sync import (
    BrokenResourceError,
    CapacityLimiter,
    Channel,
    ClosedResourceError,
    Condition,
    Empty,
    EndOfChannel,
    Full,
    Lock,
    Queue,
    Semaphore,
    SimpleQueue,
    open_channel,
)


class Someone:
    """A greenlet that waits, in the program and in the model."""

    def __init__(self, item=None, deadline=None):
        self.item = item
        self.deadline = deadline
        self.end = None  # of a channel, where it waits
        self.killed = False  # and has not noticed
        self.expected = "waiting"
        self.found = "waiting"
        self.greenlet = None


class Model:
    """What should happen: items, room for *size* of them, and two lines."""

    def __init__(self, size, keeps=True):
        self.size = size
        self.keeps = keeps  # or what nobody waits for is gone
        self.items = deque()
        self.getters = deque()
        self.putters = deque()

    def put(self, someone, waits):
        if self.getters:
            self.getters.popleft().expected = ("got", someone.item)
            someone.expected = "put"
        elif len(self.items) < self.size:
            if self.keeps:
                self.items.append(someone.item)
            someone.expected = "put"
        elif waits:
            self.putters.append(someone)
        else:
            someone.expected = "full"

    def get(self, someone, waits):
        if self.items:
            someone.expected = ("got", self.items.popleft())
            if self.putters:
                putter = self.putters.popleft()
                putter.expected = "put"
                self.items.append(putter.item)
        elif self.putters:
            putter = self.putters.popleft()
            putter.expected = "put"
            someone.expected = ("got", putter.item)
        elif waits:
            self.getters.append(someone)
        else:
            someone.expected = "empty"

    def settle(self, now):
        """Let those who were killed, or whose time is up, notice, unless they have been served."""
        for line, late in ((self.getters, "empty"), (self.putters, "full")):
            for someone in list(line):
                if someone.killed:
                    someone.expected = "killed"
                elif someone.deadline is not None and someone.deadline <= now:
                    someone.expected = late
                else:
                    continue
                line.remove(someone)


class End:
    """What the model knows of one end of a channel."""

    def __init__(self):
        self.is_open = True


class ModelOfEnds(Model):
    """What should happen: items as in a queue, as long as there are senders and receivers."""

    def __init__(self, capacity):
        Model.__init__(self, capacity)
        self.ends = {"sender": [End()], "receiver": [End()]}  # those that are open, or the last that was

    def is_open(self, kind):
        return self.ends[kind][-1].is_open

    def put(self, someone, waits):
        someone.end = self.ends["sender"][-1]
        if not self.is_open("sender"):
            someone.expected = "closed"
        elif not self.is_open("receiver"):
            someone.expected = "broken"
        else:
            Model.put(self, someone, waits)

    def get(self, someone, waits):
        someone.end = self.ends["receiver"][-1]
        if not self.is_open("receiver"):
            someone.expected = "closed"
        elif not self.items and not self.is_open("sender"):
            someone.expected = "end"
        else:
            Model.get(self, someone, waits)

    def clone(self, kind):
        """Return whether there is one to clone."""
        if self.is_open(kind):
            self.ends[kind].append(End())
            return True
        return False

    def close(self, kind, index):
        ends = self.ends[kind]
        end = ends[index % len(ends)]
        end.is_open = False
        if len(ends) > 1:
            ends.remove(end)
            return
        if kind == "receiver":
            self.items.clear()
        for line, outcome in ((self.putters, "broken"), (self.getters, "end")):
            for someone in line:
                someone.expected = outcome if someone.end.is_open else "closed"
            line.clear()


class ModelOfLimiter:
    """What should happen: *total* tokens, which are lent to those who ask, in turn."""

    def __init__(self, total):
        self.total = total
        self.asked = 0
        self.borrowers = []
        self.aware = []  # of having borrowed; only they can give back
        self.line = deque()

    def get(self, someone, waits):
        self.asked += 1
        someone.item = self.asked
        if len(self.borrowers) < self.total:
            self.lend(someone)
            self.aware.append(someone)
        elif waits:
            self.line.append(someone)
        else:
            someone.expected = "empty"

    def put(self, someone, waits):
        if self.aware:
            self.borrowers.remove(self.aware.pop(0))
            self.serve()
        someone.expected = "put"

    def resize(self, total):
        self.total = total
        self.serve()

    def serve(self):
        while self.line and len(self.borrowers) < self.total:
            self.lend(self.line.popleft())

    def lend(self, someone):
        self.borrowers.append(someone)
        someone.expected = ("got", someone.item)

    def settle(self, now):
        """Let those who were killed, or whose time is up, notice, and the others that they were served."""
        self.aware = list(self.borrowers)
        for someone in list(self.line):
            if someone.killed:
                someone.expected = "killed"
            elif someone.deadline is not None and someone.deadline <= now:
                someone.expected = "empty"
            else:
                continue
            self.line.remove(someone)


class OfQueue:
    """A queue or a channel."""

    def __init__(self, queue, size):
        self.queue = queue
        self.model = Model(size)

    def put(self, item, waits, timeout):
        self.queue.put(item, waits, timeout if waits else None)

    def get(self, waits, timeout):
        return self.queue.get(waits, timeout if waits else None)

    def check(self):
        if hasattr(self.queue, "queue"):
            assert list(self.queue.queue) == list(self.model.items)
        assert self.queue.qsize() == len(self.model.items)


class OfEnds:
    """A channel with any number of ends, of which the newest of each kind is used."""

    def __init__(self, capacity):
        sender, receiver = open_channel(capacity)
        self.ends = {"sender": [sender], "receiver": [receiver]}  # those that are open, or the last that was
        self.model = ModelOfEnds(capacity)

    def put(self, item, waits, timeout):
        self.ends["sender"][-1].send(item, waits, timeout if waits else None)

    def get(self, waits, timeout):
        return self.ends["receiver"][-1].receive(waits, timeout if waits else None)

    def clone(self, kind):
        try:
            self.ends[kind].append(self.ends[kind][-1].clone())
            found = True
        except ClosedResourceError:
            found = False
        assert found == self.model.clone(kind)

    def close(self, kind, index):
        ends = self.ends[kind]
        end = ends[index % len(ends)]
        end.close()
        if len(ends) > 1:
            ends.remove(end)
        self.model.close(kind, index)

    def check(self):
        """Look at nothing: what is stored shows in what is received."""


class OfSemaphore:
    """A semaphore: tokens are items, and there is room for all."""

    def __init__(self, semaphore):
        self.semaphore = semaphore
        self.model = Model(10**6)
        self.model.items.extend([None] * semaphore.counter)

    def put(self, item, waits, timeout):
        self.semaphore.release()

    def get(self, waits, timeout):
        if not self.semaphore.acquire(waits, timeout if waits else None):
            raise Empty

    def check(self):
        assert self.semaphore.counter == len(self.model.items)


class OfCondition:
    """A condition: notifications are items, and nobody keeps them."""

    def __init__(self, condition):
        self.condition = condition
        self.model = Model(10**6, keeps=False)

    def put(self, item, waits, timeout):
        with self.condition:
            self.condition.notify()

    def get(self, waits, timeout):
        with self.condition:
            if not waits or not self.condition.wait(timeout):
                raise Empty

    def check(self):
        assert self.condition.acquire(False)
        self.condition.release()


class OfLimiter:
    """A limiter: getting is borrowing in a name of one's own, and putting is giving back what was lent first."""

    def __init__(self, total):
        self.limiter = CapacityLimiter(total)
        self.model = ModelOfLimiter(total)
        self.asked = 0

    def put(self, item, waits, timeout):
        borrowers = self.limiter.statistics().borrowers
        if borrowers:
            self.limiter.release_on_behalf_of(borrowers[0])

    def get(self, waits, timeout):
        self.asked += 1
        name = self.asked
        if not self.limiter.acquire_on_behalf_of(name, waits, timeout if waits else None):
            raise Empty
        return name

    def resize(self, total):
        self.limiter.total_tokens = total
        self.model.resize(total)

    def check(self):
        borrowers = tuple(each.item for each in self.model.borrowers)
        assert self.limiter.statistics() == (len(borrowers), self.model.total, borrowers, len(self.model.line))


MAKERS = {
    "Queue(1)": lambda: OfQueue(Queue(1), 1),
    "Queue(3)": lambda: OfQueue(Queue(3), 3),
    "Queue": lambda: OfQueue(Queue(), 10**6),
    "SimpleQueue": lambda: OfQueue(SimpleQueue(), 10**6),
    "Channel": lambda: OfQueue(Channel(), 0),
    "Semaphore(0)": lambda: OfSemaphore(Semaphore(0)),
    "Semaphore(2)": lambda: OfSemaphore(Semaphore(2)),
    "Condition": lambda: OfCondition(Condition()),
    "Condition(Lock)": lambda: OfCondition(Condition(Lock())),
}
TIMEOUTS = st.one_of(st.none(), st.integers(0, 5))
STEPS = st.one_of(
    st.tuples(st.just("get"), TIMEOUTS),
    st.tuples(st.just("put"), TIMEOUTS),
    st.tuples(st.just("get now")),
    st.tuples(st.just("put now")),
    st.tuples(st.just("kill"), st.integers(0, 9)),
    st.tuples(st.just("jump"), st.integers(1, 4)),
    st.tuples(st.just("settle")),
)


class Program:
    """The driver of one program."""

    def __init__(self, subject, clock):
        self.subject = subject
        self.clock = clock
        self.everyone = []
        self.next_item = 0

    def run(self, steps):
        try:
            for name, *arguments in steps:
                getattr(self, name.replace(" ", "_"))(*arguments)
            self.settle()
        finally:
            killall([each.greenlet for each in self.everyone if each.greenlet is not None])

    def settle(self):
        wait_all_parked()
        sleep(0)
        wait_all_parked()
        self.subject.model.settle(self.clock.now())
        assert [each.found for each in self.everyone] == [each.expected for each in self.everyone]
        self.subject.check()

    def someone(self, timeout=None):
        self.next_item += 1
        new = Someone(self.next_item, None if timeout is None else self.clock.now() + timeout)
        self.everyone.append(new)
        return new

    def attempt(self, someone, function):
        try:
            someone.found = function()
        except Empty:
            someone.found = "empty"
        except Full:
            someone.found = "full"
        except ClosedResourceError:
            someone.found = "closed"
        except BrokenResourceError:
            someone.found = "broken"
        except EndOfChannel:
            someone.found = "end"
        except GreenletExit:
            someone.found = "killed"

    def put_item(self, someone, waits, timeout=None):
        self.subject.put(someone.item, waits, timeout)
        return "put"

    def get_item(self, waits, timeout=None):
        return "got", self.subject.get(waits, timeout)

    def get(self, timeout):
        self.settle()
        new = self.someone(timeout)
        self.subject.model.get(new, waits=True)
        new.greenlet = spawn(self.attempt, new, lambda: self.get_item(True, timeout))
        self.settle()  # with no time at all, it is up now

    def put(self, timeout):
        self.settle()
        new = self.someone(timeout)
        self.subject.model.put(new, waits=True)
        new.greenlet = spawn(self.attempt, new, lambda: self.put_item(new, True, timeout))
        self.settle()

    def get_now(self):
        new = self.someone()
        self.subject.model.get(new, waits=False)
        self.attempt(new, lambda: self.get_item(False))

    def put_now(self):
        new = self.someone()
        self.subject.model.put(new, waits=False)
        self.attempt(new, lambda: self.put_item(new, False))

    def kill(self, index):
        waiting = [each for each in self.everyone if each.greenlet is not None and not each.greenlet.ready()]
        if waiting:
            victim = waiting[index % len(waiting)]
            victim.killed = True
            kill(victim.greenlet)

    def resize(self, total):
        self.subject.resize(total)

    def clone(self, kind):
        self.subject.clone(kind)

    def close(self, kind, index):
        self.subject.close(kind, index)
        self.settle()  # or what somebody who waits would be told might depend on what is closed next

    def jump(self, seconds):
        """Let time pass without the hub noticing."""
        self.clock.advance(seconds)


@pytest.mark.parametrize("kind", MAKERS)
@hypothesis.settings(max_examples=120, deadline=None, derandomize=True)
@hypothesis.given(steps=st.lists(STEPS, max_size=25))
def test_every_program_does_what_the_model_does(kind, steps):
    with fake_clock() as clock:
        subject = MAKERS[kind]()
        if isinstance(subject, (OfSemaphore, OfCondition)):
            # What they hand out has no identity.
            for name in ("put", "get"):
                original = getattr(subject.model, name)
                setattr(subject.model, name, lambda someone, waits, original=original: original(nameless(someone), waits))
        Program(subject, clock).run(steps)


@hypothesis.settings(max_examples=250, deadline=None, derandomize=True)
@hypothesis.given(
    total=st.integers(0, 3), steps=st.lists(st.one_of(STEPS, st.tuples(st.just("resize"), st.integers(0, 3))), max_size=25)
)
def test_every_program_of_borrowers_does_what_the_model_does(total, steps):
    with fake_clock() as clock:
        Program(OfLimiter(total), clock).run(steps)


KINDS_OF_ENDS = st.sampled_from(["sender", "receiver"])


@hypothesis.settings(max_examples=250, deadline=None, derandomize=True)
@hypothesis.given(
    capacity=st.integers(0, 2),
    steps=st.lists(
        st.one_of(
            STEPS,
            st.tuples(st.just("clone"), KINDS_OF_ENDS),
            st.tuples(st.just("close"), KINDS_OF_ENDS, st.integers(0, 3)),
        ),
        max_size=25,
    ),
)
def test_every_program_of_ends_does_what_the_model_does(capacity, steps):
    with fake_clock() as clock:
        Program(OfEnds(capacity), clock).run(steps)


def nameless(someone):
    someone.item = None
    return someone

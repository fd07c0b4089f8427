"""Every step of every operation, with another thread, a signal handler or a finalizer coming in just there."""

from __future__ import annotations

import dis
import inspect

import pytest

from hublet.core import compiled
from hublet.core.lowlevel import Waiter
from hublet.sync import AsyncResult, BoundedSemaphore, Event, Lock, Queue, RLock, Semaphore

TOKENS = {
    "Semaphore": lambda: Semaphore(1),
    "BoundedSemaphore": lambda: BoundedSemaphore(1),
    "Lock": Lock,
}
LOCKS = {**TOKENS, "RLock": RLock}


def taken(make):
    def made():
        subject = make()
        subject.acquire()
        return subject

    return made


@pytest.mark.parametrize("kind", TOKENS)
def test_a_release_in_the_middle_of_an_acquire_is_noticed(kind, interleaved):
    def check(subject, acquired, _):
        assert acquired is True
        assert subject.acquire(False) is False

    interleaved(taken(TOKENS[kind]), lambda s: s.acquire(), lambda s: s.release(), check)


@pytest.mark.parametrize("kind", TOKENS)
def test_one_token_is_taken_by_one_of_two(kind, interleaved):
    def check(subject, first, second):
        assert {first, second} == {True, False}
        subject.release()
        assert subject.acquire(False) is True

    interleaved(TOKENS[kind], lambda s: s.acquire(False), lambda s: s.acquire(False), check)


@pytest.mark.parametrize("kind", TOKENS)
def test_two_releases_give_two_tokens(kind, interleaved):
    def make():
        subject = Semaphore(2) if kind == "Semaphore" else BoundedSemaphore(2)
        subject.acquire()
        subject.acquire()
        return subject

    interleaved(make, lambda s: s.release(), lambda s: s.release(), lambda s, *_: eq(s.counter, 2))


def eq(one, other):
    assert one == other


def test_a_bounded_semaphore_counts_exactly(interleaved):
    def release(semaphore):
        try:
            semaphore.release()
        except ValueError:
            return "refused"
        return "released"

    def check(semaphore, first, second):
        assert {first, second} == {"released", "refused"}
        assert semaphore.counter == 1

    interleaved(taken(TOKENS["BoundedSemaphore"]), release, release, check)


@pytest.mark.parametrize("kind", LOCKS)
def test_who_joins_the_line_in_the_middle_of_a_release_is_served(kind, interleaved):
    def use(lock):
        lock.acquire()
        lock.release()

    def intrude(lock):
        interleaved.beside(lambda: use(lock), lambda: len(lock._line))

    interleaved(LOCKS[kind], use, intrude, lambda lock, *_: eq(lock.acquire(False), True))


class Quitter:
    """A lock, and somebody in its line who may give up."""

    def __init__(self, lock):
        self.lock = lock
        self.waiter = Waiter()
        self.lock._line.add(self.waiter)
        self.got = []

    def gives_up(self):
        return self.waiter.unpark("gave up")

    def use_lock(self):
        self.lock.acquire()
        self.lock.release()


@pytest.mark.parametrize("kind", LOCKS)
def test_a_token_for_somebody_who_gives_up_is_not_lost(kind, interleaved):
    interleaved(
        lambda: Quitter(LOCKS[kind]()),
        Quitter.use_lock,
        Quitter.gives_up,
        lambda quitter, _, gave_up: eq(quitter.lock.acquire(False), gave_up),
    )


@pytest.mark.parametrize("kind", LOCKS)
def test_a_token_for_somebody_who_gives_up_goes_to_who_came_meanwhile(kind, interleaved):
    def intrude(quitter):
        lock = quitter.lock
        gave_up = quitter.gives_up()
        if gave_up:
            length = len(lock._line)
            interleaved.beside(
                lambda: (lock.acquire(), lock.release(), quitter.got.append(True)),
                lambda: len(lock._line) > length or quitter.got,
            )
        return gave_up

    interleaved(
        lambda: Quitter(LOCKS[kind]()),
        Quitter.use_lock,
        intrude,
        lambda quitter, _, gave_up: eq((quitter.got, quitter.lock.acquire(False)), ([True] * gave_up, gave_up)),
    )


def test_links_fire_whoever_makes_the_token_free(interleaved):
    called = []

    def make():
        semaphore = Semaphore(0)
        called.clear()
        return semaphore

    def link(semaphore):
        semaphore.rawlink(called.append)

    interleaved(make, lambda s: s.release(), link, lambda s, *_: eq(called, [s]))
    interleaved(make, link, lambda s: s.release(), lambda s, *_: eq(called, [s]))


def test_a_link_that_is_fired_twice_is_called_once(interleaved):
    called = []

    def make():
        event = Event()
        called.clear()
        event.rawlink(called.append)
        return event

    def make_in_thread():
        # Linked where there is no hub, so that setting calls it at once.
        made = []
        interleaved.beside(lambda: made.append(make()), lambda: False)
        return made[0]

    interleaved(make_in_thread, lambda e: e.set(), lambda e: e.set(), lambda e, *_: eq(called, [e]))


def test_an_rlock_is_taken_by_one_of_two(interleaved):
    # Not through `acquire`: a thread that ends and still has a lock may leave it to whoever has its address next.
    def check(lock, first, second):
        assert (lock._owner, first, second) in [(5, True, False), (7, False, True)]

    interleaved(RLock, lambda lock: lock._take(5), lambda lock: lock._take(7), check)


def test_a_release_in_the_middle_of_acquiring_an_rlock_is_noticed(interleaved):
    class Held:
        """A lock that another thread has until it is told otherwise."""

        def __init__(self):
            self.lock = RLock()
            self.release, self.holding = Event(), Event()
            interleaved.beside(self.hold, self.holding.is_set)

        def hold(self):
            self.lock.acquire()
            self.holding.set()
            self.release.wait()
            self.lock.release()

    def let_go(held):
        holder = interleaved.threads[0]
        held.release.set()
        holder.join()

    def use(held):
        acquired = held.lock.acquire()
        held.lock.release()
        return acquired

    interleaved(Held, use, let_go, lambda held, acquired, _: eq((acquired, held.lock.locked()), (True, False)))


def test_an_rlock_may_be_used_by_a_handler_that_interrupts_its_use(interleaved):
    def use(lock):
        with lock, lock:
            return lock._recursion_count()

    def check(lock, count, others_count):
        assert (count, lock.locked()) == (2, False)
        assert others_count in (2, 3, 4)

    interleaved(RLock, use, use, check)


def test_setting_in_the_middle_of_waiting_is_noticed(interleaved):
    interleaved(Event, lambda e: e.wait(), lambda e: e.set(), lambda _, waited, __: eq(waited, True))
    interleaved(AsyncResult, lambda r: r.get(), lambda r: r.set(5), lambda _, got, __: eq(got, 5))
    interleaved(AsyncResult, lambda r: r.wait(), lambda r: r.set(5), lambda _, got, __: eq(got, 5))


def test_waiting_in_the_middle_of_setting_is_noticed(interleaved):
    def wait(event):
        interleaved.beside(event.wait, lambda: len(event._line))

    interleaved(Event, lambda e: e.set(), wait, lambda *_: None)
    def wait_for_result(result):
        interleaved.beside(result.wait, lambda: result._first)

    interleaved(AsyncResult, lambda r: r.set(5), wait_for_result, lambda *_: None)


def test_waiting_for_a_token_without_taking_it_notices_a_release(interleaved):
    interleaved(
        lambda: Semaphore(0), lambda s: s.wait(), lambda s: s.release(), lambda s, *free: eq((free, s.counter), ((1, None), 1))
    )


# The lines that the above takes for one step, since it comes in between lines only

STEPS = [
    (Semaphore._take if not compiled else None, "free, self._free = self._free, self._free - (self._free > 0)"),
    (Semaphore._give if not compiled else None, "free, self._free = self._free, self._free + (self._free < self._bound)"),
    (RLock._take if not compiled else None, "owner, self._owner = self._owner, self._owner + who * (self._owner == 0)"),
    (BoundedSemaphore._settle if not compiled else None, "self._free += 1"),
    (Queue._add_room if not compiled else None, "self._room += more"),
]
HARMLESS = (
    *("LOAD_", "STORE_", "ROT_", "SWAP", "COPY", "DUP_", "NOP", "EXTENDED_ARG", "CACHE"),
    *("COMPARE_", "BINARY_", "INPLACE_"),  # of integers, which call nothing
)


@pytest.mark.skipif(compiled, reason="compiled, it is plain C under the lock that CPython holds")
@pytest.mark.parametrize(("function", "text"), STEPS)
def test_what_is_counted_in_one_line_is_counted_in_one_step(function, text):
    """The interpreter lets others in only where it calls, resumes or jumps back."""
    lines, first = inspect.getsourcelines(function)
    (place,) = [i for i, line in enumerate(lines) if line.strip() == text]

    names, line = [], None
    for instruction in dis.get_instructions(function):
        if instruction.starts_line is not None and instruction.starts_line is not False:
            line = getattr(instruction, "line_number", None) or instruction.starts_line
        if line == first + place:
            names.append(instruction.opname)

    load = next(i for i, name in enumerate(names) if name.startswith("LOAD_ATTR"))
    store = max(i for i, name in enumerate(names) if name.startswith("STORE_ATTR"))
    for name in names[load : store + 1]:
        assert name.startswith(HARMLESS) and "CALL" not in name, names

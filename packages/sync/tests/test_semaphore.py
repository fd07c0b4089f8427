"""So many tokens, and a fair line for them."""

from __future__ import annotations

import time

import pytest

from hublet.core import GreenletExit, Timeout, kill, killall, sleep, spawn, spawn_later, wait
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.sync import BoundedSemaphore, DummySemaphore, Lock, Semaphore

KINDS = [Semaphore, BoundedSemaphore]


def waiting(semaphore, number: int, timeout: float | None = None) -> list:
    greenlets = []
    for _ in range(number):
        greenlets.append(spawn(semaphore.acquire, True, timeout))
        wait_all_parked()
    return greenlets


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_can_be_taken_until_none_is_free(kind):
    semaphore = kind(2)

    with assert_no_switch():
        assert semaphore.acquire() is True
        assert semaphore.ready() and not semaphore.locked() and semaphore.counter == 1
        assert semaphore.acquire() is True
        assert semaphore.acquire(False) is False

    assert not semaphore.ready() and semaphore.locked() and semaphore.counter == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_goes_to_the_first_in_line_and_to_nobody_else(kind):
    semaphore = kind(1)
    semaphore.acquire()
    first, second = waiting(semaphore, 2)

    semaphore.release()

    assert semaphore.acquire(False) is False
    assert first.get() is True
    assert not second.ready()
    semaphore.release()
    assert second.get() is True


def test_several_tokens_can_be_given_back_at_once():
    semaphore = Semaphore(0)
    greenlets = waiting(semaphore, 2)

    semaphore.release(3)

    assert [each.get() for each in greenlets] == [True, True]
    assert semaphore.counter == 1
    with pytest.raises(ValueError, match="one or more"):
        semaphore.release(0)


@pytest.mark.parametrize("kind", KINDS)
def test_acquiring_times_out_with_false(kind, clock: FakeClock):
    semaphore = kind(1)
    semaphore.acquire()
    start = clock.now()

    assert semaphore.acquire(timeout=3) is False

    assert clock.now() == start + 3


def test_who_times_out_loses_no_token(clock: FakeClock):
    semaphore = Semaphore(0)
    (greenlet,) = waiting(semaphore, 1, timeout=1)
    # At the moment at which the time is up, but before the greenlet has noticed.
    spawn_later(1, semaphore.release)

    assert greenlet.get() is False
    wait_all_parked()

    assert semaphore.counter == 1


def test_who_is_killed_in_line_loses_no_token():
    semaphore = Semaphore(0)
    first, second = waiting(semaphore, 2)

    first.kill()
    semaphore.release()

    assert second.get() is True


def test_who_is_killed_after_getting_a_token_has_it():
    semaphore, log = Semaphore(0), []

    def take() -> None:
        log.append(semaphore.acquire())
        try:
            sleep(100)
        except GreenletExit:
            semaphore.release()

    greenlet = spawn(take)
    wait_all_parked()
    semaphore.release()
    kill(greenlet)
    greenlet.join()

    assert log == [True]
    assert semaphore.counter == 1


def test_a_timeout_without_blocking_makes_no_sense():
    with pytest.raises(ValueError, match="non-blocking"):
        Semaphore().acquire(False, timeout=1)


def test_a_semaphore_cannot_begin_with_less_than_nothing():
    with pytest.raises(ValueError, match=">= 0"):
        Semaphore(-1)


def test_a_semaphore_is_a_context_manager():
    semaphore = Semaphore(1)

    with pytest.raises(KeyError), semaphore:
        assert semaphore.counter == 0
        raise KeyError

    assert semaphore.counter == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_bounded_semaphore_refuses_what_it_never_gave(number):
    semaphore = BoundedSemaphore(2)
    semaphore.acquire()

    if number == 1:
        semaphore.release()
    with pytest.raises(ValueError, match="too many"):
        semaphore.release(number)

    assert semaphore.counter == (2 if number == 1 else 1)


def test_tokens_can_be_given_back_in_the_hub(in_hub):
    semaphore = Semaphore(0)
    (greenlet,) = waiting(semaphore, 1)

    in_hub(semaphore.release)

    assert greenlet.get() is True


def test_an_outer_timeout_passes_through_by_identity(clock: FakeClock):
    timeout = Timeout.start_new(1)

    with pytest.raises(Timeout) as caught:
        Semaphore(0).acquire()

    assert caught.value is timeout


# Waiting without taking, and links


def test_waiting_takes_nothing_and_returns_how_many_are_free(clock: FakeClock):
    semaphore = Semaphore(2)
    assert semaphore.wait() == 2
    semaphore.acquire()
    semaphore.acquire()
    assert semaphore.wait(1) == 0

    greenlets = [spawn(semaphore.wait) for _ in range(2)]
    wait_all_parked()
    semaphore.release()

    assert [each.get() for each in greenlets] == [1, 1]
    assert semaphore.counter == 1


def test_a_link_to_a_semaphore_that_is_ready_is_called_soon():
    semaphore, called = Semaphore(1), []

    semaphore.rawlink(called.append)

    assert called == []
    wait_all_parked()
    assert called == [semaphore]


def test_each_release_calls_the_links_that_are_there():
    semaphore, called = Semaphore(0), []

    semaphore.rawlink(lambda _: called.append("first"))
    semaphore.release()
    semaphore.rawlink(lambda _: called.append("second"))
    semaphore.release()
    wait_all_parked()

    assert sorted(called) == ["first", "second"]


def test_a_link_is_called_only_while_a_token_is_free():
    semaphore, called = Semaphore(0), []
    semaphore.rawlink(called.append)

    semaphore.release()
    semaphore.acquire()
    wait_all_parked()
    assert called == []

    semaphore.release()
    wait_all_parked()
    assert called == [semaphore]


def test_a_token_for_who_waits_is_no_news_to_a_link():
    semaphore, called = Semaphore(0), []
    semaphore.rawlink(called.append)
    (greenlet,) = waiting(semaphore, 1)

    semaphore.release()
    greenlet.join()

    assert called == []
    semaphore.unlink(called.append)
    semaphore.release()
    wait_all_parked()
    assert called == []


def test_semaphores_can_be_waited_for_together():
    first, second = Semaphore(0), Semaphore(0)
    spawn(second.release)

    assert wait([first, second], count=1) == [second]


# No limit


def test_a_dummy_never_waits(in_hub):
    semaphore, called = DummySemaphore(5), []

    with assert_no_switch(), semaphore:
        assert semaphore.acquire(False) is True
        assert semaphore.wait(0) == 1
        semaphore.release()
    assert semaphore.ready() and not semaphore.locked() and semaphore.counter == 1

    semaphore.rawlink(called.append)
    semaphore.unlink(called.append)
    wait_all_parked()
    assert called == [semaphore]


# Threads


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tokens", [1, 3])
def test_tokens_are_neither_lost_nor_doubled_between_threads(kind, tokens, everywhere):
    semaphore, inside, most = kind(tokens), [], []

    def use() -> None:
        for i in range(50):
            if i % 5 == 4:
                taken = semaphore.acquire(timeout=0.0001)
            else:
                taken = semaphore.acquire(blocking=i % 3 > 0)
            if not taken:
                continue
            inside.append(None)
            most.append(len(inside))
            if i % 2:
                time.sleep(0)  # let other threads in
            inside.pop()
            semaphore.release()

    everywhere(use)

    assert semaphore.counter == tokens
    assert max(most) <= tokens


def test_a_thread_without_a_hub_makes_none(in_threads):
    semaphore, hubs = Semaphore(0), []

    def use() -> None:
        with semaphore:
            hubs.append(get_hub_if_exists())

    in_threads(use, use, semaphore.release)

    assert hubs == [None, None]
    assert semaphore.counter == 1


def test_threads_release_to_greenlets_and_back(in_threads):
    there, back, n = Semaphore(0), Semaphore(0), 2000

    def first() -> None:
        for _ in range(n):
            there.release()
            back.acquire()

    def second() -> None:
        for _ in range(n):
            there.acquire()
            back.release()

    in_threads(lambda: spawn(first).get(), second)
    in_threads(lambda: spawn(first).get(), lambda: spawn(second).get())

    assert there.counter == back.counter == 0


def test_kills_at_random_moments_lose_no_token(everywhere):
    semaphore = Semaphore(2)

    def use() -> None:
        try:
            while True:
                if semaphore.acquire(timeout=0.001):
                    try:
                        sleep(0)
                    finally:
                        semaphore.release()
        except GreenletExit:
            pass

    def stress() -> None:
        if get_hub_if_exists() is None:
            for _ in range(200):
                semaphore.acquire()
                semaphore.release()
            return
        victims = [spawn(use) for _ in range(5)]
        for _ in range(10):
            sleep(0)
        killall(victims)

    everywhere(stress)

    assert semaphore.counter == 2


def test_its_repr_counts_tokens():
    assert repr(Semaphore(3)).endswith(": value=3>")
    assert repr(BoundedSemaphore(3)).endswith(": value=3/3>")
    assert "Lock" in repr(Lock())

"""Waiting until so many have come."""

from __future__ import annotations

import pytest

from hublet.core import kill, sleep, spawn
from hublet.core.testing import FakeClock, wait_all_parked
from hublet.sync import Barrier, BrokenBarrierError


def outcome(barrier: Barrier, timeout: float | None = None):
    try:
        return barrier.wait(timeout)
    except BrokenBarrierError:
        return "broken"


def arriving(barrier: Barrier, number: int, timeout: float | None = None) -> list:
    greenlets = [spawn(outcome, barrier, timeout) for _ in range(number)]
    wait_all_parked()
    return greenlets


def test_nobody_goes_on_until_all_have_come():
    barrier = Barrier(3)

    first = arriving(barrier, 2)
    assert [each.ready() for each in first] == [False, False]
    assert barrier.n_waiting == 2 and barrier.parties == 3
    last = arriving(barrier, 1)

    assert sorted(each.get() for each in first + last) == [0, 1, 2]
    assert barrier.n_waiting == 0 and not barrier.broken


def test_it_can_be_passed_again_and_again():
    barrier, log = Barrier(3), []

    def run() -> None:
        for turn in range(10):
            barrier.wait()
            log.append(turn)

    for each in [spawn(run) for _ in range(3)]:
        each.get()

    assert log == sorted(log)


def test_who_is_faster_waits_for_the_next_round():
    barrier = Barrier(2)
    greenlets = [spawn(lambda: [barrier.wait(), barrier.wait()]) for _ in range(4)]

    found = [each.get() for each in greenlets]

    assert sorted(sum(found, [])) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_last_to_come_calls_the_action_before_anybody_goes_on():
    log = []
    barrier = Barrier(2, action=lambda: (sleep(0), log.append("action")))
    for _ in range(2):
        spawn(lambda: (barrier.wait(), log.append("gone")))
    wait_all_parked()

    assert log == ["action", "gone", "gone"]


def test_an_action_that_fails_breaks_the_barrier():
    barrier = Barrier(2, action=lambda: 1 / 0)
    (first,) = arriving(barrier, 1)

    with pytest.raises(ZeroDivisionError):
        barrier.wait()

    assert first.get() == "broken"
    assert barrier.broken
    with pytest.raises(BrokenBarrierError):
        barrier.wait()


@pytest.mark.parametrize("of_the_barrier", [True, False])
def test_who_waits_too_long_breaks_the_barrier(of_the_barrier, clock: FakeClock):
    barrier = Barrier(3, timeout=5 if of_the_barrier else None)
    start = clock.now()

    greenlets = arriving(barrier, 2, None if of_the_barrier else 5)

    assert [each.get() for each in greenlets] == ["broken", "broken"]
    assert barrier.broken
    assert clock.now() == start + 5


def test_aborting_breaks_it_until_it_is_reset():
    barrier = Barrier(2)
    (greenlet,) = arriving(barrier, 1)

    barrier.abort()

    assert greenlet.get() == "broken"
    assert barrier.broken
    barrier.reset()
    assert not barrier.broken
    assert sorted(each.get() for each in arriving(barrier, 2)) == [0, 1]


def test_resetting_sends_away_who_waits():
    barrier = Barrier(3)
    greenlets = arriving(barrier, 2)

    barrier.reset()

    assert [each.get() for each in greenlets] == ["broken", "broken"]
    assert not barrier.broken and barrier.n_waiting == 0
    assert sorted(each.get() for each in arriving(barrier, 3)) == [0, 1, 2]


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_numbers_are_different_though_one_was_killed(victim):
    barrier = Barrier(4)
    first = arriving(barrier, 3)

    kill(first.pop(victim))
    last = arriving(barrier, 2)

    assert sorted(each.get() for each in first + last) == [0, 1, 2, 3]


def test_who_is_killed_does_not_count():
    barrier = Barrier(2)
    (killed,) = arriving(barrier, 1)

    kill(killed)
    killed.join()

    assert barrier.n_waiting == 0
    assert sorted(each.get() for each in arriving(barrier, 2)) == [0, 1]


def test_one_party_never_waits():
    barrier = Barrier(1)

    assert [barrier.wait(), barrier.wait()] == [0, 0]


def test_there_must_be_a_party():
    with pytest.raises(ValueError, match="> 0"):
        Barrier(0)


def test_its_repr_says_how_many_have_come():
    barrier = Barrier(2)
    (greenlet,) = arriving(barrier, 1)

    assert repr(barrier).endswith(": waiters=1/2>")
    barrier.abort()
    greenlet.join()
    assert repr(barrier).endswith(": broken>")


def test_threads_and_greenlets_meet(everywhere):
    barrier, passed = Barrier(62), []

    def meet() -> None:
        for turn in range(5):
            index = barrier.wait()
            passed.append((turn, index))

    everywhere(meet)

    assert sorted(passed) == [(turn, index) for turn in range(5) for index in range(62)]

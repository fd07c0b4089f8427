"""`CapacityLimiter`: so many at once, and it is known who."""

from __future__ import annotations

from math import inf

import pytest

from hublet.core import getcurrent, joinall, killall, sleep, spawn
from hublet.core.testing import wait_all_parked
from hublet.sync import CapacityLimiter


def test_only_so_many_borrow_at_once(everywhere):
    limiter = CapacityLimiter(3)
    most = []

    def use():
        for _ in range(10):
            with limiter:
                most.append(limiter.borrowed_tokens)
                sleep(0)

    everywhere(use)

    assert max(most) <= 3
    assert limiter.statistics() == (0, 3, (), 0)


def test_it_knows_who_has_tokens_and_how_many_wait():
    limiter = CapacityLimiter(2)
    limiter.acquire()
    limiter.acquire_on_behalf_of("somebody")
    waiting = spawn(limiter.acquire)
    wait_all_parked()

    assert limiter.statistics() == (2, 2, (getcurrent(), "somebody"), 1)
    assert limiter.available_tokens == 0 and limiter.borrowed_tokens == 2
    limiter.release_on_behalf_of("somebody")
    assert waiting.get() is True
    assert limiter.statistics().borrowers == (getcurrent(), waiting)


def test_a_borrower_gets_one_token_and_gives_back_its_own():
    limiter = CapacityLimiter(3)
    with pytest.raises(RuntimeError, match="no token"):
        limiter.release()
    limiter.acquire()

    with pytest.raises(RuntimeError, match="already"):
        limiter.acquire()
    with pytest.raises(RuntimeError, match="no token"):
        limiter.release_on_behalf_of("another")

    limiter.release()
    assert limiter.available_tokens == 3


def test_a_borrower_that_waits_cannot_give_back():
    limiter = CapacityLimiter(0)
    waiting = spawn(limiter.acquire_on_behalf_of, "x")
    wait_all_parked()

    with pytest.raises(RuntimeError, match="no token"):
        limiter.release_on_behalf_of("x")
    with pytest.raises(RuntimeError, match="waits for one"):
        limiter.acquire_on_behalf_of("x", blocking=False)

    waiting.kill()
    limiter.total_tokens = 1
    assert limiter.acquire_on_behalf_of("x", blocking=False)


def test_nothing_is_borrowed_when_the_time_is_up_or_one_is_killed():
    limiter = CapacityLimiter(1)
    limiter.acquire()

    assert limiter.acquire_on_behalf_of(1, blocking=False) is False
    assert limiter.acquire_on_behalf_of(1, timeout=0.001) is False
    victims = [spawn(limiter.acquire) for _ in range(3)]
    wait_all_parked()
    killall(victims)

    limiter.release()
    assert limiter.statistics() == (0, 1, (), 0)
    with pytest.raises(ValueError):
        limiter.acquire(blocking=False, timeout=1)


def test_with_more_tokens_those_who_wait_go_on_in_order():
    limiter, order = CapacityLimiter(0), []

    def use(i):
        limiter.acquire()
        order.append(i)

    greenlets = [spawn(use, i) for i in range(4)]
    wait_all_parked()
    limiter.total_tokens = 2
    wait_all_parked()
    assert order == [0, 1]
    limiter.total_tokens = inf
    joinall(greenlets)

    assert order == [0, 1, 2, 3]
    assert limiter.total_tokens == inf == limiter.available_tokens and limiter.borrowed_tokens == 4


def test_with_fewer_tokens_nothing_is_lent_until_enough_have_come_back():
    limiter = CapacityLimiter(3)
    for i in range(3):
        limiter.acquire_on_behalf_of(i)
    waiting = spawn(limiter.acquire)
    wait_all_parked()

    limiter.total_tokens = 1
    assert limiter.statistics()[:2] == (3, 1) and limiter.available_tokens == 0
    for i in range(2):
        limiter.release_on_behalf_of(i)
        wait_all_parked()
        assert not waiting.ready()
    limiter.release_on_behalf_of(2)

    assert waiting.get() is True
    assert limiter.statistics()[:3] == (1, 1, (waiting,))


def test_a_number_of_tokens_that_is_none_is_refused():
    for wrong, error in ((-1, ValueError), (1.5, TypeError), ("1", TypeError), (2**70, ValueError)):
        with pytest.raises(error):
            CapacityLimiter(wrong)
    assert CapacityLimiter(inf).total_tokens == inf

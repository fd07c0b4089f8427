"""Killing: before the start, while parked, with any exception, once or several at once."""

from __future__ import annotations

import pytest

from hublet.core import (
    Greenlet,
    GreenletExit,
    Timeout,
    get_hub,
    getcurrent,
    joinall,
    kill,
    killall,
    shield,
    sleep,
    spawn,
    spawn_later,
    spawn_raw,
)
from hublet.core.lowlevel import ParkingLot, Waiter
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


class Victim:
    """A greenlet that is parked, and counts how often it is killed."""

    def __init__(self, stubborn: int = 0, raw: bool = False) -> None:
        self.caught: list[BaseException] = []
        self.stubborn = stubborn
        self.lot = ParkingLot()
        self.greenlet = (spawn_raw if raw else spawn)(self.run)
        wait_all_parked()

    def run(self) -> None:
        while True:
            try:
                self.lot.park()
                return
            except BaseException as error:
                self.caught.append(error)
                if len(self.caught) > self.stubborn:
                    raise


# Before the start


@pytest.mark.parametrize("make", [spawn, Greenlet, lambda *args: spawn_later(1, *args)])
@pytest.mark.parametrize("block", [True, False])
def test_killed_before_the_start_the_body_never_runs(make, block: bool):
    ran = []
    greenlet = make(ran.append, 1)

    greenlet.kill(block=block)
    wait_all_parked()

    assert ran == []
    assert isinstance(greenlet.value, GreenletExit)
    assert greenlet.successful()
    assert greenlet.ready()
    assert greenlet.dead
    assert not greenlet
    assert len(get_hub().scheduler.deadlines) == 0


@pytest.mark.parametrize("make", [spawn, Greenlet])
def test_killed_before_the_start_its_links_fire_exactly_once(make):
    greenlet = make(int)
    fired = []
    greenlet.rawlink(fired.append)
    greenlet.link(fired.append)
    greenlet.link_value(fired.append)
    greenlet.link_exception(fired.append)

    greenlet.kill()
    greenlet.kill()
    wait_all_parked()

    assert fired == [greenlet] * 3


def test_killed_before_the_start_it_does_not_start_later():
    ran = []
    greenlet = Greenlet(ran.append, 1)
    greenlet.kill()

    greenlet.start()
    greenlet.start_later(0)
    wait_all_parked()

    assert ran == []
    assert not greenlet.started


def test_killed_before_the_start_it_wakes_those_who_join():
    greenlet = Greenlet(int)
    joiner = spawn(greenlet.get)
    wait_all_parked()

    greenlet.kill()

    assert isinstance(joiner.get(), GreenletExit)


def test_killing_before_the_start_does_not_switch():
    greenlet = spawn(int)

    with assert_no_switch():
        greenlet.kill()

    assert greenlet.dead


def test_a_second_kill_is_harmless():
    victim = Victim()

    victim.greenlet.kill()
    victim.greenlet.kill()
    victim.greenlet.kill(ValueError)
    victim.greenlet.kill(block=False)

    assert isinstance(victim.greenlet.value, GreenletExit)
    assert len(victim.caught) == 1


# While it runs


def test_kill_waits_until_it_is_dead():
    victim = Victim()

    victim.greenlet.kill()

    assert victim.greenlet.dead
    assert victim.greenlet.successful()
    assert isinstance(victim.greenlet.value, GreenletExit)
    assert len(victim.lot) == 0


def test_kill_without_blocking_only_makes_sure_that_it_happens():
    victim = Victim()

    with assert_no_switch():
        victim.greenlet.kill(block=False)
    assert not victim.greenlet.dead
    assert victim.caught == []

    victim.greenlet.join()
    assert len(victim.caught) == 1


def test_several_kills_without_blocking_are_delivered_once():
    victim = Victim(stubborn=10)

    for _ in range(3):
        victim.greenlet.kill(block=False)
    wait_all_parked()

    assert len(victim.caught) == 1
    victim.lot.unpark()
    victim.greenlet.join()


def test_a_kill_after_one_that_was_survived_is_delivered_again():
    victim = Victim(stubborn=1)

    victim.greenlet.kill(block=False)
    wait_all_parked()
    victim.greenlet.kill()

    assert len(victim.caught) == 2
    assert victim.greenlet.dead


@pytest.mark.parametrize("begun", [True, False])
def test_killed_with_an_error_it_has_failed(reports, begun: bool):
    victim = Victim()
    greenlet = victim.greenlet if begun else spawn(int)
    error = ValueError("killed with it")

    greenlet.kill(error)

    assert not greenlet.successful()
    assert greenlet.exception is error
    with pytest.raises(ValueError) as caught:
        greenlet.get()
    assert caught.value is error
    assert reports.take_errors() == [error]
    victim.greenlet.kill()


def test_an_error_is_made_from_a_class(reports):
    victim = Victim()

    victim.greenlet.kill(KeyError)

    assert type(victim.greenlet.exception) is KeyError
    reports.take()


def test_an_error_whose_class_cannot_be_made_is_raised_in_who_kills():
    victim = Victim()

    with pytest.raises(TypeError):
        victim.greenlet.kill(UnicodeDecodeError)

    assert not victim.greenlet.dead
    victim.greenlet.kill()


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("wrong", [42, "text", int])
def test_killed_with_what_is_no_exception_it_has_failed(reports, begun: bool, wrong: object):
    victim = Victim()
    greenlet = victim.greenlet if begun else spawn(int)

    greenlet.kill(wrong)

    assert greenlet.dead
    assert not greenlet.successful()
    assert isinstance(greenlet.exception, TypeError)
    with pytest.raises(TypeError):
        greenlet.get()
    reports.take()
    victim.greenlet.kill()


def test_a_subclass_of_greenlet_exit_is_a_success():
    class Done(GreenletExit):
        pass

    victim = Victim()

    victim.greenlet.kill(Done)

    assert isinstance(victim.greenlet.value, Done)
    assert victim.greenlet.successful()


def test_kill_with_a_timeout_gives_up_on_who_survives(clock: FakeClock):
    start = clock.now()
    victim = Victim(stubborn=1)

    victim.greenlet.kill(timeout=3)

    assert clock.now() == start + 3
    assert not victim.greenlet.dead
    victim.greenlet.kill()


def test_a_greenlet_may_kill_itself():
    log = []

    def body():
        try:
            getcurrent().kill()
            log.append("not reached")
        finally:
            log.append("cleaned up")

    greenlet = spawn(body)
    greenlet.join()

    assert log == ["cleaned up"]
    assert isinstance(greenlet.value, GreenletExit)


def test_a_greenlet_that_kills_itself_without_blocking_goes_on_until_it_parks():
    log = []

    def body():
        getcurrent().kill(block=False)
        log.append("still here")
        sleep(0)
        log.append("not reached")

    spawn(body).join()

    assert log == ["still here"]


def test_two_may_kill_each_other():
    greenlets = []

    def body(other: int):
        sleep(0)
        greenlets[other].kill()

    greenlets += [spawn(body, 1), spawn(body, 0)]
    joinall(greenlets)

    assert all(greenlet.dead for greenlet in greenlets)


def test_killed_while_in_the_ring_it_does_not_run_on():
    log = []

    def body():
        for i in range(100):
            log.append(i)
            sleep(0)

    greenlet = spawn(body)
    sleep(0)
    greenlet.kill()

    assert greenlet.dead
    assert len(log) <= 2


def test_killed_while_it_sleeps_its_deadline_is_gone(clock: FakeClock):
    greenlet = spawn(sleep, 1000)
    wait_all_parked()

    greenlet.kill()

    assert len(get_hub().scheduler.deadlines) == 0


def test_killed_in_a_finally_that_waits_it_still_ends():
    log = []

    def body():
        try:
            sleep(1000)
        finally:
            sleep(0)
            log.append("waited")

    greenlet = spawn(body)
    wait_all_parked()
    greenlet.kill()

    assert log == ["waited"]
    assert greenlet.dead


def test_a_killed_greenlet_may_return_a_value_instead():
    def body():
        try:
            sleep(1000)
        except GreenletExit:
            return "survived"

    greenlet = spawn(body)
    wait_all_parked()
    greenlet.kill()

    assert greenlet.value == "survived"


def test_who_was_handed_something_takes_it_before_it_dies():
    taken = []
    lot = ParkingLot()

    def body():
        waiter = Waiter()
        lot.add(waiter)
        waiter.park()
        taken.append(waiter.value)
        sleep(0)

    greenlet = spawn(body)
    wait_all_parked()
    greenlet.kill(block=False)
    lot.unpark("token")
    greenlet.join()

    assert taken == ["token"]
    assert isinstance(greenlet.value, GreenletExit)


def test_kill_the_function_kills_greenlets_of_both_kinds_and_does_not_wait():
    whole, raw = Victim(), Victim(raw=True)

    with assert_no_switch():
        kill(whole.greenlet)
        kill(raw.greenlet)
    wait_all_parked()

    assert whole.greenlet.dead
    assert raw.greenlet.dead


def test_kill_the_function_takes_an_exception(reports):
    victim = Victim()

    kill(victim.greenlet, ValueError)
    wait_all_parked()

    assert isinstance(victim.greenlet.exception, ValueError)
    reports.take()


# Many at once


@pytest.mark.parametrize("container", [list, set, tuple, iter, lambda each: each * 2])
def test_killall_takes_any_iterable_and_duplicates(container):
    victims = [Victim() for _ in range(3)]

    killall(container([victim.greenlet for victim in victims]))

    assert [len(victim.caught) for victim in victims] == [1, 1, 1]
    assert all(victim.greenlet.dead for victim in victims)


def test_killall_of_nothing_returns():
    killall([])
    killall(set(), timeout=0)


def test_killall_without_blocking_does_not_switch():
    victim = Victim()

    with assert_no_switch():
        killall([victim.greenlet], block=False)
    assert not victim.greenlet.dead

    victim.greenlet.join()


def test_killall_takes_an_exception(reports):
    victims = [Victim() for _ in range(2)]

    killall([victim.greenlet for victim in victims], ValueError)

    assert all(isinstance(victim.greenlet.exception, ValueError) for victim in victims)
    reports.take()


def test_killall_takes_raw_greenlets():
    victims = [Victim(raw=True), Victim(), Victim(raw=True)]

    killall([victim.greenlet for victim in victims])

    assert all(victim.greenlet.dead for victim in victims)


def test_killall_takes_raw_greenlets_that_have_not_begun():
    ran = []
    raw = spawn_raw(ran.append, 1)

    killall([raw])

    assert raw.dead
    assert ran == []


@pytest.mark.parametrize("args, kwargs", [((), {}), ((1,), {}), ((1,), {"key": 2})])
def test_a_raw_greenlet_that_is_killed_with_an_error_before_it_begins_ends_with_that(reports, args: tuple, kwargs: dict):
    ran = []
    error = ValueError("killed with it")
    raw = spawn_raw(lambda *args, **kwargs: ran.append(args), *args, **kwargs)

    kill(raw, error)
    wait_all_parked()

    assert raw.dead
    assert ran == []
    assert reports.take_errors() == [error]


def test_killall_kills_those_that_have_not_begun_at_once(clock: FakeClock):
    ran = []
    start = clock.now()
    greenlets = [spawn(ran.append, 1), Greenlet(ran.append, 2), spawn_later(100, ran.append, 3)]

    with assert_no_switch():
        killall(greenlets, timeout=1)

    assert ran == []
    assert clock.now() == start
    assert all(isinstance(greenlet.value, GreenletExit) for greenlet in greenlets)


def test_killall_raises_timeout_for_survivors_that_had_begun(clock: FakeClock):
    start = clock.now()
    meek, stubborn, unstarted = Victim(), Victim(stubborn=1), Greenlet(int)

    with pytest.raises(Timeout):
        killall([meek.greenlet, stubborn.greenlet, unstarted], timeout=5)

    assert clock.now() == start + 5
    assert meek.greenlet.dead
    assert unstarted.dead
    assert not stubborn.greenlet.dead
    killall([stubborn.greenlet])


def test_killall_raises_timeout_for_raw_survivors(clock: FakeClock):
    start = clock.now()
    stubborn = Victim(stubborn=1, raw=True)

    with pytest.raises(Timeout):
        killall([stubborn.greenlet], timeout=5)

    assert clock.now() == start + 5
    killall([stubborn.greenlet])
    assert stubborn.greenlet.dead


def test_killall_shares_one_timeout_among_all(clock: FakeClock):
    start = clock.now()
    victims = [Victim(stubborn=1) for _ in range(4)]

    with pytest.raises(Timeout):
        killall([victim.greenlet for victim in victims], timeout=5)

    assert clock.now() == start + 5
    killall([victim.greenlet for victim in victims])


@pytest.mark.parametrize("end", ["waits", "timed out", "killed"])
def test_killall_of_a_raw_greenlet_leaves_the_hub_its_peace(clock: FakeClock, reports, end: str):
    """It asks again and again whether that is dead, but neither at every turn nor once nobody wants to know."""
    stubborn = Victim(stubborn=1, raw=True)
    killer = spawn(killall, [stubborn.greenlet], timeout=None if end == "waits" else 100)

    if end == "timed out":
        with pytest.raises(Timeout):
            killer.get()
        reports.take()
    elif end == "killed":
        wait_all_parked()
        killer.kill()
    else:
        sleep(0.5)
        assert not killer.ready()

    wait_all_parked()
    assert len(get_hub().scheduler.ready) == 0
    if end == "waits":
        stubborn.lot.unpark()
        killer.join()
        assert killer.successful()
    else:
        assert len(get_hub().scheduler.deadlines) == 0
        stubborn.lot.unpark()


def test_killall_passes_an_outer_timeout_on(clock: FakeClock):
    victim = Victim(stubborn=1)

    with pytest.raises(Timeout) as caught, Timeout(1) as timeout:
        killall([victim.greenlet], timeout=5)

    assert caught.value is timeout
    victim.greenlet.kill()


def test_killing_a_raw_greenlet_respects_its_shield():
    lot = ParkingLot()
    log = []

    def body():
        with shield():
            lot.park()
            log.append("shielded")
        try:
            sleep(0)
        except GreenletExit:
            log.append("killed")

    raw = spawn_raw(body)
    wait_all_parked()
    kill(raw)
    wait_all_parked()
    assert log == []

    lot.unpark()
    wait_all_parked()
    assert log == ["shielded", "killed"]

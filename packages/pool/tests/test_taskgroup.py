"""`TaskGroup`: greenlets that cannot outlive a block."""

from __future__ import annotations

import gc
import sys
from weakref import ref

import pytest

from hublet.core import (
    Deadlock,
    Greenlet,
    GreenletExit,
    Timeout,
    compiled,
    getcurrent,
    kill,
    move_on_after,
    shield,
    sleep,
    spawn,
    wait,
)
from hublet.core.lowlevel import Waiter
from hublet.core.testing import FakeClock, wait_all_parked
from hublet.pool import TaskGroup

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup


def fail(error):
    raise error


def park():
    """Park until somebody kills the greenlet."""
    Waiter("a kill").park()


class Survivor:
    """A function that notes how it ended."""

    def __init__(self):
        self.end = None

    def __call__(self):
        try:
            park()
        except BaseException as error:
            self.end = error
            raise


def test_the_block_is_left_when_all_are_finished():
    order = []

    def work(i):
        sleep(0.001 * i)
        order.append(i)
        return i

    with TaskGroup() as group:
        children = [group.spawn(work, i) for i in (2, 1, 0)]
        order.append("body")

    assert order == ["body", 0, 1, 2]
    assert [each.value for each in children] == [2, 1, 0]
    assert all(isinstance(each, Greenlet) for each in children)


def test_an_empty_block_is_left_at_once():
    with TaskGroup():
        pass


def test_a_child_may_spawn_more():
    done = []

    with TaskGroup() as group:

        def again(depth):
            if depth:
                sleep(0)
                group.spawn(again, depth - 1)
            done.append(depth)

        group.spawn(again, 3)

    assert done == [3, 2, 1, 0]


def test_the_first_failure_kills_the_others_and_is_raised_in_a_group():
    error, survivor = KeyError("first"), Survivor()

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        other = group.spawn(survivor)
        group.spawn(fail, error)

    assert caught.value.exceptions == (error,)
    assert isinstance(survivor.end, GreenletExit) and other.successful()


def test_the_failure_interrupts_a_body_that_waits():
    reached = []

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        group.spawn(fail, KeyError(1))
        try:
            park()
        finally:
            reached.append("finally")
        reached.append("never")

    assert reached == ["finally"]
    assert [type(each) for each in caught.value.exceptions] == [KeyError]


def test_a_body_that_does_not_wait_is_not_interrupted_later():
    with pytest.raises(ExceptionGroup), TaskGroup() as group:
        group.spawn(fail, KeyError(1))

    sleep(0)
    wait_all_parked()


def test_an_interruption_that_was_kept_is_not_delivered_after_the_block():
    with pytest.raises(ExceptionGroup), TaskGroup() as group:
        group.spawn(fail, KeyError(1))
        with shield():
            sleep(0.001)

    sleep(0)


def test_an_error_of_the_body_kills_the_children_and_is_in_the_group():
    survivor, error = Survivor(), ValueError("body")

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        group.spawn(survivor)
        sleep(0)
        raise error

    assert caught.value.exceptions == (error,)
    assert isinstance(survivor.end, GreenletExit)


def test_children_that_fail_while_they_are_killed_are_in_the_group_too():
    def stubborn():
        try:
            park()
        finally:
            raise OSError("while ending")

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as group:
        group.spawn(stubborn)
        sleep(0)
        group.spawn(fail, KeyError(1))

    assert [type(each) for each in caught.value.exceptions] == [KeyError, OSError]


def test_failures_are_not_reported_to_the_hub_as_well(reports):
    with pytest.raises(ExceptionGroup), TaskGroup() as group:
        group.spawn(fail, KeyError(1))

    assert reports.take_errors() == []


def test_a_base_exception_makes_a_base_exception_group():
    class Odd(BaseException):
        pass

    with pytest.raises(BaseExceptionGroup) as caught, TaskGroup() as group:
        group.spawn(fail, Odd())

    assert not isinstance(caught.value, ExceptionGroup)


def test_a_killed_child_has_not_failed():
    with TaskGroup() as group:
        child = group.spawn(park)
        sleep(0)
        child.kill()

    assert child.successful()


def test_a_timeout_from_outside_passes_by_identity_and_takes_the_children_along():
    for waits_in_body in (True, False):
        survivor = Survivor()
        with pytest.raises(Timeout) as caught, Timeout(0.001) as timeout, TaskGroup() as group:
            group.spawn(survivor)
            if waits_in_body:
                park()

        assert caught.value is timeout
        assert isinstance(survivor.end, GreenletExit)


def test_a_scope_around_it_ends_it():
    survivor = Survivor()

    with move_on_after(0.001) as scope, TaskGroup() as group:
        group.spawn(survivor)

    assert scope.expired and isinstance(survivor.end, GreenletExit)


def test_killing_its_greenlet_kills_the_children_and_waits_for_them():
    ended = []

    def slow_to_die():
        try:
            park()
        finally:
            sleep(0.001)
            ended.append("child")

    def own():
        with TaskGroup() as group:
            group.spawn(slow_to_die)

    owner = spawn(own)
    wait_all_parked()
    owner.kill()

    assert ended == ["child"]
    assert isinstance(owner.value, GreenletExit)


def test_a_second_kill_does_not_let_children_outlive_the_block():
    ended = []

    def slow_to_die():
        try:
            park()
        finally:
            sleep(0.002)
            ended.append("child")

    def own():
        with TaskGroup() as group:
            group.spawn(slow_to_die)

    owner = spawn(own)
    wait_all_parked()
    kill(owner)
    sleep(0.001)
    owner.kill()

    assert ended == ["child"]


def slow_to_die():
    try:
        park()
    finally:
        sleep(0.01)


def test_a_kill_that_comes_after_a_timeout_is_not_lost(clock: FakeClock):
    went_on = []

    def own():
        with Timeout(0.001, False), TaskGroup() as group:
            group.spawn(slow_to_die)
        went_on.append("after the timeout")
        park()
        went_on.append("after the kill")

    owner = spawn(own)
    sleep(0.005)
    owner.kill()

    assert went_on == ["after the timeout"]
    assert isinstance(owner.value, GreenletExit)


def test_of_two_timeouts_each_ends_its_own_block(clock: FakeClock):
    inner, outer = move_on_after(0.001), move_on_after(0.002)

    with outer:
        with inner, TaskGroup() as group:
            group.spawn(slow_to_die)
        park()

    assert inner.expired and outer.expired


def test_a_timeout_that_came_second_is_forgotten_with_its_block(clock: FakeClock):
    with move_on_after(0.002) as outer:
        with move_on_after(0.001), TaskGroup() as group:
            group.spawn(slow_to_die)
    sleep(0)

    assert not outer.expired


def fails_when_killed():
    try:
        park()
    finally:
        raise KeyError


def test_a_kill_is_not_lost_though_there_are_errors_to_be_raised():
    log = []

    def own():
        try:
            with TaskGroup() as group:
                group.spawn(fails_when_killed)
        except ExceptionGroup as group:
            log.append(type(group.exceptions[0]))
        park()

    owner = spawn(own)
    wait_all_parked()
    owner.kill()

    assert log == [KeyError]
    assert isinstance(owner.value, GreenletExit)


def test_a_timeout_is_over_with_its_block_though_there_are_errors_to_be_raised(clock: FakeClock):
    with pytest.raises(ExceptionGroup):
        with Timeout(1), TaskGroup() as group:
            group.spawn(fails_when_killed)
    sleep(1)


def test_what_ends_the_program_comes_before_what_was_thrown_earlier(clock: FakeClock):
    raised = []

    def own():
        try:
            with TaskGroup() as group:
                group.spawn(slow_to_die)
                park()
        except BaseException as error:
            raised.append(error)

    owner = spawn(own)
    sleep(0.001)
    kill(owner)
    sleep(0.001)
    kill(owner, SystemExit)
    owner.join()

    assert [type(error) for error in raised] == [SystemExit]


def test_the_block_ends_though_ctrl_c_comes_while_note_is_taken_of_the_end_of_a_child():
    interrupted = []

    class Interrupted(TaskGroup):
        def _ended(self, child):
            if not interrupted:
                interrupted.append(child)
                raise KeyboardInterrupt
            super()._ended(child)

    with pytest.raises(KeyboardInterrupt):
        with Interrupted() as group:
            child = group.spawn(int)

    assert interrupted == [child]


@pytest.mark.skipif(not compiled, reason="interpreted, the frames of core hold what was thrown")
def test_what_it_raises_is_freed_without_the_collector(clock: FakeClock):
    class Thrown(Exception):
        pass

    gc.disable()
    try:
        try:
            with Timeout(0.001, Thrown()), TaskGroup() as group:
                group.spawn(park)
        except Thrown as error:
            found = ref(error)
        del group
        sleep(0)
        assert found() is None
    finally:
        gc.enable()


def test_groups_nest():
    inner_error = []

    with TaskGroup() as outer:
        bystander = outer.spawn(sleep, 0.002)
        try:
            with TaskGroup() as inner:
                inner.spawn(fail, KeyError(1))
                park()
        except ExceptionGroup as error:
            inner_error.append(error)

    assert len(inner_error) == 1 and bystander.successful() and bystander.value is None


def test_an_outer_failure_ends_the_inner_block():
    survivor = Survivor()

    with pytest.raises(ExceptionGroup) as caught, TaskGroup() as outer, TaskGroup() as inner:
        inner.spawn(survivor)
        outer.spawn(fail, KeyError(1))
        park()

    assert [type(each) for each in caught.value.exceptions] == [KeyError]
    assert isinstance(survivor.end, GreenletExit)


def test_nothing_can_be_spawned_before_after_and_while_it_is_ended():
    group = TaskGroup()
    with pytest.raises(RuntimeError, match="was not entered"):
        group.spawn(int)
    with group:
        with pytest.raises(TypeError):
            group.spawn(5)
    with pytest.raises(RuntimeError, match="was left"):
        group.spawn(int)
    with pytest.raises(RuntimeError, match="entered before"), group:
        pass

    late = []

    def spawn_late():
        try:
            park()
        finally:
            with pytest.raises(RuntimeError, match="is being ended"):
                group.spawn(int)
            late.append(getcurrent())

    with pytest.raises(ExceptionGroup), TaskGroup() as group:
        group.spawn(spawn_late)
        sleep(0)
        group.spawn(fail, KeyError(1))
    assert len(late) == 1


def test_system_exit_of_a_child_surfaces_in_the_main_greenlet():
    with pytest.raises(SystemExit), TaskGroup() as group:
        group.spawn(fail, SystemExit(3))
        park()
    wait()


def test_a_child_that_cannot_be_ended_is_a_deadlock_and_not_a_hang():
    def immortal():
        while True:
            try:
                park()
            except GreenletExit:
                pass

    with pytest.raises(Deadlock), TaskGroup() as group:
        child = group.spawn(immortal)
        sleep(0)
        raise GreenletExit
    child.kill(KeyError)
    assert isinstance(child.exception, KeyError)

"""A value, or an error, that is to come."""

from __future__ import annotations

import gc
import sys
import traceback
import weakref

import pytest

from hublet.core import BlockingSwitchOutError, Timeout, compiled, getcurrent, joinall, kill, sleep, spawn, wait
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.sync import AsyncResult


def test_those_who_wait_get_the_value():
    result: AsyncResult[int] = AsyncResult()
    getting = [spawn(result.get), spawn(result.wait), spawn(result.result)]
    wait_all_parked()

    result.set(5)

    assert [each.get() for each in getting] == [5, 5, 5]


def test_a_value_that_is_there_is_returned_at_once():
    result: AsyncResult[int] = AsyncResult()
    result.set_result(5)

    with assert_no_switch():
        assert result.get() == result.get_nowait() == result.wait() == result.value == 5
    assert result.ready() and result.done() and result.successful()
    assert result.exception is None and result.exc_info == ()


def test_there_is_nothing_at_first():
    result: AsyncResult[int] = AsyncResult()

    assert not result.ready() and not result.done() and not result.successful()
    assert result.value is None and result.exception is None and result.exc_info == ()
    assert not result.cancel() and not result.cancelled()


def test_those_who_wait_get_the_error():
    result: AsyncResult[int] = AsyncResult()
    getting = spawn(lambda: pytest.raises(KeyError, result.get))
    waiting = spawn(result.wait)
    wait_all_parked()
    error = KeyError("lost")

    result.set_exception(error)

    assert getting.get().value is error
    assert waiting.get() is None
    assert result.ready() and not result.successful()
    assert result.exception is error and result.value is None
    assert result.exc_info[:2] == (KeyError, error)


def test_only_an_exception_can_be_set_as_one():
    with pytest.raises(TypeError, match="an exception"):
        AsyncResult().set_exception("wrong")


def test_what_is_not_there_in_time_is_a_timeout(clock: FakeClock):
    result: AsyncResult[int] = AsyncResult()
    start = clock.now()

    with pytest.raises(Timeout):
        result.get(timeout=2)
    assert result.wait(timeout=3) is None
    assert clock.now() == start + 5
    with pytest.raises(Timeout), assert_no_switch():
        result.get(block=False)
    with pytest.raises(Timeout), assert_no_switch():
        result.get_nowait()


def test_those_who_wait_go_on_in_the_order_in_which_they_came_though_the_first_leaves(clock: FakeClock):
    result = AsyncResult()
    order = []

    def wait(name, timeout=None):
        order.append((name, result.wait(timeout)))

    greenlets = [spawn(wait, "first", 1)]
    wait_all_parked()
    greenlets += [spawn(wait, name) for name in ("second", "killed", "third")]
    wait_all_parked()
    sleep(2)
    greenlets.append(spawn(wait, "fourth"))
    kill(greenlets[2])
    wait_all_parked()

    result.set(5)
    joinall(greenlets)

    assert order == [("first", None), ("second", 5), ("third", 5), ("fourth", 5)]


def test_who_comes_after_one_that_was_killed_gets_the_value():
    result = AsyncResult()
    for _ in range(3):
        killed = spawn(result.get)
        wait_all_parked()
        killed.kill()
    getting = [spawn(result.get), spawn(result.get)]
    wait_all_parked()

    result.set(5)

    assert [each.get() for each in getting] == [5, 5]


@pytest.mark.skipif(not compiled, reason="interpreted, an error that ends a wait is held by what has waited")
def test_a_result_that_nobody_has_is_freed_though_one_who_waited_was_killed():
    result = AsyncResult()
    freed = weakref.ref(result)
    killed = spawn(result.get)
    wait_all_parked()
    gc.disable()
    try:
        killed.kill()
        del result, killed
        sleep(0)
        assert freed() is None
    finally:
        gc.enable()


def test_an_outer_timeout_passes_through_by_identity(clock: FakeClock):
    timeout = Timeout.start_new(1)

    with pytest.raises(Timeout) as caught:
        AsyncResult().get(timeout=5)

    assert caught.value is timeout


def test_getting_an_error_again_and_again_does_not_lengthen_its_traceback():
    result: AsyncResult[int] = AsyncResult()
    try:
        raise KeyError("lost")
    except KeyError as error:
        result.set_exception(error, sys.exc_info())
    lengths = []

    for _ in range(5):
        try:
            result.get()
        except KeyError as error:
            lengths.append(len(traceback.extract_tb(error.__traceback__)))

    assert len(set(lengths)) == 1


def test_a_traceback_that_is_given_is_raised_with_the_error():
    result: AsyncResult[int] = AsyncResult()

    def original() -> None:
        raise KeyError("lost")

    try:
        original()
    except KeyError as error:
        exc_info = sys.exc_info()
        result.set_exception(error.with_traceback(None), exc_info)

    with pytest.raises(KeyError) as caught:
        result.get()

    assert "original" in [entry.name for entry in caught.traceback]


def test_none_is_a_value():
    result: AsyncResult[None] = AsyncResult()

    result.set()

    assert result.successful() and result.get() is None


def test_it_takes_over_the_value_of_a_greenlet_that_it_is_linked_to():
    result: AsyncResult[int] = AsyncResult()

    spawn(lambda: 5).link(result)

    assert result.get() == 5


def test_it_takes_over_the_error_of_a_greenlet_that_it_is_linked_to(reports):
    result: AsyncResult[int] = AsyncResult()

    def fail() -> None:
        raise KeyError("lost")

    spawn(fail).link(result)

    with pytest.raises(KeyError) as caught:
        result.get()
    assert "fail" in [entry.name for entry in caught.traceback]
    reports.take_errors()


def test_it_takes_over_the_outcome_of_another_result():
    first, second = AsyncResult(), AsyncResult()
    first.rawlink(second)

    first.set("value")

    assert second.get() == "value"


def test_links_are_called_by_the_hub_once():
    result, called = AsyncResult(), []
    result.rawlink(lambda source: called.append((source, getcurrent())))
    result.rawlink(called.append)
    result.unlink(called.append)

    result.set(5)
    assert called == []
    wait_all_parked()

    assert called == [(result, get_hub_if_exists())]
    result.rawlink(called.append)
    wait_all_parked()
    assert called[1:] == [result]


def test_results_can_be_waited_for_together():
    first, second = AsyncResult(), AsyncResult()
    spawn(lambda: (sleep(0), second.set(2), sleep(0), first.set_exception(KeyError())))

    assert wait([first, second]) == [second, first]


def test_the_hub_must_not_wait(in_hub):
    result = AsyncResult()

    def refused() -> bool:
        with pytest.raises(BlockingSwitchOutError):
            result.get()
        result.set(1)
        return result.get() == 1

    assert in_hub(refused)


def test_a_value_is_not_kept_alive_by_those_who_got_it():
    class Value:
        pass

    result: AsyncResult[Value] = AsyncResult()
    getting = spawn(result.get)
    wait_all_parked()
    value = Value()
    gone = weakref.ref(value)

    result.set(value)
    getting.join()
    del value, result, getting
    gc.collect()

    assert gone() is None


def test_who_gets_a_value_and_is_killed_at_once_has_got_it():
    result, log = AsyncResult(), []
    greenlet = spawn(lambda: (log.append(result.get()), sleep(100)))
    wait_all_parked()

    result.set(5)
    kill(greenlet)
    greenlet.join()

    assert log == [5]


def test_every_thread_gets_the_value(everywhere):
    results: list[AsyncResult[int]] = [AsyncResult() for _ in range(100)]
    sums = []

    def get() -> None:
        sums.append(sum(result.get() for result in results))

    def set_all() -> None:
        for i, result in enumerate(results):
            result.set(i)

    calls = everywhere(get, set_all)

    assert sums == [sum(range(100))] * calls


def test_a_thread_without_a_hub_makes_none(in_threads):
    result, found = AsyncResult(), []

    in_threads(lambda: found.append((result.get(), get_hub_if_exists())), lambda: result.set(5))

    assert found == [(5, None)]


def test_it_can_be_subscripted_and_subclassed():
    class Counted(AsyncResult[int]):
        pass

    counted = Counted()
    counted.set(5)

    assert counted.get() == 5
    assert AsyncResult[int]().ready() is False


def test_its_repr_says_what_it_holds():
    result = AsyncResult()
    assert repr(result).endswith(": unset>")
    result.set_exception(KeyError("lost"))
    assert repr(result).endswith(": exception=KeyError('lost')>")
    result.set(5)
    assert repr(result).endswith(": value=5>")

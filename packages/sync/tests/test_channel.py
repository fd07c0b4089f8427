"""From hand to hand."""

from __future__ import annotations

import pytest

from hublet.core import BlockingSwitchOutError, Timeout, joinall, kill, sleep, spawn, spawn_later
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.sync import Channel, Empty, Full, ShutDown


def test_putting_waits_for_somebody_to_get():
    channel, log = Channel(), []
    spawn(lambda: (channel.put(1), log.append("put")))
    wait_all_parked()
    assert log == []

    assert channel.get() == 1

    wait_all_parked()
    assert log == ["put"]


def test_getting_waits_for_somebody_to_put():
    channel = Channel()
    getter = spawn(channel.get)
    wait_all_parked()

    channel.put(1)

    assert getter.get() == 1


def test_putting_without_waiting_needs_somebody_who_waits():
    channel = Channel()
    getter = spawn(channel.get)
    wait_all_parked()

    with assert_no_switch():
        channel.put_nowait(1)
        with pytest.raises(Full):
            channel.put_nowait(2)

    assert getter.get() == 1


def test_it_is_always_empty_and_always_full():
    channel = Channel()
    spawn(channel.put, 1)
    wait_all_parked()

    assert channel.empty() and channel.full() and channel.qsize() == 0
    assert channel.balance == 1
    channel.get()
    getter = spawn(channel.get)
    wait_all_parked()
    assert channel.balance == -1 and "1 getters" in repr(channel)
    channel.put(2)
    getter.join()


def test_items_are_handed_over_in_the_order_in_which_both_sides_came():
    channel, got = Channel(), []
    for i in range(3):
        spawn(channel.put, i)
        wait_all_parked()
    for i in range(6):
        spawn(lambda i=i: got.append((i, channel.get())))
        wait_all_parked()
    for i in range(3, 6):
        channel.put(i)
    wait_all_parked()

    assert got == [(i, i) for i in range(6)]


def test_the_steps_of_both_sides_alternate():
    channel, log = Channel(), []

    def put() -> None:
        for i in range(3):
            log.append(("putting", i))
            channel.put(i)

    spawn(put)
    for i in range(3):
        assert channel.get() == i
        log.append(("got", i))

    assert log == [
        ("putting", 0),
        ("got", 0),
        ("putting", 1),
        ("got", 1),
        ("putting", 2),
        ("got", 2),
    ]


def test_an_item_has_arrived_when_putting_it_returns():
    channel, log = Channel(), []

    def get() -> None:
        log.append(channel.get())
        log.append(channel.get())

    spawn(get)
    log.append("putting")
    channel.put("first")
    log.append("put the first")
    channel.put("second")
    log.append("put the second")

    assert log == ["putting", "first", "put the first", "second", "put the second"]


def test_nobody_there_is_full_or_empty_at_once_or_when_the_time_is_up(clock: FakeClock):
    channel = Channel()
    start = clock.now()

    with assert_no_switch():
        for error, function in (
            (Full, lambda: channel.put(1, block=False)),
            (Full, lambda: channel.put_nowait(1)),
            (Empty, lambda: channel.get(block=False)),
            (Empty, channel.get_nowait),
        ):
            with pytest.raises(error):
                function()
    with pytest.raises(Full):
        channel.put(1, timeout=2)
    with pytest.raises(Empty):
        channel.get(timeout=3)

    assert clock.now() == start + 5
    assert channel.balance == 0


def test_who_waits_can_be_served_in_the_hub(in_hub):
    channel = Channel()
    getter = spawn(channel.get)
    wait_all_parked()

    in_hub(channel.put_nowait, 1)
    assert getter.get() == 1
    getter = spawn(channel.get)
    wait_all_parked()
    in_hub(channel.put, 1)
    assert getter.get() == 1
    putter = spawn(channel.put, 2)
    wait_all_parked()
    assert in_hub(channel.get_nowait) == 2
    putter.get()


def test_the_hub_must_not_wait_and_is_forgotten_when_it_tries(in_hub):
    channel = Channel()

    def refused(function, *args) -> bool:
        with pytest.raises(BlockingSwitchOutError):
            function(*args)
        return True

    assert in_hub(refused, channel.put, 1)
    assert in_hub(refused, channel.get)
    assert channel.balance == 0


def test_iterating_ends_with_an_item_that_says_so():
    channel = Channel()
    spawn(lambda: [channel.put(item) for item in (1, 2, StopIteration)])

    assert list(channel) == [1, 2]


def test_who_times_out_loses_no_item_and_puts_none(clock: FakeClock, reports):
    channel = Channel()
    getter = spawn(channel.get, True, 1)
    wait_all_parked()
    # At the moment at which the time is up, but before the greenlet has noticed.
    putter = spawn_later(1, channel.put, 5)

    sleep(2)

    assert isinstance(getter.exception, Empty)
    assert channel.get() == 5
    putter.get()
    spawn(channel.put, 6, True, 1)
    wait_all_parked()
    taker = spawn_later(1, channel.get, True, 3)
    sleep(10)
    assert isinstance(taker.exception, Empty)
    assert [type(error) for error in reports.take_errors()] == [Empty, Full, Empty]


def test_who_is_killed_in_line_is_forgotten():
    channel = Channel()
    putter, getter = spawn(channel.put, 1), None
    wait_all_parked()
    putter.kill()
    assert channel.balance == 0
    getter = spawn(channel.get)
    wait_all_parked()
    getter.kill()

    assert channel.balance == 0


def test_who_is_killed_after_getting_an_item_has_it():
    channel, log = Channel(), []
    greenlet = spawn(lambda: (log.append(channel.get()), sleep(100)))
    wait_all_parked()

    channel.put(5)
    kill(greenlet)
    greenlet.join()

    assert log == [5]


def test_who_is_killed_after_its_item_was_taken_has_put_it():
    channel, log = Channel(), []
    greenlet = spawn(lambda: (channel.put(5), log.append("put"), sleep(100)))
    wait_all_parked()

    assert channel.get() == 5
    kill(greenlet)
    greenlet.join()

    assert log == ["put"]


def test_an_outer_timeout_passes_through_by_identity(clock: FakeClock):
    channel = Channel()
    for function in (channel.get, lambda: channel.put(1)):
        timeout = Timeout.start_new(1)
        with pytest.raises(Timeout) as caught:
            function()
        assert caught.value is timeout


def test_it_has_room_for_one_in_name_only():
    assert Channel(1).full()
    with pytest.raises(ValueError, match="maxsize of 1"):
        Channel(2)


def test_it_can_be_subscripted_and_subclassed():
    class Ours(Channel[int]):
        pass

    assert Ours().empty() and Channel[int]().empty()


def test_every_item_is_handed_over_once_between_threads(everywhere, in_threads):
    channel: Channel[int] = Channel()
    numbers, got = iter(range(10**6)), []
    roles = iter(range(10**6))

    def put_or_get() -> None:
        if next(roles) % 2:
            for i in range(20):
                item = next(numbers)
                while True:
                    try:
                        channel.put(item, timeout=0.0001 if i % 5 == 0 else None)
                        break
                    except Full:
                        pass
        else:
            for i in range(20):
                while True:
                    try:
                        got.append(channel.get(timeout=0.0001 if i % 4 == 0 else None))
                        break
                    except Empty:
                        pass

    everywhere(put_or_get)

    assert sorted(got) == list(range(31 * 20))


def test_what_one_thread_puts_another_gets_in_the_same_order(in_threads):
    channel, got, n = Channel(), [], 2000

    def put() -> None:
        for i in range(n):
            channel.put(i)

    def get() -> None:
        for _ in range(n):
            got.append(channel.get())

    in_threads(lambda: spawn(put).get(), get)
    assert got == list(range(n))
    got.clear()
    in_threads(lambda: spawn(put).get(), lambda: spawn(get).get())
    assert got == list(range(n))


def test_shutdown_ends_all_who_wait_and_all_who_come(reports):
    for use in (lambda channel: channel.get(), lambda channel: channel.put(1)):
        channel = Channel()
        waiting = [spawn(use, channel) for _ in range(3)]
        wait_all_parked()

        channel.shutdown()
        joinall(waiting)

        assert [type(each.exception) for each in waiting] == [ShutDown] * 3
        assert [type(error) for error in reports.take_errors()] == [ShutDown] * 3
        with pytest.raises(ShutDown):
            use(channel)
        assert list(channel) == []

"""Items from some to others."""

from __future__ import annotations

import gc
import heapq
import queue as stdlib_queue
import weakref
from collections import deque

import pytest

import hublet.sync
from hublet.core import BlockingSwitchOutError, GreenletExit, Timeout, joinall, kill, killall, sleep, spawn, spawn_later
from hublet.core.lowlevel import get_hub_if_exists
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.sync import (
    Empty,
    Event,
    Full,
    JoinableQueue,
    LifoQueue,
    PriorityQueue,
    Queue,
    ShutDown,
    SimpleQueue,
    UnboundQueue,
)


class Doubling(Queue):
    """A queue that keeps its items in its own way, and not as they come."""

    def _init(self, maxsize: int) -> None:
        self.queue = []

    def _put(self, item: int) -> None:
        self.queue.append(2 * item)

    def _get(self) -> int:
        return self.queue.pop(0)


BOUNDED = [Queue, LifoQueue, PriorityQueue, Doubling]
KINDS = [*BOUNDED, UnboundQueue]
GETTING = [*KINDS, SimpleQueue]


def getting(queue, number: int = 1, timeout: float | None = None) -> list:
    """Return greenlets that wait for an item, in this order."""
    greenlets = []
    for _ in range(number):
        greenlets.append(spawn(queue.get, True, timeout))
        wait_all_parked()
    return greenlets


def putting(queue, *items, timeout: float | None = None) -> list:
    """Return greenlets that wait to put an item, in this order."""
    greenlets = []
    for item in items:
        greenlets.append(spawn(queue.put, item, True, timeout))
        wait_all_parked()
    return greenlets


# In and out


@pytest.mark.parametrize("kind", GETTING)
def test_what_is_put_in_comes_out(kind):
    queue = kind()

    with assert_no_switch():
        for item in (2, 1, 3):
            queue.put(item)
        assert queue.qsize() == 3 and not queue.empty()
        found = [queue.get(), queue.get(timeout=5), queue.get_nowait()]

    assert found == {LifoQueue: [3, 1, 2], PriorityQueue: [1, 2, 3], Doubling: [4, 2, 6]}.get(kind, [2, 1, 3])
    assert queue.qsize() == 0 and queue.empty()


@pytest.mark.parametrize("kind", GETTING)
def test_getting_from_an_empty_queue_waits_for_an_item(kind):
    queue = kind()
    (getter,) = getting(queue)

    with assert_no_switch():
        queue.put(5)

    assert getter.get() == (10 if kind is Doubling else 5)
    assert queue.empty()


@pytest.mark.parametrize("kind", GETTING)
def test_nothing_to_get_is_empty_at_once_or_when_the_time_is_up(kind, clock: FakeClock):
    queue = kind()
    start = clock.now()

    with pytest.raises(Empty):
        queue.get(timeout=3)
    assert clock.now() == start + 3
    with assert_no_switch():
        with pytest.raises(Empty):
            queue.get(block=False)
        with pytest.raises(Empty):
            queue.get_nowait()


@pytest.mark.parametrize("kind", BOUNDED)
def test_no_room_is_full_at_once_or_when_the_time_is_up(kind, clock: FakeClock):
    queue = kind(2)
    queue.put(1)
    assert not queue.full()
    queue.put_nowait(2)
    assert queue.full()
    start = clock.now()

    with pytest.raises(Full):
        queue.put(3, timeout=3)
    assert clock.now() == start + 3
    with assert_no_switch():
        with pytest.raises(Full):
            queue.put(3, block=False)
        with pytest.raises(Full):
            queue.put_nowait(3)
    assert queue.qsize() == 2 and queue.unfinished_tasks == 2


@pytest.mark.parametrize("kind", BOUNDED)
def test_putting_into_a_full_queue_waits_for_room(kind):
    queue = kind(1)
    queue.put(1)
    (putter,) = putting(queue, 2)
    assert not putter.ready() and queue.qsize() == 1

    queue.get()
    putter.get()

    assert queue.get() == (4 if kind is Doubling else 2)


@pytest.mark.parametrize("maxsize", [None, 0, -1])
def test_without_a_size_there_is_always_room(maxsize):
    queue = Queue(maxsize)

    with assert_no_switch():
        for i in range(1000):
            queue.put(i)

    assert not queue.full() and len(queue) == 1000
    assert queue.maxsize <= 0


@pytest.mark.parametrize("kind", GETTING)
def test_a_negative_timeout_makes_no_sense(kind):
    queue = kind()
    queue.put(1)

    with pytest.raises(ValueError, match="non-negative"):
        queue.get(timeout=-1)
    with pytest.raises(ValueError, match="non-negative"):
        queue.peek(timeout=-1)
    if kind not in (SimpleQueue, UnboundQueue):
        with pytest.raises(ValueError, match="non-negative"):
            kind(1).put(1, timeout=-1)


def test_a_simple_queue_takes_the_arguments_of_the_other_and_ignores_them():
    queue = SimpleQueue()

    queue.put(1, False, -5)
    queue.put_nowait(2)

    assert [queue.get(), queue.get()] == [1, 2]
    assert not queue.full() and "0 items" in repr(queue)


# Who is served when


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue, UnboundQueue, SimpleQueue])
def test_an_item_goes_to_the_first_who_waits_and_cannot_be_snatched(kind):
    queue = kind()
    first, second = getting(queue, 2)

    queue.put(1)
    with pytest.raises(Empty):
        queue.get_nowait()
    queue.put(2)

    assert (first.get(), second.get()) == (1, 2)


def test_room_goes_to_the_first_who_waits_with_the_item_and_cannot_be_snatched():
    queue = Queue(1)
    queue.put(0)
    first, second = putting(queue, 1, 2)

    assert queue.get() == 0
    with pytest.raises(Full):
        queue.put_nowait(9)
    assert [queue.get(), queue.get()] == [1, 2]

    assert queue.empty()
    first.get(), second.get()


@pytest.mark.parametrize("kind", BOUNDED)
def test_everybody_gets_on_whatever_the_order(kind):
    queue, got = kind(2), []

    def consume() -> None:
        for _ in range(20):
            got.append(queue.get())
            if len(got) % 3 == 0:
                sleep(0)

    def produce(start: int) -> None:
        for i in range(20):
            queue.put(start + i)
            if i % 4 == 0:
                sleep(0)

    consumers = [spawn(consume) for _ in range(3)]
    for each in [spawn(produce, start) for start in (0, 100, 200)] + consumers:
        each.get()

    expected = [start + i for start in (0, 100, 200) for i in range(20)]
    assert sorted(got) == [2 * item if kind is Doubling else item for item in expected]
    assert queue.empty()


@pytest.mark.parametrize("kind", GETTING)
def test_who_times_out_loses_no_item(kind, clock: FakeClock):
    queue = kind()
    (getter,) = getting(queue, timeout=1)
    # At the moment at which the time is up, but before the greenlet has noticed.
    spawn_later(1, queue.put, 5)

    with pytest.raises(Empty):
        getter.get()
    wait_all_parked()

    assert queue.qsize() == 1


def test_who_times_out_while_there_is_room_has_put_nothing(clock: FakeClock):
    queue = Queue(1)
    queue.put(0)
    (putter,) = putting(queue, 1, timeout=1)
    spawn_later(1, queue.get)

    with pytest.raises(Full):
        putter.get()
    wait_all_parked()

    assert queue.empty()
    queue.put_nowait(2)


@pytest.fixture(autouse=True)
def _expected_reports(reports):
    """Greenlets fail of these in many tests here, and are asked for it."""
    yield
    for error in reports.take_errors():
        assert isinstance(error, (Empty, Full, ShutDown, KeyError, Timeout)), error


@pytest.mark.parametrize("kind", GETTING)
def test_who_is_killed_in_line_loses_no_item(kind):
    queue = kind()
    first, second = getting(queue, 2)

    first.kill()
    queue.put(5)

    assert second.get() == (10 if kind is Doubling else 5)


@pytest.mark.parametrize("kind", GETTING)
def test_who_is_killed_after_getting_an_item_has_it(kind):
    queue, log = kind(), []

    def get() -> None:
        log.append(queue.get())
        sleep(100)

    greenlet = spawn(get)
    wait_all_parked()
    queue.put(5)
    kill(greenlet)
    greenlet.join()

    assert log == [10 if kind is Doubling else 5]


@pytest.mark.parametrize("kind", BOUNDED)
def test_who_is_killed_while_waiting_for_room_has_put_nothing(kind):
    queue = kind(1)
    queue.put(1)
    first, second = putting(queue, 2, 3)

    first.kill()
    queue.get()
    second.get()

    assert queue.get() == (6 if kind is Doubling else 3)
    assert queue.empty() and queue.unfinished_tasks == 2


def test_an_outer_timeout_passes_through_by_identity(clock: FakeClock):
    queue = Queue(1)
    timeout = Timeout.start_new(1)
    with pytest.raises(Timeout) as caught:
        queue.get(timeout=5)
    assert caught.value is timeout
    queue.put(1)
    timeout = Timeout.start_new(1)
    with pytest.raises(Timeout) as caught:
        queue.put(2, timeout=5)
    assert caught.value is timeout


# In the hub


@pytest.mark.parametrize("kind", GETTING)
def test_items_can_be_put_and_got_in_the_hub(kind, in_hub):
    queue = kind()
    (getter,) = getting(queue)

    in_hub(queue.put_nowait, 5)
    assert getter.get() == (10 if kind is Doubling else 5)
    queue.put(5)
    assert in_hub(queue.get_nowait) == (10 if kind is Doubling else 5)


@pytest.mark.parametrize("kind", BOUNDED)
def test_getting_in_the_hub_makes_room_for_who_waits(kind, in_hub):
    queue = kind(1)
    queue.put(1)
    (putter,) = putting(queue, 2)

    in_hub(queue.get_nowait)

    putter.get()
    assert queue.qsize() == 1


def test_the_hub_must_not_wait_and_is_forgotten_when_it_tries(in_hub):
    queue = Queue(1)

    def refused(function, *args) -> bool:
        with pytest.raises(BlockingSwitchOutError):
            function(*args)
        return True

    assert in_hub(refused, queue.get)
    queue.put(1)
    assert in_hub(refused, queue.put, 2)
    assert queue.get() == 1 and queue.empty()


# Looking without taking


@pytest.mark.parametrize("kind", GETTING)
def test_an_item_can_be_looked_at_without_taking_it(kind):
    queue = kind()
    for item in (2, 1, 3):
        queue.put(item)

    first = queue.peek()

    assert first == queue.peek_nowait() == queue.peek(False) == queue.get()
    assert len(queue) == 2


@pytest.mark.parametrize("kind", GETTING)
def test_looking_waits_for_an_item_and_leaves_it(kind):
    queue = kind()
    looking = [spawn(queue.peek), spawn(queue.peek)]
    wait_all_parked()

    queue.put(5)

    expected = 10 if kind is Doubling else 5
    assert [each.get() for each in looking] == [expected] * 2
    assert queue.get() == expected


@pytest.mark.parametrize("kind", [Queue, SimpleQueue])
def test_who_looks_sees_an_item_that_somebody_else_takes(kind):
    queue = kind()
    looking, taking = spawn(queue.peek), spawn(queue.get)
    wait_all_parked()

    queue.put(5)

    assert looking.get() == taking.get() == 5


@pytest.mark.parametrize("kind", [Queue, SimpleQueue])
def test_nothing_to_look_at_is_empty(kind, clock: FakeClock):
    queue = kind()

    with pytest.raises(Empty):
        queue.peek_nowait()
    with pytest.raises(Empty):
        queue.peek(timeout=1)


# Being done


@pytest.mark.parametrize("kind", KINDS)
def test_joining_waits_until_everything_is_done(kind):
    queue = kind(None, [1, 2])
    joining = spawn(queue.join)
    wait_all_parked()

    for _ in range(2):
        assert not joining.ready()
        queue.get()
        queue.task_done()
        wait_all_parked()

    assert joining.get() is True
    with pytest.raises(ValueError, match="too many"):
        queue.task_done()


def test_joining_a_queue_in_which_everything_is_done_does_not_switch():
    with assert_no_switch():
        assert Queue().join() is True


def test_joining_times_out_with_false(clock: FakeClock):
    queue = Queue(None, [1])
    start = clock.now()

    assert queue.join(timeout=2) is False

    assert clock.now() == start + 2


def test_an_item_that_is_handed_over_counts_as_unfinished():
    queue = Queue()
    (getter,) = getting(queue)

    queue.put(5)

    assert queue.unfinished_tasks == 1 and queue.join(timeout=0) is False
    getter.join()
    queue.task_done()
    assert queue.unfinished_tasks == 0


def test_an_item_that_waits_for_room_counts_when_it_gets_it():
    queue = Queue(1, [1])
    putting(queue, 2)
    assert queue.unfinished_tasks == 1

    queue.get()

    assert queue.unfinished_tasks == 2
    queue.get()
    wait_all_parked()


def test_how_many_are_unfinished_can_be_given():
    assert Queue(None, [1, 2]).unfinished_tasks == 2
    assert Queue(None, [1, 2], unfinished_tasks=5).unfinished_tasks == 5
    assert JoinableQueue is Queue


# The end


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_that_is_shut_down_gives_what_it_has_and_takes_nothing(kind):
    queue = kind(None, [1])
    assert not queue.is_shutdown

    queue.shutdown()

    assert queue.is_shutdown
    with pytest.raises(ShutDown):
        queue.put(2)
    with pytest.raises(ShutDown):
        queue.put_nowait(2)
    assert queue.peek() == queue.get()
    for method in (queue.get, queue.get_nowait, queue.peek, queue.peek_nowait):
        with pytest.raises(ShutDown):
            method()


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_that_is_shut_down_immediately_drops_what_it_has(kind):
    queue = kind(None, [1, 2])
    queue.get()

    queue.shutdown(immediate=True)

    assert queue.empty() and queue.unfinished_tasks == 1
    with pytest.raises(ShutDown):
        queue.get()
    joining = spawn(queue.join)
    queue.task_done()
    assert joining.get() is True


@pytest.mark.parametrize("immediate", [True, False])
@pytest.mark.parametrize("kind", BOUNDED)
def test_who_waits_is_told_of_the_end(kind, immediate):
    full, empty = kind(1, [1]), kind()
    waiting = [*putting(full, 2, 3), *getting(empty, 2), spawn(empty.peek)]
    wait_all_parked()

    full.shutdown(immediate)
    empty.shutdown(immediate)

    for each in waiting:
        with pytest.raises(ShutDown):
            each.get()
    assert full.qsize() == (0 if immediate else 1)
    assert full.unfinished_tasks == full.qsize()


def test_a_queue_may_be_shut_down_again():
    queue = Queue(None, [1])

    queue.shutdown()
    queue.shutdown(immediate=True)
    queue.shutdown()

    assert queue.empty() and queue.is_shutdown


@pytest.mark.parametrize("kind", GETTING)
def test_iterating_takes_items_until_one_says_that_it_is_the_end(kind):
    queue = Queue() if kind in (PriorityQueue, LifoQueue, Doubling) else kind()
    spawn(lambda: [queue.put(item) for item in (1, 2, StopIteration, 3)])

    assert list(queue) == [1, 2]
    assert next(queue) == 3


def test_iterating_ends_when_the_queue_is_shut_down():
    queue = Queue(None, [1, 2])
    iterating = spawn(list, queue)
    wait_all_parked()

    queue.shutdown()

    assert iterating.get() == [1, 2]


def test_an_item_that_is_a_stop_iteration_of_another_kind_is_an_item():
    end = StopIteration()
    queue = Queue(None, [end, StopIteration])

    assert list(queue) == [end]


# Size


def test_the_size_may_be_changed_while_somebody_waits():
    queue = Queue(1, [0])
    first, second, third = putting(queue, 1, 2, 3)

    queue.maxsize = 3
    wait_all_parked()
    assert [first.ready(), second.ready(), third.ready()] == [True, True, False]
    queue.maxsize = None
    third.get()

    assert list(queue.queue) == [0, 1, 2, 3]
    queue.maxsize = 2
    assert queue.full() and queue.maxsize == 2
    queue.get(), queue.get()
    with pytest.raises(Full):
        queue.put_nowait(4)
    queue.get()
    queue.put_nowait(4)


def test_a_queue_can_begin_with_more_than_it_has_room_for():
    queue = Queue(1, [1, 2])

    assert queue.full()
    queue.get()
    with pytest.raises(Full):
        queue.put_nowait(3)
    queue.get()
    queue.put_nowait(3)


def test_an_unbound_queue_takes_no_size():
    with pytest.raises(ValueError, match="maxsize"):
        UnboundQueue(5)
    assert UnboundQueue(items=[1]).get() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_another_queue_with_the_same_items(kind):
    queue = kind(None, [2, 1, 3]) if kind is not Doubling else Queue(None, [2, 1, 3])
    queue.get()

    copy = queue.copy()

    assert type(copy) is type(queue) and copy.maxsize == queue.maxsize
    assert copy.unfinished_tasks == queue.unfinished_tasks == 3
    assert [copy.get(), copy.get()] == [queue.get(), queue.get()]


def test_a_copy_of_a_simple_queue_has_the_same_items():
    queue = SimpleQueue()
    for item in (1, 2, 3):
        queue.put(item)
    queue.get()

    copy = queue.copy()

    assert type(copy) is SimpleQueue
    assert [copy.get(), copy.get()] == [queue.get(), queue.get()] == [2, 3]


@pytest.mark.parametrize("kind", GETTING)
def test_it_has_a_length_and_is_true(kind):
    queue = kind()

    assert len(queue) == 0 and queue
    queue.put(1)
    assert len(queue) == 1


def test_its_repr_says_what_is_in_it_and_who_waits():
    queue = Queue(1, [5])
    putting(queue, 6)

    assert "maxsize=1" in repr(queue) and "5" in repr(queue) and "putters=1" in repr(queue)
    queue.get(), queue.get()
    getting(queue)
    assert "getters=1" in repr(queue)
    queue.put(1)
    wait_all_parked()


def test_the_errors_are_those_of_the_standard_library():
    assert Empty is stdlib_queue.Empty and Full is stdlib_queue.Full
    assert ShutDown is getattr(stdlib_queue, "ShutDown", ShutDown)


@pytest.mark.parametrize("kind", GETTING)
def test_it_can_be_subscripted_and_subclassed(kind):
    class Ours(kind[int]):
        def label(self) -> str:
            return "ours"

    queue = Ours()
    queue.put(1)
    queue.note = "attributes too"

    assert queue.label() == "ours"
    assert kind[int]().qsize() == 0
    queue.get()


@pytest.mark.parametrize("kind", GETTING)
def test_an_item_is_let_go_of_when_it_leaves(kind):
    class Item(float):
        pass

    queue = kind() if kind is not Doubling else Queue()
    gone = []
    (getter,) = getting(queue)
    for _ in range(3):
        item = Item(5)
        gone.append(weakref.ref(item))
        queue.put(item)
    del item
    getter.join()
    queue.get(), queue.get()
    del getter
    gc.collect()

    assert [ref() for ref in gone] == [None] * 3


# Subclasses that keep items in their own way


class Unique(Queue):
    """As in many a program: an item that is there already is not put in again."""

    def _init(self, maxsize: int) -> None:
        self.queue = set()

    def _put(self, item: object) -> None:
        self.queue.add(item)

    def _get(self) -> object:
        return self.queue.pop()


def test_a_subclass_decides_how_items_are_kept():
    queue = Unique(2)

    for _ in range(5):
        queue.put(1)
    queue.put(2)

    assert queue.full() and queue.qsize() == 2
    assert queue.unfinished_tasks == 6  # as in the standard library
    assert {queue.get(), queue.get()} == {1, 2}
    assert queue.empty()


def test_what_a_subclass_does_to_items_is_done_though_somebody_waits():
    queue = Unique()
    getter = spawn(lambda: (queue.get(), queue.get(timeout=0.001)))
    wait_all_parked()

    queue.put(1)
    queue.put(1)

    with pytest.raises(Empty):
        getter.get()


def test_a_subclass_may_keep_a_heap_in_its_own_way():
    class Largest(PriorityQueue):
        def _put(self, item: int) -> None:
            heapq.heappush(self.queue, -item)

        def _get(self) -> int:
            return -heapq.heappop(self.queue)

    queue = Largest()
    (getter,) = getting(queue)

    queue.put(1)
    assert getter.get() == 1
    for item in (1, 3, 2):
        queue.put(item)

    assert [queue.get() for _ in range(3)] == [3, 2, 1]


def test_a_subclass_may_bring_a_container():
    class Ours(deque):
        pass

    class OursInside(Queue):
        def _init(self, maxsize: int) -> None:
            self.queue = Ours()

    queue = OursInside(2)
    queue.put(1)

    assert isinstance(queue.queue, Ours) and list(queue.queue) == [1]
    assert queue.get() == 1


def test_what_is_in_a_queue_can_be_seen_and_cleared():
    queue = Queue()
    for i in range(20):
        queue.put(i)
        if i < 5:
            queue.get()

    assert list(queue.queue) == list(range(5, 20))
    assert queue.queue[0] == 5 and queue.queue[-1] == 19 and 7 in queue.queue
    queue.queue.clear()
    assert queue.empty() and len(queue.queue) == 0 and not queue.queue
    with pytest.raises(IndexError):
        queue.queue.popleft()
    with pytest.raises(IndexError):
        queue.queue[0]


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])
def test_there_is_room_again_once_what_is_in_a_queue_is_cleared(kind):
    queue = kind(2, [1, 2])

    queue.queue.clear()
    queue.put_nowait(3), queue.put_nowait(4)

    with pytest.raises(Full):
        queue.put_nowait(5)


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])
def test_who_waited_to_put_comes_in_once_what_is_in_a_queue_is_cleared(kind):
    queue = kind(2, [1, 2])
    (putter,) = putting(queue, 3)

    queue.queue.clear()

    # A list tells nobody that it was cleared: whoever gets next sees to it.
    assert queue.get() == 3
    putter.get()


@pytest.mark.parametrize("kind", [Queue, LifoQueue])
def test_clearing_what_is_in_a_queue_lets_putters_in_and_keeps_what_they_put(kind):
    queue = kind(2, [1, 2])
    first, second, third = putting(queue, 3, 4, 5)

    with assert_no_switch():
        queue.queue.clear()
    joinall([first, second])

    assert list(queue.queue) == [3, 4] and not third.ready()
    queue.get()
    third.get()


@pytest.mark.parametrize("kind", [Queue, LifoQueue])
def test_taking_from_what_is_in_a_queue_lets_a_putter_in(kind):
    queue = kind(2, [1, 2])
    first, second = putting(queue, 3, 4)

    assert queue.queue.popleft() == 1
    first.get()
    assert queue.queue.pop() == 3
    second.get()

    assert list(queue.queue) == [2, 4] and queue.full()


CHANGES = {
    "append": lambda items: items.append(9),
    "appendleft": lambda items: items.appendleft(9),
    "extend": lambda items: items.extend([8, 9]),
    "extendleft": lambda items: items.extendleft([8, 9]),
    "insert": lambda items: items.insert(1, 9),
    "remove": lambda items: items.remove(3),
    "pop": lambda items: items.pop(),
    "popleft": lambda items: items.popleft(),
    "set an item": lambda items: items.__setitem__(1, 9),
    "delete an item": lambda items: items.__delitem__(-2),
    "rotate": lambda items: items.rotate(),
    "rotate back": lambda items: items.rotate(-6),
    "reverse": lambda items: items.reverse(),
    "add": lambda items: items.__iadd__([8, 9]),
    "clear": lambda items: items.clear(),
}


@pytest.mark.parametrize("kind", [Queue, LifoQueue])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_in_a_queue_is_changed_as_a_deque_is_and_its_room_with_it(kind, change):
    queue, same = kind(8, [1, 2, 3, 4]), deque([1, 2, 3, 4])

    with assert_no_switch():
        CHANGES[change](queue.queue)
    CHANGES[change](same)

    assert queue.queue == same == queue.queue.copy() and queue.unfinished_tasks == 4
    for i in range(8 - len(same)):
        queue.put_nowait(i)
    with pytest.raises(Full):
        queue.put_nowait(8)
    assert queue.full()


@pytest.mark.parametrize("kind", [Queue, LifoQueue])
@pytest.mark.parametrize("change", ["append", "appendleft", "extend", "insert", "add"])
def test_who_waits_for_an_item_gets_one_that_is_put_in_past_the_queue(kind, change):
    queue = kind()
    first, second = getting(queue, 2)

    CHANGES[change](queue.queue)

    assert first.get() in (8, 9)
    if change in ("extend", "add"):
        assert first.value + second.get() == 17
    second.kill()


@pytest.mark.parametrize("kind", [Queue, LifoQueue])
def test_who_waits_for_room_comes_in_when_what_is_in_the_queue_is_deleted(kind):
    queue = kind(3, [1, 2, 3])
    first, second = putting(queue, 4, 5)

    del queue.queue[0:2]
    joinall([first, second])

    assert list(queue.queue) == [3, 4, 5]


@pytest.mark.parametrize("kind", [Queue, LifoQueue])
def test_putting_in_past_a_full_queue_takes_room_that_there_is_not(kind):
    queue = kind(1, [1])

    queue.queue.append(2)

    assert queue.full() and queue.qsize() == 2
    queue.get_nowait()
    with pytest.raises(Full):
        queue.put_nowait(3)
    queue.get_nowait()
    queue.put_nowait(3)


def test_a_change_of_what_is_in_a_queue_that_fails_leaves_it_as_it_was():
    queue = Queue(3, [1, 2])

    with pytest.raises(IndexError):
        del queue.queue[5]
    with pytest.raises(ValueError):
        queue.queue.remove(5)

    assert list(queue.queue) == [1, 2] and queue.queue[::-1] == [2, 1]
    assert queue.queue != [1] and queue.queue != (1, 2)
    queue.put_nowait(3)
    assert queue.full()


def test_a_finalizer_of_what_is_cleared_may_use_the_queue():
    class Item:
        def __del__(self) -> None:
            queue.put_nowait("new")

    queue = LifoQueue(2, [Item(), Item()])

    queue.queue.clear()

    assert list(queue.queue) == ["new", "new"]


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue", "PriorityQueue"])
def test_a_subclass_that_overrides_a_method_has_its_items_in_what_the_standard_library_has(kind):
    def overriding(base: type) -> object:
        class Ours(base):
            def _put(self, item: object) -> None:
                base._put(self, item)

        return Ours()

    assert type(overriding(getattr(hublet.sync, kind)).queue) is type(overriding(getattr(stdlib_queue, kind)).queue)


class Failing(Queue):
    """A queue whose methods fail when they are told to."""

    fail_put = fail_get = False

    def _put(self, item: object) -> None:
        if self.fail_put:
            self.fail_put = False
            raise KeyError("put")
        Queue._put(self, item)

    def _get(self) -> object:
        if self.fail_get:
            self.fail_get = False
            raise KeyError("get")
        return Queue._get(self)


def test_what_fails_to_be_put_leaves_everything_as_it_was():
    queue = Failing(1)
    queue.fail_put = True

    with pytest.raises(KeyError):
        queue.put(1)

    assert queue.empty() and queue.unfinished_tasks == 0
    queue.put(2)
    assert queue.get() == 2


def test_what_fails_to_be_put_makes_way_for_the_next_in_line():
    queue = Failing(1)
    queue.put(1)
    first, second = putting(queue, 2, 3)
    queue.fail_put = True

    queue.get()

    with pytest.raises(KeyError):
        first.get()
    second.get()
    assert queue.get() == 3


def test_what_fails_to_be_got_is_there_for_the_next_in_line():
    queue = Failing()
    first, second = getting(queue, 2)
    queue.fail_get = True

    queue.put(1)

    with pytest.raises(KeyError):
        first.get()
    assert second.get() == 1


def test_an_item_that_uses_the_queue_while_it_is_compared_does_no_harm():
    queue = PriorityQueue()

    class Item:
        def __init__(self, rank: int) -> None:
            self.rank = rank

        def __lt__(self, other: Item) -> bool:
            if extra:
                queue.put(extra.pop())
                with pytest.raises(Empty):
                    if queue.get_nowait() and queue.get_nowait():
                        pass
                queue.put(lost.pop())
            return self.rank < other.rank

    extra, lost = [Item(10)], [Item(20)]
    for rank in (3, 1, 2):
        queue.put(Item(rank))

    ranks = [queue.get().rank for _ in range(queue.qsize())]

    assert ranks == [1, 2, 3, 20]  # the 10 was got in the middle of it


# Finalizers and threads


@pytest.mark.parametrize("kind", GETTING)
def test_finalizers_may_put_and_get_in_the_middle_of_putting_and_getting(kind):
    queue, finalized = kind(), []

    class Finalized:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            finalized.append(None)
            queue.put_nowait(1)
            try:
                queue.get_nowait()
            except Empty:
                got_late.append(None)

    got_late: list[None] = []
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for i in range(300):
            Finalized()
            queue.put(i)
            assert queue.get(timeout=5) is not None
    finally:
        gc.set_threshold(*before)
    gc.collect()

    assert len(finalized) == 300
    assert queue.qsize() == len(got_late)


@pytest.mark.parametrize("maxsize", [1, 3, 0])
@pytest.mark.parametrize("kind", [*BOUNDED, SimpleQueue])
def test_every_item_is_delivered_once_between_threads(kind, maxsize, everywhere, request):
    if kind is SimpleQueue and maxsize:
        pytest.skip("a SimpleQueue has no size")
    queue = kind() if kind is SimpleQueue else kind(maxsize)
    got: list[int] = []
    numbers = iter(range(10**6))

    def put_and_get() -> None:
        mine = []
        for i in range(20):
            item = next(numbers)
            if i % 5 == 4:
                try:
                    queue.put(item, timeout=0.0001)
                except Full:
                    put.append(item)
                    continue
            elif i % 7 == 6:
                try:
                    queue.put_nowait(item)
                except Full:
                    put.append(item)
                    continue
            else:
                queue.put(item)
            if i % 3 == 2:
                try:
                    mine.append(queue.get(timeout=0.0001))
                    continue
                except Empty:
                    pass
            mine.append(queue.get())
        got.extend(mine)

    put: list[int] = []  # what was not put in after all
    everywhere(put_and_get)

    total = next(numbers)
    expected = sorted(set(range(total)) - set(put))
    assert sorted(got) == ([2 * item for item in expected] if kind is Doubling else expected)
    assert queue.empty()


@pytest.mark.parametrize("maxsize", [1, 5, 0])
def test_what_one_thread_puts_another_gets_in_the_same_order(maxsize, in_threads):
    queue, got, n = Queue(maxsize), [], 3000

    def put() -> None:
        for i in range(n):
            queue.put(i)

    def get() -> None:
        for _ in range(n):
            got.append(queue.get())

    in_threads(lambda: spawn(put).get(), get)
    assert got == list(range(n))
    got.clear()
    in_threads(put, lambda: spawn(get).get())
    assert got == list(range(n))
    got.clear()
    in_threads(lambda: spawn(put).get(), lambda: spawn(get).get())
    assert got == list(range(n))


def test_each_producers_items_come_in_order_to_each_consumer(everywhere):
    queue, streams = Queue(3), []
    producers = iter(range(1000))

    def produce_and_consume() -> None:
        me, seen = next(producers), []
        for i in range(30):
            queue.put((me, i))
            seen.append(queue.get())
        streams.append(seen)

    everywhere(produce_and_consume)

    for seen in streams:
        last: dict[int, int] = {}
        for producer, i in seen:
            assert last.get(producer, -1) < i
            last[producer] = i
    assert sum(map(len, streams)) == 62 * 30


def test_joining_between_threads_misses_nothing(everywhere):
    queue, joined = Queue(5), []

    def work() -> None:
        for _ in range(10):
            queue.put(1)
            queue.get()
            queue.task_done()
        queue.join()
        joined.append(None)

    calls = everywhere(work)

    assert len(joined) == calls and queue.unfinished_tasks == 0


def test_shutting_down_between_threads_lets_everybody_go(everywhere):
    queue, ended = Queue(2), []

    def work() -> None:
        try:
            while True:
                queue.put(1)
                queue.get()
        except ShutDown:
            ended.append(None)

    def end() -> None:
        while queue.unfinished_tasks < 500:
            sleep(0)
        queue.shutdown()

    calls = everywhere(work, end)

    assert len(ended) == calls


def test_kills_at_random_moments_lose_no_item(everywhere):
    queue, taken = Queue(2), []

    def pass_on() -> None:
        try:
            while True:
                item = queue.get()
                while True:
                    try:
                        queue.put(item)
                        break
                    except GreenletExit:
                        # Killed before it was put; it must not be lost, so put it before giving in.
                        queue.put(item)
                        raise
                sleep(0)
        except GreenletExit:
            taken.append(None)

    for token in range(2):
        queue.put(token)

    def stress() -> None:
        if get_hub_if_exists() is None:
            return
        victims = [spawn(pass_on) for _ in range(3)]
        for _ in range(5):
            sleep(0)
        killall(victims)

    everywhere(stress)

    assert sorted([queue.get_nowait(), queue.get_nowait()]) == [0, 1]


def test_a_thread_without_a_hub_makes_none(in_threads):
    queue, hubs, ready = Queue(1), [], Event()

    def put() -> None:
        queue.put(1)
        ready.set()
        queue.put(2)
        hubs.append(get_hub_if_exists())

    def get() -> None:
        ready.wait()
        queue.get()
        queue.get()
        hubs.append(get_hub_if_exists())

    in_threads(put, get)

    assert hubs == [None, None]


@pytest.mark.parametrize(
    "make",
    [int, float, str, lambda i: (i % 7, i), lambda i: (i - 50) * 10**18, lambda i: i % 5],
    ids=["int", "float", "str", "tuple", "of more than a word", "alike"],
)
def test_a_priority_queue_gives_every_kind_of_item_in_order(make):
    items = [make(i * 37 % 100) for i in range(100)]
    queue = PriorityQueue()
    for item in items[:60]:
        queue.put(item)
    first = [queue.get() for _ in range(20)]
    for item in items[60:]:
        queue.put(item)

    assert first == sorted(items[:60])[:20]
    assert [queue.get() for _ in range(80)] == sorted(sorted(items[:60])[20:] + items[60:])


def test_a_priority_queue_whose_items_cannot_be_compared_loses_none():
    queue = PriorityQueue()
    queue.put(1)

    with pytest.raises(TypeError):
        queue.put("one")

    assert queue.qsize() == 2 and {queue.queue[0], queue.queue[1]} == {1, "one"}

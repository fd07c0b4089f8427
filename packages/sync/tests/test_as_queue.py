"""Queues with what programs know of the standard library's: a mutex and conditions."""

from __future__ import annotations

import copy
import pickle
import threading
from fractions import Fraction

import pytest

from hublet.core import get_hub, joinall, sleep, spawn
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.sync import Condition, Empty, Full, RLock, ShutDown, SimpleQueue
from hublet.sync import Queue as OurQueue
from hublet.sync._as_queue import LifoQueue, PriorityQueue, Queue
from hublet.sync._queue_conditions import Mutex

KINDS = [Queue, LifoQueue, PriorityQueue]


class Unusual(Queue):
    """One that keeps its items itself."""

    def _init(self, maxsize: int) -> None:
        self.queue = []

    def _put(self, item: object) -> None:
        self.queue.append(item)

    def _get(self) -> object:
        return self.queue.pop(0)


ALL = [*KINDS, Unusual]


def waiting(condition, timeout: float | None = None):
    """Return a greenlet that waits for *condition*; its value is what `wait` returned."""

    def wait() -> bool:
        with condition:
            return condition.wait(timeout)

    greenlet = spawn(wait)
    wait_all_parked()
    return greenlet


def left(queue) -> list:
    found = []
    while not queue.empty():
        found.append(queue.get_nowait())
    return found


@pytest.mark.parametrize("kind", ALL)
def test_an_item_is_told_to_one_who_waits_for_not_empty(kind):
    queue = kind()
    first, second = waiting(queue.not_empty), waiting(queue.not_empty)

    with assert_no_switch():
        queue.put(1)
    wait_all_parked()

    assert first.get() is True and not second.ready()
    queue.put(2)
    assert second.get() is True


@pytest.mark.parametrize("kind", ALL)
def test_room_is_told_to_one_who_waits_for_not_full(kind):
    queue = kind(2)
    queue.put(1), queue.put(2)
    first, second = waiting(queue.not_full), waiting(queue.not_full)

    with assert_no_switch():
        queue.get()
    wait_all_parked()

    assert first.get() is True and not second.ready()
    queue.get()
    assert second.get() is True


@pytest.mark.parametrize("kind", ALL)
def test_getting_an_item_tells_one_who_waits_for_room_also_if_it_goes_from_hand_to_hand(kind):
    queue = kind(1)
    queue.put(1)
    first, second = waiting(queue.not_full), waiting(queue.not_full)
    queue.get()
    assert first.get() is True
    getter = spawn(queue.get)
    wait_all_parked()

    queue.put(2)

    assert getter.get() == 2 and second.get() is True


@pytest.mark.parametrize("kind", ALL)
def test_the_end_of_all_tasks_is_told_to_all_who_wait_for_it(kind):
    queue = kind()
    queue.put(1), queue.put(2)
    waiters = [waiting(queue.all_tasks_done) for _ in range(3)]

    queue.task_done()
    wait_all_parked()
    assert not any(each.ready() for each in waiters)
    queue.task_done()

    assert [each.get() for each in joinall(waiters)] == [True] * 3


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("name", ["not_empty", "not_full", "all_tasks_done"])
def test_waiting_for_a_condition_gives_up_when_the_time_is_up(kind, name, clock):
    assert waiting(getattr(kind(), name), 5).get() is False


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("name", ["not_empty", "not_full", "all_tasks_done"])
def test_shutting_down_is_told_to_all_who_wait_for_a_condition(kind, name):
    queue = kind(1)
    waiters = [waiting(getattr(queue, name)) for _ in range(2)]

    queue.shutdown()

    assert [each.get() for each in joinall(waiters)] == [True] * 2
    with pytest.raises(ShutDown):
        queue.put(1)


@pytest.mark.parametrize("kind", ALL)
def test_joining_with_a_timeout_through_the_condition_ends_in_time(kind, clock):
    queue = kind()
    queue.put(1)

    def join(seconds: float) -> bool:
        with queue.all_tasks_done:
            return queue.all_tasks_done.wait_for(lambda: not queue.unfinished_tasks, seconds)

    assert join(5) is False
    joiner = spawn(join, 60)
    wait_all_parked()
    queue.task_done()
    assert joiner.get() is True


@pytest.mark.parametrize("kind", ALL)
def test_emptying_a_queue_under_its_mutex_lets_putters_and_joiners_go(kind):
    queue = kind(2)
    queue.put(1), queue.put(2)
    putters, joiner = [spawn(queue.put, i) for i in (3, 4, 5)], spawn(queue.join)
    wait_all_parked()

    with queue.mutex:
        queue.queue.clear()
        queue.unfinished_tasks = 0
        queue.all_tasks_done.notify_all()
        queue.not_full.notify_all()
    joinall([*putters[:2], joiner])

    assert not putters[2].ready()
    assert queue.get() in (3, 4)
    putters[2].join()
    assert queue.unfinished_tasks == 3


@pytest.mark.parametrize("kind", ALL)
def test_an_item_put_in_under_the_mutex_goes_to_who_waits_in_get(kind):
    queue = kind()
    getter = spawn(queue.get)
    wait_all_parked()

    with queue.mutex:
        queue._put("item")
        queue.unfinished_tasks += 1
        queue.not_empty.notify()

    assert getter.get() == "item" and queue.unfinished_tasks == 1


@pytest.mark.parametrize("kind", ALL)
def test_several_items_are_taken_at_once_under_the_mutex(kind):
    queue = kind(4)

    def take_all() -> list:
        with queue.not_empty:
            while queue._qsize() < 3:
                queue.not_empty.wait()
            items = [queue._get() for _ in range(queue._qsize())]
            queue.not_full.notify(len(items))
            return items

    taker = spawn(take_all)
    for i in range(3):
        wait_all_parked()
        queue.put(i)

    assert sorted(taker.get()) == [0, 1, 2]
    for i in range(4):
        queue.put_nowait(i)
    with pytest.raises(Full):
        queue.put_nowait(4)


def test_an_item_may_be_put_at_the_front_under_the_mutex():
    queue = Queue()
    queue.put(2)

    with queue.mutex:
        queue.queue.appendleft(1)
        queue.not_empty.notify()

    assert left(queue) == [1, 2]


@pytest.mark.parametrize("kind", ALL)
def test_putting_and_getting_go_on_while_somebody_has_the_mutex_and_are_told_afterwards(kind):
    queue = kind()
    queue.put(1)

    def check() -> object:
        with queue.not_empty:
            before = queue._qsize()
            sleep(0)
            queue.not_empty.wait(0)  # gives it back, and is told
            return before, queue._qsize()

    checker = spawn(check)
    sleep(0)
    assert queue.mutex.locked()
    with assert_no_switch():
        queue.put(2)
        assert queue.get() in (1, 2)

    assert checker.get() == (1, 1)


@pytest.mark.parametrize("kind", ALL)
def test_what_happens_while_somebody_has_the_mutex_is_told_when_it_is_given_back(kind):
    queue = kind(1)
    waiter = waiting(queue.not_empty)

    with queue.mutex:
        queue.put(1)
        wait_all_parked()
        assert not waiter.ready()

    assert waiter.get() is True


def test_the_hub_may_put_while_somebody_has_the_mutex(in_hub):
    queue = Queue()
    waiter = waiting(queue.not_empty)

    with queue.mutex:
        in_hub(queue.put_nowait, 1)

    assert waiter.get() is True and queue.get_nowait() == 1


@pytest.mark.parametrize("kind", ALL)
def test_whoever_has_the_mutex_may_use_the_queue(kind):
    queue = kind(1)

    with queue.mutex, queue.mutex:
        queue.put(1)
        assert queue.full() and queue.qsize() == 1 and not queue.empty()
        with pytest.raises(Full):
            queue.put_nowait(2)
        assert queue.get() == 1
        queue.task_done()
        queue.join()
        with pytest.raises(Empty):
            queue.get_nowait()

    assert not queue.mutex.locked()


def test_a_condition_that_is_notified_without_the_mutex_is_an_error():
    queue = Queue()

    for notify in (queue.not_full.notify, queue.not_full.notify_all, queue.not_full.wait):
        with pytest.raises(RuntimeError, match="un-acquired"):
            notify()


def test_a_queue_whose_conditions_nobody_asked_for_has_none():
    queue = Queue()
    queue.put(1), queue.get(), queue.task_done()

    assert queue._audience is None
    assert queue.not_empty._lock is queue.mutex is queue.not_full._lock is queue.all_tasks_done._lock


def test_a_mutex_and_conditions_of_a_programs_own_are_told_too():
    class Reentrant(Queue):
        def __init__(self) -> None:
            Queue.__init__(self, 1)
            self.mutex = RLock()
            self.not_empty = Condition(self.mutex)
            self.not_full = Condition(self.mutex)

    queue = Reentrant()
    waiter = waiting(queue.not_empty)
    queue.put(1)
    assert waiter.get() is True
    waiter = waiting(queue.not_full)
    assert queue.get() == 1
    assert waiter.get() is True


def test_a_queue_is_freed_with_its_conditions_without_the_collector():
    import gc
    import weakref

    queue = Queue()
    queue.put(1)
    with queue.not_empty:
        queue.not_empty.notify_all()
    gone = weakref.ref(queue)
    gc.disable()
    try:
        del queue
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_queues_of_ours_and_of_one_another(kind):
    assert isinstance(kind(), Queue) and isinstance(kind(), OurQueue)


@pytest.mark.parametrize("kind", ALL)
def test_native_threads_miss_nothing_between_looking_and_waiting(kind, in_threads):
    queue = kind(3)
    number = 2000
    got: list[int] = []

    def put() -> None:
        for i in range(number):
            with queue.not_full:
                while queue._qsize() >= 3:
                    assert queue.not_full.wait(30)
            queue.put(i)

    def get() -> None:
        for _ in range(number):
            with queue.not_empty:
                while not queue._qsize():
                    assert queue.not_empty.wait(30)
            got.append(queue.get())

    in_threads(put, get)

    assert sorted(got) == list(range(number))


def test_many_native_threads_that_ask_for_the_mutex_at_once_get_the_same(in_threads):
    queue, barrier, found = Queue(), threading.Barrier(8), []

    def ask() -> None:
        barrier.wait(30)
        found.append(queue.mutex)

    in_threads(*[ask] * 8)

    assert len(set(map(id, found))) == 1 and queue.mutex is found[0]


def test_a_greenlet_that_is_killed_while_it_waits_has_the_mutex_and_gives_it_back():
    queue = Queue()
    waiter = waiting(queue.not_empty)

    waiter.kill()

    assert not queue.mutex.locked()
    queue.put(1)
    assert get_hub() is not None and queue.get() == 1


@pytest.mark.parametrize("kind", ALL)
def test_what_comes_between_looking_and_waiting_is_not_missed(kind):
    queue = kind()

    def look_and_wait() -> bool:
        with queue.not_empty:
            assert not queue._qsize()
            sleep(0)
            return queue.not_empty.wait()

    waiter = spawn(look_and_wait)
    sleep(0)
    queue.put(1)

    assert waiter.get() is True


def test_what_is_to_be_done_under_the_mutex_is_done_whenever_it_comes(interleaved):
    class WithList(Mutex):
        def __init__(self) -> None:
            Mutex.__init__(self)
            self.done: list[bool] = []

        def note(self) -> None:
            self.do(lambda: self.done.append(self.locked()))

    def take_and_give_back(mutex: WithList) -> None:
        with mutex:
            pass

    def in_a_thread(mutex: WithList) -> None:
        interleaved.beside(mutex.note, lambda: False)

    def check(mutex: WithList, *_: object) -> None:
        assert mutex.done == [True] and not mutex.locked()

    interleaved(WithList, take_and_give_back, WithList.note, check)
    interleaved(WithList, take_and_give_back, in_a_thread, check)


@pytest.mark.parametrize("kind", KINDS)
def test_put_nowait_and_get_nowait_go_through_what_a_subclass_makes_of_put_and_get(kind):
    class Wrapping(kind):
        def put(self, item, *, block=True, timeout=None) -> None:
            kind.put(self, ("wrapped", item), block, timeout)

        def get(self, *, timeout=None, block=True):
            return kind.get(self, block, timeout)[1]

    queue = Wrapping(1)
    queue.put_nowait(1)
    with pytest.raises(Full):
        queue.put_nowait(2)

    assert queue.get_nowait() == 1
    with pytest.raises(Empty):
        queue.get_nowait()


@pytest.mark.parametrize("kind", ALL)
def test_a_timeout_of_put_has_no_meaning_where_there_is_always_room(kind):
    queue, bounded = kind(), kind(1)
    queue.put(1, timeout=-1)
    queue.put(2, timeout=-2)

    assert queue.qsize() == 2
    with pytest.raises(ValueError, match="non-negative"):
        bounded.put(1, timeout=-1)


@pytest.mark.parametrize("kind", ALL)
def test_a_queue_that_is_initialised_again_is_empty_and_has_all_its_room(kind):
    queue = kind(2)
    for _ in range(2):
        queue.put(1), queue.put(2)
        with queue.mutex:
            queue._init(queue.maxsize)
        assert queue.empty()

    queue.put_nowait(1), queue.put_nowait(2)
    with pytest.raises(Full):
        queue.put_nowait(3)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("maxsize", "room"), [(2.5, 3), (3.0, 3), (Fraction(5, 2), 3)])
def test_room_may_be_any_number(kind, maxsize, room):
    queue, changed = kind(maxsize), kind(1)
    changed.maxsize = maxsize
    for each in (queue, changed):
        for i in range(room):
            each.put_nowait(i)
        assert each.full()
        with pytest.raises(Full):
            each.put_nowait(room)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("maxsize", [float("inf"), 2**80])
def test_room_may_be_without_end(kind, maxsize):
    queue = kind(maxsize)
    queue.put_nowait(1)

    assert not queue.full() and queue.qsize() < queue.maxsize


@pytest.mark.parametrize("kind", [Queue, LifoQueue])
def test_contents_may_be_pickled_copied_and_sorted(kind):
    queue = kind()
    queue.put([3]), queue.put([1]), queue.put([2])

    copied = copy.deepcopy(queue.queue)
    queue.queue.sort(reverse=True)

    assert list(pickle.loads(pickle.dumps(queue.queue))) == [[3], [2], [1]]
    assert list(copied) == [[3], [1], [2]] and copied[0] is not queue.queue[0]


@pytest.mark.parametrize("kind", ALL)
def test_saying_what_a_queue_is_does_not_ask_its_items(kind):
    class Secret:
        def __repr__(self) -> str:
            raise AssertionError("asked")

    queue = kind()
    queue.put(Secret())
    assert repr(queue).startswith(f"<{kind.__qualname__} at ")
    queue.get()
    queue.put(queue)
    assert repr(queue).startswith(f"<{kind.__qualname__} at ")


@pytest.mark.parametrize("kind", [*ALL, SimpleQueue])
@pytest.mark.parametrize(
    "use",
    [
        lambda queue: queue.put(1),
        lambda queue: queue.put_nowait(1),
        lambda queue: queue.get(),
        lambda queue: queue.get_nowait(),
        lambda queue: queue.peek(),
        lambda queue: queue.shutdown(),
        lambda queue: setattr(queue, "unfinished_tasks", 1) or queue.join(),
        lambda queue: setattr(queue, "unfinished_tasks", 1) or queue.task_done(),
    ],
)
def test_using_a_queue_whose_subclass_has_not_called_init_is_an_error(kind, use):
    class Forgetful(kind):
        def __init__(self) -> None:
            self.name = "something else"

    with pytest.raises((AttributeError, TypeError)):
        use(Forgetful())

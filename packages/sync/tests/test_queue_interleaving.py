"""Every step of every operation on a queue, with another thread, a signal handler or a finalizer coming in just there."""

from __future__ import annotations

import time

import pytest

from hublet.core.lowlevel import Waiter
from hublet.sync import Channel, Empty, Full, LifoQueue, PriorityQueue, Queue, ShutDown, SimpleQueue
from hublet.sync._offers import Offer


class Inherited(Queue):
    """A queue whose items are kept by methods that a subclass overrides."""

    def _put(self, item):
        Queue._put(self, item)


BOUNDED = {kind.__name__: kind for kind in (Queue, LifoQueue, PriorityQueue, Inherited)}
KINDS = {**BOUNDED, "SimpleQueue": SimpleQueue}


def eq(one, other):
    assert one == other


def outcome(function, *args):
    """Return what *function* returns, or the type of what it raises."""
    try:
        return function(*args)
    except (Empty, Full, ShutDown, ValueError) as error:
        return type(error)


def full(kind, *items):
    """Return a maker of queues with no room for more than these items."""

    def make():
        queue = BOUNDED[kind](len(items))
        for item in items:
            queue.put(item)
        return queue

    return make


def drained(queue):
    found = []
    while not queue.empty():
        found.append(queue.get_nowait())
    return found


def joins(interleaved, queue, function, line=()):
    """Call *function* in a thread, and go on once it is finished, parked in *line*, or kept out by who is inside."""
    length = len(line)
    interleaved.beside(function, lambda: len(line) > length or getattr(queue, "_inside", 0))


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_that_comes_in_the_middle_of_getting_is_noticed(kind, interleaved):
    interleaved(KINDS[kind], lambda q: q.get(), lambda q: q.put(5), lambda q, got, _: eq((got, q.qsize()), (5, 0)))
    interleaved(
        KINDS[kind],
        lambda q: q.get(),
        lambda q: joins(interleaved, q, lambda: q.put(5)),
        lambda q, got, _: eq((got, q.qsize()), (5, 0)),
    )


@pytest.mark.parametrize("kind", BOUNDED)
def test_room_that_comes_in_the_middle_of_putting_is_noticed(kind, interleaved):
    got = []

    def get(queue):
        got.clear()
        joins(interleaved, queue, lambda: got.append(queue.get()))

    def check(queue, *_):
        # Only a stack gives the item that came last.
        found, left = (got, drained(queue))
        assert sorted(found + left) == [1, 2] and len(found) == 1
        assert queue.unfinished_tasks == 2

    interleaved(full(kind, 1), lambda q: q.put(2), get, check)


@pytest.mark.parametrize("kind", KINDS)
def test_both_items_of_two_are_there(kind, interleaved):
    interleaved(KINDS[kind], lambda q: q.put(1), lambda q: q.put(2), lambda q, *_: eq(sorted(drained(q)), [1, 2]))


@pytest.mark.parametrize("kind", KINDS)
def test_one_item_is_got_by_one_of_two(kind, interleaved):
    def make():
        queue = KINDS[kind]()
        queue.put(5)
        return queue

    def get(queue):
        return outcome(queue.get_nowait)

    interleaved(make, get, get, lambda q, *got: eq((set(got), q.qsize()), ({5, Empty}, 0)))


@pytest.mark.parametrize("kind", BOUNDED)
def test_room_for_one_is_used_by_one_of_two(kind, interleaved):
    def put(queue):
        return outcome(queue.put_nowait, 5)

    def check(queue, *put):
        # Who comes in while the methods of a subclass run has its item kept aside, and put in on the way out.
        if kind in ("Queue", "LifoQueue"):
            assert set(put) == {None, Full}
        assert drained(queue) == [5] * put.count(None)
        assert queue.unfinished_tasks == put.count(None)

    interleaved(lambda: BOUNDED[kind](1), put, put, check)


@pytest.mark.parametrize("kind", KINDS)
def test_who_comes_to_get_in_the_middle_of_putting_is_served(kind, interleaved):
    got = []

    def join(queue):
        got.clear()
        joins(interleaved, queue, lambda: got.append(queue.get()), queue._getters)

    interleaved(KINDS[kind], lambda q: q.put(5), join, lambda q, *_: eq((got, q.qsize()), ([5], 0)))


@pytest.mark.parametrize("kind", BOUNDED)
def test_who_comes_to_put_in_the_middle_of_getting_is_served(kind, interleaved):
    def join(queue):
        joins(interleaved, queue, lambda: queue.put(2), queue._putters)

    interleaved(full(kind, 1), lambda q: q.get(), join, lambda q, got, _: eq([got, *drained(q)], [1, 2]))


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue"])
@pytest.mark.parametrize("method", ["clear", "pop", "popleft"])
def test_who_comes_to_put_in_the_middle_of_taking_from_what_is_there_is_served(kind, method, interleaved):
    def join(queue):
        joins(interleaved, queue, lambda: queue.put(2), queue._putters)

    interleaved(
        full(kind, 1), lambda q: getattr(q.queue, method)(), join, lambda q, *_: eq((drained(q), q.unfinished_tasks), ([2], 2))
    )


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue"])
def test_room_is_counted_whoever_uses_the_queue_in_the_middle_of_clearing_it(kind, interleaved):
    def check(queue, *_):
        while queue.qsize() < 2:
            queue.put_nowait(3)
        assert outcome(queue.put_nowait, 4) is Full

    interleaved(full(kind, 1, 2), lambda q: q.queue.clear(), lambda q: outcome(q.get_nowait), check)
    interleaved(full(kind, 1, 2), lambda q: q.queue.clear(), lambda q: outcome(q.put_nowait, 3), check)


class Wanted:
    """A queue, somebody in the line of those who want an item, and what others got."""

    def __init__(self, queue):
        self.queue, self.waiter, self.got = queue, Waiter(), []
        self.queue._getters.add(self.waiter)

    def is_given_up(self):
        return self.waiter.unpark()


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_for_somebody_who_gives_up_is_not_lost(kind, interleaved):
    def check(wanted, _, gave_up):
        if gave_up or kind == "Inherited":  # a subclass has the waiter told to look
            assert drained(wanted.queue) == [5]
        else:
            assert (wanted.waiter.value, drained(wanted.queue)) == (5, [])

    interleaved(lambda: Wanted(KINDS[kind]()), lambda w: w.queue.put(5), Wanted.is_given_up, check)


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_for_somebody_who_gives_up_goes_to_who_came_meanwhile(kind, interleaved):
    def intrude(wanted):
        gave_up = wanted.is_given_up()
        if gave_up:
            queue = wanted.queue
            joins(interleaved, queue, lambda: wanted.got.append(queue.get()), queue._getters)
        return gave_up

    interleaved(
        lambda: Wanted(KINDS[kind]()),
        lambda w: w.queue.put(5),
        intrude,
        lambda w, _, gave_up: eq(w.got, [5] * gave_up),
    )


class Offered:
    """A full queue, and somebody who waits with an item."""

    def __init__(self, queue):
        self.queue = queue
        self.offer = Offer(queue, 2)
        self.queue._putters.add(self.offer)

    def is_withdrawn(self):
        return self.offer.waiter.unpark()


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue", "Inherited"])
def test_room_for_somebody_who_gives_up_is_not_lost(kind, interleaved):
    def check(offered, got, gave_up):
        assert got == 1
        if kind != "Inherited":
            assert drained(offered.queue) == ([] if gave_up else [2])
        offered.queue.put_nowait(3)
        assert outcome(offered.queue.put_nowait, 4) is Full

    interleaved(lambda: Offered(full(kind, 1)()), lambda o: o.queue.get(), Offered.is_withdrawn, check)


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue", "Inherited"])
def test_room_for_somebody_who_gives_up_goes_to_who_came_meanwhile(kind, interleaved):
    def intrude(offered):
        gave_up = offered.is_withdrawn()
        if gave_up:
            joins(interleaved, offered.queue, lambda: offered.queue.put(3), offered.queue._putters)
        return gave_up

    def check(offered, got, gave_up):
        assert got == 1
        if gave_up:
            assert drained(offered.queue) == [3]

    interleaved(lambda: Offered(full(kind, 1)()), lambda o: o.queue.get(), intrude, check)


def test_what_a_putter_puts_next_does_not_overtake_what_it_waited_with(interleaved):
    class Busy:
        """A full queue, a thread that waits to put 2 and will put 3 after that, and what others got."""

        def __init__(self):
            self.queue, self.got = full("Queue", 1)(), []
            interleaved.beside(self.produce, lambda: len(self.queue._putters))

        def produce(self):
            self.queue.put(2)
            self.queue.put(3)

        def get(self):
            self.got.append(self.queue.get())

    def intrude(busy):
        # Somebody comes for an item, and the producer, if it has been let go, has time to go on.
        joins(interleaved, busy.queue, busy.get, busy.queue._getters)
        time.sleep(0.002)

    def check(busy, first, _):
        assert sorted([first, *busy.got, *drained(busy.queue)]) == [1, 2, 3]
        assert busy.got != [3] or first == 2  # or the 3 was got while the 2 was still to come

    interleaved(Busy, lambda busy: busy.queue.get(), intrude, check)


@pytest.mark.parametrize("kind", ["Queue", "Inherited", "SimpleQueue"])
def test_items_come_out_in_their_order_whoever_takes_them(kind, interleaved):
    def put(queue):
        for item in range(4):
            queue.put(item)

    def get(queue):
        return [outcome(queue.get_nowait), outcome(queue.get_nowait)]

    def check(queue, _, got):
        assert [item for item in got if item is not Empty] + drained(queue) == [0, 1, 2, 3]

    interleaved(KINDS[kind], put, get, check)


@pytest.mark.parametrize("kind", KINDS)
def test_looking_notices_what_comes_in_the_middle(kind, interleaved):
    interleaved(KINDS[kind], lambda q: q.peek(), lambda q: q.put(5), lambda q, seen, _: eq((seen, q.get()), (5, 5)))


@pytest.mark.parametrize("kind", [Queue, SimpleQueue])
def test_who_looks_in_the_middle_of_putting_sees_the_item(kind, interleaved):
    seen = []

    def look(queue):
        seen.clear()
        joins(interleaved, queue, lambda: seen.append(queue.peek()), queue._peekers)

    interleaved(kind, lambda q: q.put(5), look, lambda q, *_: eq((seen, q.get()), ([5], 5)))


def test_joining_notices_what_is_done_in_the_middle(interleaved):
    interleaved(
        lambda: Queue(None, [1]),
        lambda q: q.join(),
        lambda q: q.task_done(),
        lambda q, joined, _: eq((joined, q.unfinished_tasks), (True, 0)),
    )


def test_who_joins_in_the_middle_of_being_done_goes_on(interleaved):
    def join(queue):
        joins(interleaved, queue, queue.join, queue._joiners)

    interleaved(lambda: Queue(None, [1]), lambda q: q.task_done(), join, lambda q, *_: eq(q.unfinished_tasks, 0))


def test_what_is_done_is_counted_exactly(interleaved):
    def done(queue):
        return outcome(queue.task_done)

    interleaved(lambda: Queue(None, [1, 2]), done, done, lambda q, *_: eq(q.unfinished_tasks, 0))
    interleaved(lambda: Queue(None, [1]), done, done, lambda q, *done: eq(set(done), {None, ValueError}))


@pytest.mark.parametrize("immediate", [True, False])
@pytest.mark.parametrize("kind", BOUNDED)
def test_the_end_in_the_middle_of_waiting_is_noticed(kind, immediate, interleaved):
    def end(queue):
        joins(interleaved, queue, lambda: queue.shutdown(immediate))

    def check_put(queue, result, _):
        # Where the end drops what is there, an item may find room, and be dropped with the others.
        assert result is ShutDown or immediate
        left = [] if immediate else [1]
        assert (drained(queue), queue.unfinished_tasks) == (left, len(left))

    interleaved(BOUNDED[kind], lambda q: outcome(q.get), end, lambda q, result, _: eq(result, ShutDown))
    interleaved(BOUNDED[kind], lambda q: outcome(q.peek), end, lambda q, result, _: eq(result, ShutDown))
    interleaved(full(kind, 1), lambda q: outcome(q.put, 2), end, check_put)


@pytest.mark.parametrize("kind", BOUNDED)
def test_who_comes_in_the_middle_of_the_end_is_told(kind, interleaved):
    told = []

    def get(queue):
        told.clear()
        joins(interleaved, queue, lambda: told.append(outcome(queue.get)), queue._getters)

    def put(queue):
        told.clear()
        joins(interleaved, queue, lambda: told.append(outcome(queue.put, 2)), queue._putters)

    interleaved(BOUNDED[kind], lambda q: q.shutdown(), get, lambda *_: eq(told, [ShutDown]))
    interleaved(full(kind, 1), lambda q: q.shutdown(), put, lambda *_: eq(told, [ShutDown]))


@pytest.mark.parametrize("kind", BOUNDED)
def test_a_larger_size_in_the_middle_of_waiting_for_room_is_noticed(kind, interleaved):
    def enlarge(queue):
        joins(interleaved, queue, lambda: setattr(queue, "maxsize", 2))

    interleaved(full(kind, 1), lambda q: q.put(2), enlarge, lambda q, *_: eq(sorted(drained(q)), [1, 2]))


# Channels


def test_both_sides_of_a_channel_find_each_other(interleaved):
    got = []

    def get(channel):
        got.clear()
        joins(interleaved, channel, lambda: got.append(channel.get()), channel._getters)

    def put(channel):
        joins(interleaved, channel, lambda: channel.put(5), channel._putters)

    interleaved(Channel, lambda c: c.put(5), get, lambda c, *_: eq((got, c.balance), ([5], 0)))
    interleaved(Channel, lambda c: c.get(), put, lambda c, found, _: eq((found, c.balance), (5, 0)))


def test_an_item_in_a_channel_is_got_by_one_of_two(interleaved):
    def get(offered):
        return outcome(offered.queue.get_nowait)

    interleaved(lambda: Offered(Channel()), get, get, lambda o, *got: eq((set(got), o.queue.balance), ({2, Empty}, 0)))


def test_somebody_who_waits_at_a_channel_gets_one_of_two_items(interleaved):
    def put(item):
        return lambda wanted: outcome(wanted.queue.put_nowait, item)

    def check(wanted, *put):
        assert set(put) == {None, Full}
        assert wanted.waiter.value == (1 if put[0] is None else 2)

    interleaved(lambda: Wanted(Channel()), put(1), put(2), check)


def test_an_item_for_somebody_who_leaves_a_channel_is_not_lost(interleaved):
    interleaved(
        lambda: Wanted(Channel()),
        lambda w: outcome(w.queue.put_nowait, 5),
        Wanted.is_given_up,
        lambda w, put, left: eq((put is Full, w.waiter.value), (left, None if left else 5)),
    )

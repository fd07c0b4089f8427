"""`open_channel`: ends that clone and close."""

from __future__ import annotations

import gc
import weakref
from math import inf

import pytest

from hublet.core import joinall, sleep, spawn
from hublet.core.testing import wait_all_parked
from hublet.sync import BrokenResourceError, ClosedResourceError, Empty, EndOfChannel, Full, open_channel

CAPACITIES = pytest.mark.parametrize("capacity", [0, 1, 5, inf])


@CAPACITIES
def test_iteration_ends_when_all_senders_are_closed(capacity):
    sender, receiver = open_channel(capacity)

    def send(end, items):
        with end:
            for item in items:
                end.send(item)

    greenlets = [spawn(send, sender.clone(), range(10)), spawn(send, sender, range(10, 20))]

    assert sorted(receiver) == list(range(20))
    joinall(greenlets, raise_error=True)
    with pytest.raises(EndOfChannel):
        receiver.receive()


@CAPACITIES
def test_who_waits_to_receive_is_told_of_the_end(capacity):
    sender, receiver = open_channel(capacity)
    waiting = [spawn(list, receiver), spawn(list, receiver.clone())]
    wait_all_parked()

    clone = sender.clone()
    sender.close()
    wait_all_parked()
    assert not any(each.ready() for each in waiting)
    clone.close()

    assert [each.get() for each in waiting] == [[], []]


@CAPACITIES
def test_sending_when_all_receivers_are_closed_is_an_error(capacity):
    sender, receiver = open_channel(capacity)
    clone = receiver.clone()
    receiver.close()
    receiver.close()
    if capacity:
        sender.send(1)
        assert clone.receive() == 1

    clone.close()
    for send in (sender.send, sender.send_nowait, sender.clone().send):
        with pytest.raises(BrokenResourceError, match="nobody is left to receive"):
            send(2)


@pytest.mark.parametrize("capacity", [0, 1])
def test_who_waits_to_send_is_told_that_nobody_receives_any_more(capacity, reports):
    sender, receiver = open_channel(capacity)
    for i in range(capacity):
        sender.send(i)
    waiting = spawn(sender.send, "late")
    wait_all_parked()

    receiver.close()
    waiting.join()

    assert isinstance(waiting.exception, BrokenResourceError)
    assert [type(error) for error in reports.take_errors()] == [BrokenResourceError]


def test_what_was_sent_is_received_after_the_senders_are_closed():
    sender, receiver = open_channel(3)
    for i in range(3):
        sender.send(i)
    sender.close()

    assert list(receiver) == [0, 1, 2]


@CAPACITIES
def test_a_closed_end_cannot_be_used(capacity, reports):
    sender, receiver = open_channel(capacity)
    waiting = spawn(receiver.receive)
    wait_all_parked()
    sender.close()
    receiver.close()
    waiting.join()

    assert isinstance(waiting.exception, (EndOfChannel, ClosedResourceError)) and len(reports.take_errors()) == 1
    for use in (sender.send_nowait, sender.send):
        with pytest.raises(ClosedResourceError, match="closed"):
            use(1)
    for use in (receiver.receive, receiver.receive_nowait, receiver.clone, sender.clone, lambda: next(receiver)):
        with pytest.raises(ClosedResourceError):
            use()
    assert sender.closed and receiver.closed


def test_each_end_waits_no_longer_than_it_may():
    sender, receiver = open_channel(1)

    with pytest.raises(Empty):
        receiver.receive_nowait()
    with pytest.raises(Empty):
        receiver.receive(timeout=0.001)
    sender.send(1)
    with pytest.raises(Full):
        sender.send_nowait(2)
    with pytest.raises(Full):
        sender.send(2, timeout=0.001)
    assert receiver.receive() == 1


def test_without_capacity_sending_waits_for_a_receiver():
    sender, receiver = open_channel(0)
    sending = spawn(sender.send, "x")
    wait_all_parked()

    assert not sending.ready()
    assert receiver.receive() == "x"
    sending.get()


def test_what_nobody_will_receive_is_let_go_of():
    class Item:
        pass

    sender, receiver = open_channel(1)
    item = Item()
    item_is_there = weakref.ref(item)
    sender.send(item)
    del item

    receiver.close()
    gc.collect()

    assert item_is_there() is None


def test_a_capacity_that_is_none_is_refused():
    for wrong, error in ((-1, ValueError), (1.5, TypeError), (None, TypeError)):
        with pytest.raises(error):
            open_channel(wrong)


@CAPACITIES
def test_every_item_arrives_once_whichever_threads_the_ends_are_in(capacity, in_threads):
    sender, receiver = open_channel(capacity)
    received = []

    def send(end, base):
        with end:
            for i in range(200):
                end.send(base + i)

    def receive(end):
        with end:
            received.extend(end)

    def sends(*bases):
        ends = [sender.clone() for _ in bases]
        return lambda: joinall([spawn(send, end, base) for end, base in zip(ends, bases)], raise_error=True)

    def receives():
        end = receiver.clone()
        return lambda: receive(end)

    work = [sends(0, 1000), sends(2000), receives(), receives()]
    sender.close()
    receiver.close()
    in_threads(*work)

    assert sorted(received) == [base + i for base in (0, 1000, 2000) for i in range(200)]


def test_items_stay_in_order():
    sender, receiver = open_channel(2)

    def send():
        with sender:
            for i in range(50):
                sender.send(i)
                if i % 7 == 0:
                    sleep(0)

    spawn(send)

    assert list(receiver) == list(range(50))

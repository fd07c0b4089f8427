"""Links: who wants to know that a greenlet is finished is told once, in order, and cannot harm the others."""

from __future__ import annotations

import pytest

from hublet.core import BlockingSwitchOutError, Greenlet, GreenletExit, get_hub, getcurrent, sleep, spawn
from hublet.core._spawned_link import FailureSpawnedLink, SpawnedLink, SuccessSpawnedLink
from hublet.core.testing import assert_no_switch, wait_all_parked


def fail(error: BaseException) -> None:
    raise error


def finished(function=int, *args: object) -> Greenlet:
    greenlet = spawn(function, *args)
    greenlet.join()
    return greenlet


def test_a_link_is_called_with_the_greenlet_when_it_is_finished():
    greenlet = spawn(int)
    seen = []
    greenlet.rawlink(lambda source: seen.append((source, source.ready())))
    assert seen == []

    wait_all_parked()

    assert seen == [(greenlet, True)]


def test_a_link_on_a_finished_greenlet_still_fires_but_not_at_once():
    greenlet = finished()
    seen = []

    with assert_no_switch():
        greenlet.rawlink(seen.append)
        greenlet.link(seen.append)
    assert seen == []

    wait_all_parked()
    assert seen == [greenlet, greenlet]


def test_each_link_on_a_finished_greenlet_fires_once():
    greenlet = finished()
    seen = []

    for _ in range(3):
        greenlet.rawlink(seen.append)
        wait_all_parked()

    assert len(seen) == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_links_fire_in_the_order_of_their_registration(when: str):
    greenlet = spawn(int) if when == "before" else finished()
    order = []

    for i in range(10):
        greenlet.rawlink(lambda source, i=i: order.append(i))
    wait_all_parked()

    assert order == list(range(10))


def test_links_of_several_kinds_fire_in_the_order_of_their_registration():
    greenlet = spawn(int)
    order = []

    greenlet.link(lambda source: order.append("link"))
    greenlet.link_value(lambda source: order.append("value"))
    greenlet.link(lambda source: order.append("other"))
    wait_all_parked()

    assert order == ["link", "value", "other"]


def test_the_same_callback_linked_twice_is_called_twice():
    greenlet = spawn(int)
    seen = []
    callback = seen.append
    greenlet.rawlink(callback)
    greenlet.rawlink(callback)

    wait_all_parked()

    assert seen == [greenlet, greenlet]


@pytest.mark.parametrize("link", ["rawlink", "link", "link_value", "link_exception"])
def test_an_unlinked_callback_is_not_called(link: str):
    greenlet = spawn(int)
    seen = []
    callback = seen.append
    getattr(greenlet, link)(callback)
    assert greenlet.has_links()

    greenlet.unlink(callback)
    wait_all_parked()

    assert seen == []
    assert not greenlet.has_links()


def test_unlink_all_forgets_all():
    greenlet = spawn(int)
    seen = []
    greenlet.rawlink(seen.append)
    greenlet.link(seen.append)

    greenlet.unlink_all()
    wait_all_parked()

    assert seen == []


def test_unlinking_a_stranger_does_nothing():
    greenlet = spawn(int)

    greenlet.unlink(print)
    greenlet.rawlink(lambda source: None)
    greenlet.unlink(print)

    assert greenlet.has_links()
    wait_all_parked()


@pytest.mark.parametrize("kind", ["rawlink", "link"])
def test_unlinking_during_notification_is_honoured(kind: str):
    greenlet = spawn(int)
    order = []

    def first(source):
        order.append("first")
        source.unlink(second)

    def second(source):
        order.append("second")

    def third(source):
        order.append("third")

    greenlet.rawlink(first)
    getattr(greenlet, kind)(second)
    greenlet.rawlink(third)
    wait_all_parked()

    assert order == ["first", "third"]


def test_unlinking_oneself_during_notification_skips_nobody():
    greenlet = spawn(int)
    order = []

    def once(source):
        order.append("once")
        source.unlink(once)

    greenlet.rawlink(once)
    greenlet.rawlink(lambda source: order.append("other"))
    wait_all_parked()

    assert order == ["once", "other"]


def test_unlinking_all_during_notification_is_honoured():
    greenlet = spawn(int)
    order = []
    greenlet.rawlink(lambda source: (order.append("first"), source.unlink_all()))
    greenlet.rawlink(lambda source: order.append("second"))

    wait_all_parked()

    assert order == ["first"]


def test_linking_during_notification_is_honoured():
    greenlet = spawn(int)
    order = []

    def first(source):
        order.append("first")
        source.rawlink(lambda source: order.append("late"))

    greenlet.rawlink(first)
    greenlet.rawlink(lambda source: order.append("second"))
    wait_all_parked()

    assert order == ["first", "second", "late"]


def test_linking_again_what_has_unlinked_itself_calls_it_again_once():
    greenlet = spawn(int)
    order = []

    def again(source):
        order.append("again")
        if len(order) == 1:
            source.unlink(again)
            source.rawlink(again)

    greenlet.rawlink(again)
    wait_all_parked()

    assert order == ["again", "again"]


def test_a_callback_that_raises_does_not_stop_the_others(reports):
    greenlet = spawn(int)
    error = ValueError("in a link")
    seen = []
    greenlet.rawlink(seen.append)
    greenlet.rawlink(lambda source: fail(error))
    greenlet.rawlink(seen.append)

    wait_all_parked()

    assert seen == [greenlet, greenlet]
    (record,) = reports.take()
    assert record.exc_info[1] is error
    assert "link" in record.getMessage()
    assert repr(greenlet) in record.getMessage()


def test_a_spawned_callback_that_raises_does_not_stop_the_others(reports):
    greenlet = spawn(int)
    error = ValueError("in a link")
    seen = []
    greenlet.link(lambda source: fail(error))
    greenlet.link(seen.append)

    wait_all_parked()

    assert seen == [greenlet]
    assert reports.take_errors() == [error]


def test_a_raw_link_is_called_in_the_hub_and_may_not_wait():
    greenlet = spawn(int)
    seen = []

    def callback(source):
        seen.append(getcurrent())
        with pytest.raises(BlockingSwitchOutError):
            sleep(1)

    greenlet.rawlink(callback)
    wait_all_parked()

    assert seen == [get_hub()]


def test_a_link_runs_in_a_greenlet_and_may_wait():
    greenlet = spawn(int)
    seen = []

    def callback(source):
        sleep(0)
        seen.append(type(getcurrent()))

    greenlet.link(callback)
    wait_all_parked()

    assert seen == [Greenlet]


@pytest.mark.parametrize(
    "body, value, exception",
    [
        (int, 1, 0),
        (lambda: fail(ValueError()), 0, 1),
        (lambda: fail(GreenletExit()), 1, 0),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_links_for_values_and_for_exceptions_fire_for_those_only(reports, body, value: int, exception: int, when: str):
    greenlet = spawn(body) if when == "before" else finished(body)
    values, exceptions = [], []

    greenlet.link_value(values.append)
    greenlet.link_exception(exceptions.append)
    wait_all_parked()

    assert (len(values), len(exceptions)) == (value, exception)
    reports.take()


@pytest.mark.parametrize("link", ["rawlink", "link", "link_value", "link_exception"])
def test_a_link_must_be_callable(link: str):
    greenlet = spawn(int)

    with pytest.raises(TypeError, match="callable"):
        getattr(greenlet, link)(42)

    greenlet.join()


def test_a_greenlet_may_be_the_link_of_another_by_way_of_its_start():
    second = Greenlet(lambda: "second")
    first = spawn(lambda: "first")
    first.rawlink(lambda source: second.start())

    assert second.get() == "second"
    assert first.ready()


def test_the_kind_of_the_link_may_be_given():
    made = []

    class Counting(SpawnedLink):
        def __call__(self, source):
            made.append(source)
            super().__call__(source)

    greenlet = spawn(int)
    seen = []
    greenlet.link(seen.append, SpawnedLink=Counting)
    wait_all_parked()

    assert made == seen == [greenlet]


@pytest.mark.parametrize("kind", [SpawnedLink, SuccessSpawnedLink, FailureSpawnedLink])
def test_a_spawned_link_equals_its_callback(kind: type):
    link = kind(print)

    assert link == print
    assert link == kind(print)
    assert link != len
    assert hash(link) == hash(print)
    assert "print" in repr(link)


def test_links_are_let_go_once_they_were_called():
    greenlet = spawn(int)
    greenlet.rawlink(lambda source: None)

    wait_all_parked()

    assert not greenlet.has_links()

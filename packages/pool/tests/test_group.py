"""Greenlets that belong together."""

from __future__ import annotations

import gc
from contextvars import Context, ContextVar
from weakref import ref

import greenlet as greenlets
import pytest

from hublet.core import Greenlet, GreenletExit, Timeout, compiled, get_hub, getcurrent, iwait, joinall, sleep, spawn
from hublet.core.lowlevel import ParkingLot
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked
from hublet.pool import Group, Pool

COLOUR: ContextVar[str] = ContextVar("colour")

KINDS = {"Group": Group, "Pool": lambda: Pool(10), "endless Pool": Pool}


@pytest.fixture(params=KINDS)
def group(request):
    return KINDS[request.param]()


class Failed(Exception):
    """What the greenlets of these tests fail of."""


def fail() -> None:
    raise Failed


def test_those_that_were_spawned_belong_to_it_until_they_are_finished(group):
    first, second = group.spawn(sleep, 0), group.spawn(sleep, 0)

    assert len(group) == 2 and group and first in group and set(group) == {first, second}
    assert group.join() is True

    wait_all_parked()
    assert len(group) == 0 and not group and first not in group and list(group) == []


def test_spawning_returns_a_greenlet_with_the_outcome(group):
    assert group.spawn(lambda *args, **kwargs: (args, kwargs), 1, two=2).get() == ((1,), {"two": 2})


def test_it_spawns_the_class_that_it_is_told():
    class Special(Greenlet):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def _run(self) -> int:
            return -self.number

    class Specials(Group):
        greenlet_class = Special

    pool = Pool(greenlet_class=Special)
    assert type(pool.spawn(1)) is Special
    assert Specials().spawn(5).get() == -5
    group = Group()
    group.greenlet_class = Special
    assert group.spawn(5).get() == -5
    pool.join()


@pytest.mark.parametrize("kind", [Group, Pool])
def test_spawning_goes_through_what_a_subclass_overrides(kind):
    calls = []

    class Watched(kind):
        def add(self, greenlet, *args):
            calls.append("add")
            super().add(greenlet, *args)

        def start(self, greenlet):
            calls.append("start")
            super().start(greenlet)

    assert Watched().spawn(int, "5").get() == 5
    assert calls == ["start", "add"]


@pytest.mark.parametrize("kind", [Group, Pool])
def test_what_a_subclass_does_when_one_leaves_harms_no_greenlet(kind, reports):
    class Failing(kind):
        def _discard(self, greenlet):
            super()._discard(greenlet)
            raise ZeroDivisionError

    group = Failing()
    ended = [group.spawn(int, "5"), group.spawn(sleep, 100)]
    ended[1].kill()
    joinall(ended)
    group.join()
    sleep(0)

    assert len(group) == 0 and ended[0].value == 5
    assert [type(error) for error in reports.take_errors()] == [ZeroDivisionError] * 2


def test_spawning_takes_the_context_to_run_in(group):
    context = Context()
    context.run(COLOUR.set, "blue")

    assert group.spawn(COLOUR.get, context=context).get() == "blue"


def test_greenlets_can_be_given_to_it_and_taken_away(group):
    greenlet = spawn(sleep, 0)

    for _ in range(3):
        group.add(greenlet)
    assert len(group) == 1
    group.discard(greenlet)
    group.discard(greenlet)

    assert len(group) == 0 and not greenlet.has_links()
    greenlet.join()
    assert len(Group([greenlet, spawn(sleep, 0)])) == 2
    wait_all_parked()


def test_who_has_joined_a_greenlet_does_not_find_it_in_the_group(group):
    ends = ParkingLot()
    greenlet = group.spawn(ends.park)
    seen = []
    greenlet.rawlink(lambda source: seen.append(source in group))
    sleep(0)

    ends.unpark()
    greenlet.join()
    assert greenlet not in group
    sleep(0)
    assert seen == [False]


def test_a_greenlet_leaves_every_group_that_it_is_in(group):
    other = Group()
    greenlet = group.spawn(sleep, 0)
    other.add(greenlet)

    assert group.join() and other.join()
    assert len(group) == len(other) == 0


def test_members_can_be_waited_for_as_any_greenlets(group):
    members = [group.spawn(lambda: 1), group.spawn(lambda: 2)]

    assert set(iwait(members)) == set(members)
    assert joinall([group.spawn(sleep, 0)], raise_error=True)
    assert len(group) == 0


def test_a_greenlet_that_was_finished_before_leaves_soon(group):
    greenlet = spawn(sleep, 0)
    greenlet.join()

    group.add(greenlet)

    assert group.join() is True
    assert len(group) == 0


def test_a_raw_greenlet_stays_until_it_is_discarded(group):
    raw = greenlets.getcurrent()

    group.add(raw)

    assert raw in group
    group.discard(raw)
    assert raw not in group


def test_starting_adds_and_starts(group):
    greenlet = Greenlet(lambda: 5)

    group.start(greenlet)

    assert greenlet in group
    assert greenlet.get() == 5


# Joining


def test_joining_an_empty_group_does_not_switch(group):
    with assert_no_switch():
        assert group.join() is True


def test_joining_times_out_with_false(group, clock: FakeClock):
    group.spawn(sleep, 10)
    start = clock.now()

    assert group.join(timeout=3) is False

    assert clock.now() == start + 3
    assert group.join() is True


def test_joining_can_raise_an_error(group, reports):
    group.spawn(sleep, 0)
    group.spawn(fail)

    with pytest.raises(Failed):
        group.join(raise_error=True)

    reports.take_errors()
    group.spawn(fail)
    assert group.join() is True
    reports.take_errors()


def test_an_outer_timeout_passes_through_by_identity(group, clock: FakeClock):
    group.spawn(sleep, 10)
    timeout = Timeout.start_new(1)

    with pytest.raises(Timeout) as caught:
        group.join()

    assert caught.value is timeout
    group.kill()


# Killing


def test_killing_ends_all_and_waits_for_them(group):
    log = []

    def stubborn() -> None:
        try:
            sleep(100)
        except GreenletExit:
            sleep(0)
            log.append("done")

    for _ in range(3):
        group.spawn(stubborn)
    wait_all_parked()
    not_begun = group.spawn(log.append, "never")

    group.kill()

    assert log == ["done"] * 3
    assert len(group) == 0 and not_begun.successful()


def test_those_that_are_killed_before_they_begin_are_not_kept(group):
    greenlets = [group.spawn(sleep, 0) for _ in range(3)]
    group.killone(greenlets[0], block=False)
    group.kill(block=False)

    assert len(group) == 0 and not group.dying
    assert all(greenlet.dead for greenlet in greenlets)


def test_killing_with_an_error_of_ones_own(group, reports):
    greenlet = group.spawn(sleep, 100)
    wait_all_parked()

    group.kill(Failed)

    assert isinstance(greenlet.exception, Failed)
    reports.take_errors()


def test_killing_without_waiting(group):
    greenlet = group.spawn(sleep, 100)
    wait_all_parked()

    with assert_no_switch():
        group.kill(block=False)

    assert not greenlet.ready()
    assert group.join() is True


def test_killing_waits_no_longer_than_it_is_told(group, clock: FakeClock):
    def stubborn() -> None:
        try:
            sleep(100)
        except GreenletExit:
            sleep(50)

    group.spawn(stubborn)
    wait_all_parked()
    start = clock.now()

    group.kill(timeout=3)

    assert clock.now() == start + 3
    assert len(group) == 1
    group.join()


def test_nobody_is_killed_twice_by_killing_all_twice(group):
    killed = []

    def stubborn() -> None:
        try:
            sleep(100)
        except GreenletExit:
            killed.append(None)
            sleep(0)
            sleep(0)

    greenlet = group.spawn(stubborn)
    wait_all_parked()

    group.kill(block=False)
    sleep(0)
    assert killed == [None]
    group.kill()

    assert killed == [None] and greenlet.value is None


def test_killing_ends_those_too_that_join_meanwhile(group):
    log = []

    def breeding() -> None:
        try:
            sleep(100)
        finally:
            if len(log) < 3:
                log.append(group.spawn(breeding))

    group.spawn(breeding)
    wait_all_parked()

    group.kill()

    assert len(group) == 0
    assert all(each.ready() for each in log)


def test_killing_takes_raw_greenlets(group):
    from hublet.core import spawn_raw

    raw = spawn_raw(sleep, 100)
    wait_all_parked()
    group.add(raw)

    group.kill()
    wait_all_parked()

    assert raw.dead
    assert len(group) == 0


def test_one_can_be_killed_once(group):
    killed = []

    def count() -> None:
        while True:
            try:
                sleep(100)
            except GreenletExit:
                killed.append(None)
                sleep(0)
                return

    one, other = group.spawn(count), group.spawn(sleep, 0)
    wait_all_parked()

    group.killone(one, block=False)
    group.killone(one)
    group.killone(spawn(sleep, 0))

    one.join()
    assert killed == [None]
    assert other.successful()
    group.join()


def test_a_raw_greenlet_can_be_killed_alone(group):
    from hublet.core import spawn_raw

    raw, other = spawn_raw(sleep, 100), group.spawn(sleep, 0)
    wait_all_parked()
    group.add(raw)

    group.killone(raw)
    wait_all_parked()

    assert raw.dead
    assert raw not in group
    assert other.successful()


# Applying a function


def test_applying_waits_for_the_result(group):
    assert group.apply(lambda *args, **kwargs: (args, kwargs, getcurrent() in group), (1,), {"two": 2}) == (
        (1,),
        {"two": 2},
        True,
    )
    assert group.apply(getcurrent) is not getcurrent()
    with pytest.raises(Failed):
        group.apply(fail)


@pytest.fixture(autouse=True)
def _failures_are_reported(reports):
    yield
    for error in reports.take_errors():
        assert isinstance(error, Failed), error


def test_a_member_applies_at_once(group):
    def outer():
        return group.apply(getcurrent) is getcurrent()

    assert group.apply(outer) is True


def test_applying_with_a_callback(group):
    called = []

    assert group.apply_cb(lambda: 5, callback=called.append) == 5
    wait_all_parked()

    assert called == [5]


def test_applying_without_waiting(group):
    called = []

    with assert_no_switch():
        greenlet = group.apply_async(lambda i: i + 1, (5,), callback=called.append)
        failed = group.apply_async(fail, callback=called.append)

    assert greenlet.get() == 6
    failed.join()
    wait_all_parked()
    assert called == [6]


# Mapping


def test_mapping_returns_the_results_in_order(group):
    def later(i: int) -> int:
        for _ in range(i % 3):
            sleep(0)
        return -i

    assert group.map(later, range(300)) == [-i for i in range(300)]
    assert group.map(later, []) == []


def test_mapping_asks_all_greenlets_in_the_same_way(group):
    class Negative(Greenlet):
        def get(self, *args, **kwargs):
            return -super().get(*args, **kwargs)

    group.greenlet_class = Negative

    assert group.map(abs, range(1000)) == [-i for i in range(1000)]


def test_mapping_runs_calls_beside_each_other(group, clock: FakeClock):
    start = clock.now()

    group.map(sleep, [1] * 10)

    assert clock.now() == start + 1


def test_mapping_raises_the_first_error_and_the_other_calls_go_on(group):
    done = []

    def some(i: int) -> int:
        if i in (200, 250):
            raise Failed(i)
        sleep(0)
        done.append(i)
        return i

    with pytest.raises(Failed, match="200"):
        group.map(some, range(300))
    group.join()

    assert len(done) == 298


def broken(n: int):
    yield from range(n)
    raise Failed("the input")


def test_an_error_of_the_input_reaches_the_caller(group):
    with pytest.raises(Failed, match="the input"):
        group.map(abs, broken(3))
    with pytest.raises(Failed, match="the input"):
        group.map_async(abs, broken(3)).get()
    group.join()


def test_mapping_with_a_callback(group):
    called = []

    assert group.map_cb(abs, [-1, -2], called.append) == [1, 2]

    assert called == [[1, 2]]
    assert group.map_cb(abs, [-1]) == [1]


def test_mapping_without_waiting(group):
    called = []

    with assert_no_switch():
        greenlet = group.map_async(abs, [-1, -2], called.append)

    assert greenlet.get() == [1, 2]
    assert called == [[1, 2]]


# Iterators


def test_results_come_in_the_order_of_the_input(group):
    def later(i: int) -> int:
        for _ in range(5 - i):
            sleep(0)
        return -i

    assert list(group.imap(later, range(5))) == [0, -1, -2, -3, -4]


def test_results_come_as_they_are_ready(group, clock: FakeClock):
    def later(seconds: float) -> float:
        sleep(seconds)
        return seconds

    assert list(group.imap_unordered(later, [3, 1, 2])) == [1, 2, 3]


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_several_inputs_are_taken_side_by_side(group, method):
    assert sorted(getattr(group, method)(lambda a, b: a + b, "abc", "xyz!")) == ["ax", "by", "cz"]
    assert list(getattr(group, method)(abs, [])) == []


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_an_error_comes_in_its_place_and_the_iteration_goes_on(group, method):
    def some(i: int) -> int:
        if i == 1:
            raise Failed
        return i

    results = getattr(group, method)(some, range(3))

    assert next(results) == 0
    with pytest.raises(Failed):
        next(results)
    assert list(results) == [2]
    assert list(results) == []


@pytest.mark.skipif(not compiled, reason="interpreted, the frames of greenlets hold their errors")
@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_an_error_is_freed_without_the_collector(group, method, monkeypatch):
    monkeypatch.setattr(get_hub(), "NOT_ERROR", (Failed,))  # or the log would hold it
    gc.disable()
    try:
        try:
            next(getattr(group, method)(lambda _: fail(), [1]))
        except Failed as error:
            found = ref(error)
        wait_all_parked()
        assert found() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_an_error_of_the_input_comes_after_the_results(group, method):
    results = getattr(group, method)(abs, broken(3))

    assert sorted([next(results), next(results), next(results)]) == [0, 1, 2]
    with pytest.raises(Failed, match="the input"):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_something_that_cannot_be_called_is_an_error_for_the_consumer(group, method):
    with pytest.raises(TypeError, match="callable"):
        list(getattr(group, method)(42, range(3)))


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_a_maxsize_of_nothing_is_no_limit_and_less_is_an_error(group, method):
    assert sorted(getattr(group, method)(abs, range(20), maxsize=0)) == list(range(20))

    with pytest.raises(ValueError, match="negative"):
        getattr(group, method)(abs, range(20), maxsize=-1)


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
@pytest.mark.parametrize("maxsize", [1, 2, 5])
def test_no_more_results_wait_than_are_allowed(group, method, maxsize):
    begun, taken, most = [], [], []

    def note(i: int) -> int:
        begun.append(i)
        return i

    for i in getattr(group, method)(note, range(20), maxsize=maxsize):
        most.append(len(begun) - len(taken))
        taken.append(i)
        wait_all_parked()

    assert sorted(taken) == list(range(20))
    assert max(most) <= maxsize


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_an_iterator_that_nobody_has_any_more_takes_its_greenlet_along(group, method):
    ended = []

    def numbers():
        try:
            yield from range(100)
        finally:
            ended.append(True)

    results = getattr(group, method)(abs, numbers(), maxsize=2)
    assert next(results) == 0
    wait_all_parked()
    found = ref(results)
    assert not ended
    del results
    wait_all_parked()

    assert found() is None and ended


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_all_calls_are_made_though_nobody_has_the_iterator(group, method):
    made = []

    getattr(group, method)(made.append, range(20))
    wait_all_parked()

    assert made == list(range(20))


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_several_greenlets_may_share_an_iterator(group, method):
    results = getattr(group, method)(lambda i: (sleep(0), i)[1], range(50))

    parts = [each.get() for each in [spawn(list, results) for _ in range(5)]]

    assert sorted(sum(parts, [])) == list(range(50))


def test_a_result_whose_turn_has_come_is_given_to_one_of_those_who_wait(group):
    under_way = [ParkingLot(), ParkingLot(), ParkingLot()]
    results = group.imap(lambda i: (under_way[i].park(), i)[1], range(3))
    readers = [spawn(next, results) for _ in range(3)]
    wait_all_parked()

    under_way[1].unpark()
    wait_all_parked()
    under_way[0].unpark()
    wait_all_parked()

    assert sorted(each.value for each in readers if each.ready()) == [0, 1]
    under_way[2].unpark()
    assert sorted(each.get() for each in readers) == [0, 1, 2]


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_all_who_wait_learn_of_the_end(group, method):
    results = getattr(group, method)(sleep, [0])
    waiting = [spawn(list, results) for _ in range(3)]

    assert sorted(each.get() for each in waiting) == [[], [], [None]]


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_an_iterator_that_is_killed_before_it_began_is_empty(group, method):
    results = getattr(group, method)(abs, range(100))

    results.kill()

    assert list(results) == []


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_an_iterator_that_is_killed_spawns_no_more(group, method):
    results = getattr(group, method)(abs, range(100), maxsize=2)
    assert next(results) == 0

    results.kill()

    assert len(list(results)) <= 3  # those under way, and one that the feeder had got room for


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_freed_without_the_collector(kind):
    gc.disable()
    try:
        group = KINDS[kind]()
        group.spawn(int).join()
        group.add(spawn(abs, 1))
        group.join()
        found = ref(group)
        del group
        assert found() is None
    finally:
        gc.enable()


def test_it_can_be_told_apart_by_its_repr(group):
    assert repr(group).startswith(f"<{type(group).__name__} at 0x")
    assert "IMap at" in repr(group.imap(abs, []))
    wait_all_parked()

"""`Greenlet`: made, started, running, finished; what it gives and what it says of itself."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import greenlet as greenlet_module
import pytest

from hublet.core import (
    Greenlet,
    GreenletExit,
    Timeout,
    compiled,
    config,
    get_hub,
    getcurrent,
    joinall,
    kill,
    sleep,
    spawn,
    spawn_later,
    spawn_raw,
)
from hublet.core.lowlevel import ParkingLot
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


def fail(error: BaseException) -> None:
    raise error


# Starting


@pytest.mark.parametrize("make", [spawn, Greenlet, Greenlet.spawn, spawn_raw, lambda wrong: spawn_later(1, wrong)])
@pytest.mark.parametrize("wrong", [42, "text", object()])
def test_what_cannot_be_called_is_refused_at_once(make, wrong: object):
    with pytest.raises(TypeError, match="callable"):
        make(wrong)


def test_spawn_does_not_switch():
    ran = []

    with assert_no_switch():
        greenlet = spawn(ran.append, 1)

    assert ran == []
    greenlet.join()
    assert ran == [1]


def test_spawn_passes_arguments_on():
    assert spawn(lambda *args, **kwargs: (args, kwargs), 1, 2, a=3).get() == ((1, 2), {"a": 3})


def test_a_greenlet_that_is_not_started_does_not_run():
    ran = []
    greenlet = Greenlet(ran.append, 1)

    wait_all_parked()

    assert ran == []
    assert not greenlet.started


def test_starting_twice_starts_once():
    ran = []
    greenlet = Greenlet(ran.append, 1)

    greenlet.start()
    greenlet.start()
    greenlet.start_later(0)
    greenlet.join()
    greenlet.start()
    wait_all_parked()

    assert ran == [1]


def test_spawn_later_starts_when_its_time_has_come(clock: FakeClock):
    start = clock.now()
    ran = []
    spawn_later(5, lambda: ran.append(clock.now() - start))
    Greenlet.spawn_later(3, lambda: ran.append(clock.now() - start))

    sleep(4)
    assert ran == [3]

    sleep(4)
    assert ran == [3, 5]


def test_start_later_on_a_started_greenlet_does_nothing(clock: FakeClock):
    ran = []
    greenlet = Greenlet(ran.append, 1)
    greenlet.start_later(2)
    greenlet.start_later(1)
    greenlet.start()

    sleep(1)
    assert ran == []

    sleep(2)
    assert ran == [1]


@pytest.mark.parametrize("wrong", [None, "1", object()])
def test_start_later_wants_a_number(wrong: object):
    with pytest.raises(TypeError):
        spawn_later(wrong, int)
    assert len(get_hub().scheduler.deadlines) == 0


def test_a_subclass_says_what_to_do_in_run():
    class Doubling(Greenlet):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def _run(self) -> int:
            return self.number * 2

    greenlet = Doubling(21)
    greenlet.start()

    assert greenlet.get() == 42
    assert Doubling.spawn(4).get() == 8


def test_run_of_a_subclass_gets_the_arguments():
    class Adding(Greenlet):
        def _run(self, *args: int, **kwargs: int) -> int:
            return sum(args) + sum(kwargs.values())

    assert Adding.spawn(None, 1, 2, three=3).get() == 6


def test_a_subclass_may_keep_what_it_likes():
    class Keeping(Greenlet):
        pass

    greenlet = Keeping.spawn(int)
    greenlet.anything = 1

    assert greenlet.get() == 0
    assert greenlet.anything == 1


def test_its_type_can_name_its_result():
    class Named(Greenlet[int]):
        def _run(self) -> int:
            return 7

    greenlet: Greenlet[int] = Named.spawn()

    assert isinstance(greenlet, Greenlet)
    assert greenlet.get() == 7


@pytest.mark.parametrize("use", ["start()", "join()", "get()", "kill()", "rawlink(print)", "link(print)", "throw()", "loop"])
def test_a_subclass_that_forgets_to_call_the_constructor_hears_of_it(script, use: str):
    """And does not crash the interpreter, nor wait for ever for what never starts."""
    printed = script(
        f"""
from hublet.core import Greenlet

class Forgetful(Greenlet):
    def __init__(self):
        pass

try:
    Forgetful().{use}
except Exception as error:
    print("error", error)
"""
    )

    assert printed.startswith("error")


def test_its_parent_is_the_hub():
    assert spawn(lambda: getcurrent().parent).get() is get_hub()


# Finished


def test_get_returns_what_the_function_returned():
    greenlet = spawn(lambda: "result")

    assert greenlet.get() == "result"
    assert greenlet.value == "result"
    assert greenlet.successful()
    assert greenlet.ready()
    assert greenlet.exception is None
    assert greenlet.exc_info == ()


def test_get_raises_what_the_function_raised(reports):
    error = ValueError("wrong")
    greenlet = spawn(fail, error)

    with pytest.raises(ValueError) as caught:
        greenlet.get()

    assert caught.value is error
    assert greenlet.exception is error
    assert greenlet.exc_info[:2] == (ValueError, error)
    assert greenlet.exc_info[2] is not None
    assert greenlet.value is None
    assert greenlet.ready()
    assert not greenlet.successful()
    assert reports.take_errors() == [error]


def test_getting_an_error_again_does_not_lengthen_its_traceback(reports):
    greenlet = spawn(fail, ValueError())

    def length() -> int:
        with pytest.raises(ValueError) as caught:
            greenlet.get()
        return len(caught.traceback)

    lengths = [length() for _ in range(5)]

    assert len(set(lengths)) == 1
    reports.take()


def test_a_greenlet_exit_is_a_value():
    error = GreenletExit("enough")
    greenlet = spawn(fail, error)

    assert greenlet.get() is error
    assert greenlet.value is error
    assert greenlet.successful()
    assert greenlet.exception is None


def test_get_without_blocking_raises_timeout_until_it_is_finished():
    greenlet = spawn(lambda: 1)

    with assert_no_switch(), pytest.raises(Timeout):
        greenlet.get(block=False)

    greenlet.join()
    assert greenlet.get(block=False) == 1


def test_get_raises_timeout_when_the_time_is_up(clock: FakeClock):
    greenlet = spawn(sleep, 10)

    with pytest.raises(Timeout) as caught:
        greenlet.get(timeout=1)

    assert caught.value.seconds == 1
    assert not greenlet.ready()
    greenlet.join()


def test_join_returns_when_the_time_is_up(clock: FakeClock):
    start = clock.now()
    greenlet = spawn(sleep, 10)

    assert greenlet.join(timeout=1) is None

    assert not greenlet.ready()
    assert clock.now() == start + 1
    greenlet.join()
    assert clock.now() == start + 10


def test_join_of_a_finished_greenlet_does_not_switch():
    greenlet = spawn(int)
    greenlet.join()

    with assert_no_switch():
        greenlet.join()
        assert greenlet.get() == 0


def test_many_may_join():
    greenlet = spawn(sleep, 0)
    joiners = [spawn(greenlet.get) for _ in range(10)]

    joinall(joiners, raise_error=True)

    assert greenlet.ready()


def test_joining_with_timeouts_leaves_nothing_behind(clock: FakeClock, census):
    greenlet = spawn(sleep, 10_000)
    greenlet.join(timeout=1)
    before = census()

    for _ in range(100):
        greenlet.join(timeout=1)

    assert census() - before == {}
    greenlet.kill()


def test_an_infinite_recursion_is_stored_and_reported_once(reports):
    def recursive() -> None:
        recursive()

    greenlet = spawn(recursive)
    greenlet.join()

    assert isinstance(greenlet.exception, RecursionError)
    assert not greenlet.successful()
    assert reports.take_errors() == [greenlet.exception]
    assert spawn(lambda: "still works").get() == "still works"


def test_function_and_arguments_are_let_go_at_the_end():
    class Big:
        pass

    big = Big()
    gone = weakref.ref(big)
    greenlet = spawn(lambda *args, **kwargs: None, big, key=big)
    del big

    greenlet.join()
    wait_all_parked()
    gc.collect()

    assert gone() is None
    assert greenlet.args == ()
    assert greenlet.kwargs == {}


def test_a_finished_greenlet_is_freed_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        greenlet = spawn(int)
        greenlet.join()
        wait_all_parked()
        gone = weakref.ref(greenlet)
        del greenlet
        assert gone() is None
    finally:
        gc.enable()


def test_a_subclass_whose_function_cannot_be_looked_up_ends_with_that(reports):
    class Broken(Greenlet):
        @property
        def _run(self):
            raise LookupError("there is none")

    greenlet = Broken()
    greenlet.start()
    greenlet.join(10)

    assert isinstance(greenlet.exception, LookupError)
    assert reports.take_errors() == [greenlet.exception]


@pytest.mark.skipif(compiled, reason="compiled, no signal handler runs inside")
def test_ctrl_c_before_its_function_begins_ends_it(reports):
    """Interpreted, a signal handler may raise at any line; whoever waits for the greenlet must hear of its end.

    Any line but the few that lead to the first `try`.
    """
    on_the_way = {"__get__", "_run_current", "_run_given", "_run_interruptibly"}

    def interrupt(line: int) -> bool:
        lines = 0
        ran: list[bool] = []

        def trace(frame, event, argument):
            nonlocal lines
            if "hublet" not in frame.f_code.co_filename or "tests" in frame.f_code.co_filename:
                return None
            if event == "line" and getcurrent() is greenlet and frame.f_code.co_name not in on_the_way and not ran:
                lines += 1
                if lines == line:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        greenlet = spawn(ran.append, True)
        sys.settrace(trace)
        try:
            greenlet.join()
        except KeyboardInterrupt:
            pass  # it is raised in the main greenlet
        finally:
            sys.settrace(None)
        greenlet.join(1)
        assert greenlet.ready(), f"after line {line}"
        assert bool(ran) is greenlet.successful()
        return lines >= line

    line = 1
    while interrupt(line):
        line += 1

    assert line > 5


# How it stands


def test_its_states_before_it_starts():
    greenlet = Greenlet(int)

    assert not greenlet
    assert not greenlet.started
    assert not greenlet.dead
    assert not greenlet.ready()
    assert not greenlet.successful()
    assert greenlet.value is None


@pytest.mark.parametrize("make", [lambda: spawn(int), lambda: spawn_later(1, int)])
def test_its_states_while_it_waits_to_run(clock: FakeClock, make):
    greenlet = make()

    assert greenlet
    assert greenlet.started
    assert not greenlet.dead
    assert not greenlet.ready()
    greenlet.join()


def test_its_states_while_it_runs():
    seen = []
    greenlet = spawn(lambda: seen.append((bool(greenlet), greenlet.started, greenlet.dead, greenlet.ready())))

    greenlet.join()

    assert seen == [(True, True, False, False)]


def test_its_states_while_it_is_parked():
    lot = ParkingLot()
    greenlet = spawn(lot.park)
    wait_all_parked()

    assert greenlet
    assert greenlet.started
    assert not greenlet.dead
    assert not greenlet.ready()
    lot.unpark()
    greenlet.join()


@pytest.mark.parametrize("body", [int, lambda: fail(ValueError()), lambda: fail(GreenletExit())])
def test_its_states_when_it_is_finished(reports, body):
    greenlet = spawn(body)
    greenlet.join()

    assert not greenlet
    assert not greenlet.started
    assert greenlet.dead
    assert greenlet.ready()
    reports.take()


def test_it_is_not_dead_while_it_is_being_switched_into():
    seen = []
    lot = ParkingLot()

    def body():
        lot.park()

    greenlet = spawn(body)

    def trace(event: str, pair: tuple) -> None:
        if pair[1] is greenlet:
            seen.append((event, greenlet.dead, bool(greenlet)))

    greenlet_module.settrace(trace)
    try:
        wait_all_parked()
        lot.unpark()
        greenlet.join()
    finally:
        greenlet_module.settrace(None)

    assert seen == [("switch", False, True)] * 2


def test_it_is_not_dead_while_it_is_thrown_at():
    seen = []

    def body():
        try:
            sleep(100)
        finally:
            seen.append((greenlet.dead, bool(greenlet)))
            sleep(0)
            seen.append((greenlet.dead, bool(greenlet)))

    greenlet = spawn(body)
    wait_all_parked()
    greenlet.kill()

    assert seen == [(False, True)] * 2
    assert greenlet.dead


# In a `with` statement


def test_with_joins_at_the_end():
    log = []

    with spawn(lambda: (sleep(0), log.append("done"))) as greenlet:
        log.append("body")

    assert log == ["body", "done"]
    assert greenlet.ready()


def test_with_kills_with_the_error_of_its_body(reports):
    error = ValueError("from the body")

    with pytest.raises(ValueError) as caught, spawn(sleep, 100) as greenlet:
        sleep(0)
        raise error

    assert caught.value is error
    assert greenlet.exception is error
    assert reports.take_errors() == [error]


def test_with_kills_what_has_not_begun_when_its_body_fails(reports):
    ran = []

    with pytest.raises(ValueError), spawn(ran.append, 1) as greenlet:
        raise ValueError

    wait_all_parked()
    assert ran == []
    assert isinstance(greenlet.exception, ValueError)
    reports.take()


def test_with_hands_out_the_greenlet():
    greenlet = spawn(int)

    with greenlet as given:
        pass

    assert given is greenlet


# Names and places


def test_idents_are_small_and_used_again():
    first = spawn(int)
    second = spawn(int)
    assert first.minimal_ident != second.minimal_ident
    ident = first.minimal_ident

    joinall([first, second])
    wait_all_parked()
    del first
    gc.collect()

    assert spawn(int).minimal_ident <= ident
    wait_all_parked()


def test_an_ident_stays_the_same():
    greenlet = spawn(int)

    assert greenlet.minimal_ident == greenlet.minimal_ident
    greenlet.join()


def test_its_name_can_be_changed():
    greenlet = spawn(int)
    assert greenlet.name == f"Greenlet-{greenlet.minimal_ident}"

    greenlet.name = "worker"

    assert greenlet.name == "worker"
    assert "worker" in repr(greenlet)
    greenlet.join()


def test_the_name_of_a_subclass_tells_the_class():
    class Worker(Greenlet):
        pass

    assert Worker().name.startswith("Worker-")


def test_its_repr_says_what_it_calls_and_how_it_stands():
    def work(*args: object, **kwargs: object) -> None:
        lot.park()

    lot = ParkingLot()
    greenlet = spawn(work, 1, key="value")
    assert "work(1, key='value') waiting to run" in repr(greenlet)

    wait_all_parked()
    assert "work(1, key='value') running" in repr(greenlet)

    lot.unpark()
    greenlet.join()
    assert "finished" in repr(greenlet)


def test_it_knows_the_line_that_spawned_it():
    line = sys._getframe().f_lineno + 1
    greenlets = [spawn(int), Greenlet.spawn(int), Greenlet(int), spawn_later(0, int)]

    assert [greenlet.spawn_site for greenlet in greenlets] == [f"{__file__}:{line}"] * 4
    wait_all_parked()


def test_the_line_is_the_one_of_the_call_also_if_the_frame_has_gone_on():
    def spawner():
        greenlet = spawn(int)
        line = sys._getframe().f_lineno - 1
        for _ in range(3):
            pass
        return greenlet, line

    greenlet, line = spawner()

    assert greenlet.spawn_site == f"{__file__}:{line}"
    greenlet.join()


def test_its_loop_is_that_of_the_hub():
    greenlet = Greenlet(int)

    assert greenlet.loop is get_hub().loop


# The spawn tree


@pytest.fixture
def spawn_tree(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(config, "spawn_tree", True)


def test_without_the_setting_nothing_of_the_tree_is_kept():
    greenlet = spawn(int)

    assert greenlet.spawning_greenlet is None
    assert not greenlet.spawning_stack
    assert greenlet.spawn_tree_locals is None
    greenlet.join()


def test_it_knows_who_spawned_it(spawn_tree: None):
    greenlet = spawn(lambda: spawn(int))
    child = greenlet.get()

    assert greenlet.spawning_greenlet() is getcurrent()
    assert child.spawning_greenlet() is greenlet
    child.join()


def test_it_does_not_keep_its_spawner_alive(spawn_tree: None):
    child = spawn(lambda: spawn(sleep, 0)).get()
    child.join()
    wait_all_parked()
    gc.collect()

    assert child.spawning_greenlet() is None


def test_it_knows_the_stack_that_spawned_it(spawn_tree: None):
    greenlet = spawn(int)

    innermost = greenlet.spawning_stack[0]
    assert innermost.name == "test_it_knows_the_stack_that_spawned_it"
    assert f"{innermost.filename}:{innermost.lineno}" == greenlet.spawn_site
    greenlet.join()


def test_the_locals_of_a_tree_are_shared_by_all_that_stem_from_one(spawn_tree: None):
    parent = spawn(lambda: [spawn(int), spawn(int)])
    stranger = spawn(int)
    one, other = parent.get()

    parent.spawn_tree_locals["key"] = "value"

    assert one.spawn_tree_locals is other.spawn_tree_locals is parent.spawn_tree_locals
    assert stranger.spawn_tree_locals == {}
    joinall([one, other, stranger])


# Raw greenlets


def test_a_raw_greenlet_runs_with_its_arguments():
    seen = []

    spawn_raw(lambda *args, **kwargs: seen.append((args, kwargs)), 1, key=2)
    spawn_raw(lambda *args: seen.append(args), 3)
    wait_all_parked()

    assert seen == [((1,), {"key": 2}), (3,)]


def test_a_raw_greenlet_is_no_more_than_that():
    greenlet = spawn_raw(int)

    assert type(greenlet) is greenlet_module.greenlet
    wait_all_parked()
    assert greenlet.dead


def test_a_raw_greenlet_may_park_and_time_out(clock: FakeClock):
    log = []

    def body():
        sleep(1)
        log.append("slept")
        with Timeout(1, False):
            sleep(5)
        log.append("timed out")

    spawn_raw(body)
    sleep(10)

    assert log == ["slept", "timed out"]


def test_the_error_of_a_raw_greenlet_is_reported(reports):
    error = ValueError("raw")

    spawn_raw(fail, error)
    wait_all_parked()

    assert reports.take_errors() == [error]


def test_a_raw_greenlet_that_nobody_can_wake_is_collected_and_cleans_up():
    log = []

    def body():
        try:
            get_hub().switch()
        except BaseException as error:
            log.append(type(error))
            raise
        finally:
            log.append("cleaned up")

    raw = spawn_raw(body)
    wait_all_parked()
    gone = weakref.ref(raw)

    del raw
    gc.collect()

    assert gone() is None
    assert log == [GreenletExit, "cleaned up"]


def test_a_greenlet_that_is_collected_before_it_begins_never_runs():
    ran = []

    Greenlet(ran.append, 1)
    gc.collect()
    wait_all_parked()

    assert ran == []


def test_throwing_at_a_greenlet_raises_in_it_now():
    lot = ParkingLot()
    caught = []

    def body():
        try:
            lot.park()
        except ValueError as error:
            caught.append(error)

    greenlet = spawn(body)
    wait_all_parked()
    get_hub().call_soon(greenlet.throw, ValueError, ValueError("value"))
    greenlet.join()

    assert str(caught[0]) == "value"
    assert len(lot) == 0


@pytest.mark.parametrize(
    "args, expected",
    [
        ((), GreenletExit),
        ((KeyError,), KeyError),
        ((KeyError, "value"), KeyError),
        ((KeyError("given"),), KeyError),
        ((KeyError, KeyError("given")), KeyError),
        ((42,), TypeError),
    ],
)
def test_throwing_at_a_greenlet_that_has_not_begun_ends_it(reports, args: tuple, expected: type):
    ran = []
    greenlet = spawn(ran.append, 1)

    greenlet.throw(*args)
    wait_all_parked()

    assert ran == []
    assert greenlet.dead
    assert isinstance(greenlet.value if expected is GreenletExit else greenlet.exception, expected)
    reports.take()


def test_killing_a_dead_raw_greenlet_does_nothing():
    raw = spawn_raw(int)
    wait_all_parked()

    kill(raw)
    wait_all_parked()

    assert raw.dead


def test_its_repr_does_not_grow_with_its_arguments():
    greenlet = Greenlet(print, bytes(100_000), key="x" * 100_000)

    assert "print(b'" in repr(greenlet)
    assert "key='xxx" in repr(greenlet)
    assert len(repr(greenlet)) < 300


def test_a_subclass_may_keep_its_failures_from_the_hub():
    kept = []

    class Quiet(Greenlet):
        def report_failure(self, error):
            kept.append((error, self.ready()))

    quiet = Quiet.spawn(int, "x")
    quiet.join()

    assert kept == [(quiet.exception, False)]  # and the hub, which `reports` listens to, has heard nothing


@pytest.mark.parametrize("method", ["switch", "start", "report_failure", "kill", "join", "get"])
def test_a_greenlet_whose_class_forgot_to_call_init_does_not_crash(method):
    program = f"""
from hublet.core import Greenlet

class Forgetful(Greenlet):
    def __init__(self):
        pass

try:
    Forgetful().{method}({"ValueError()" if method == "report_failure" else ""})
except BaseException as error:
    print("raised", type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)

    assert done.returncode == 0, (done.returncode, done.stderr)

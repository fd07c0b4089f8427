"""The waist: one wait, one wake-up, and whichever claims the waiter first wins."""

from __future__ import annotations

import dis
import gc
import inspect
import sys
import weakref

import pytest
from greenlet import greenlet

from hublet.core import (
    BlockingSwitchOutError,
    GreenletExit,
    InvalidSwitchError,
    Timeout,
    compiled,
    get_hub,
    getcurrent,
    joinall,
    kill,
    sleep,
    spawn,
    spawn_later,
    spawn_raw,
)
from hublet.core.lowlevel import ParkingLot, Waiter, deadline_in, yield_now
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


class Parked:
    """A greenlet that parks once, and what came of that."""

    def __init__(self, seconds: float | None = None, lot: ParkingLot | None = None, then: object = None) -> None:
        self.waiter: Waiter | None = None
        self.outcome: object = "still parked"
        self.resumed = 0
        self.seconds = seconds
        self.lot = lot
        self.then = then
        self.greenlet = spawn(self.run)
        wait_all_parked()

    def run(self) -> None:
        self.waiter = Waiter("what the test gives it")
        if self.lot is not None:
            self.lot.add(self.waiter)
        try:
            in_time = self.waiter.park(deadline_in(self.seconds))
            self.outcome = self.waiter.value if in_time else "expired"
        except BaseException as error:
            self.outcome = error
        self.resumed += 1
        if self.then is not None:
            self.then()


# One wake-up


def test_unpark_wakes_with_a_value():
    parked = Parked()

    assert parked.waiter.unpark("value") is True
    parked.greenlet.join()

    assert parked.outcome == "value"


def test_unpark_without_a_value_gives_none():
    parked = Parked()

    parked.waiter.unpark()
    parked.greenlet.join()

    assert parked.outcome is None


def test_unpark_does_not_switch():
    parked = Parked()

    with assert_no_switch():
        parked.waiter.unpark()

    assert parked.outcome == "still parked"
    parked.greenlet.join()


def test_fail_raises_where_the_greenlet_is_parked():
    parked = Parked()
    error = KeyError("what was wrong")

    assert parked.waiter.fail(error) is True
    parked.greenlet.join()

    assert parked.outcome is error


def test_a_waiter_may_be_unparked_before_it_is_parked():
    waiter = Waiter()

    ran = []
    spawn(ran.append, "other")

    waiter.unpark("early")

    assert waiter.park() is True
    assert waiter.value == "early"
    assert ran == []


def test_a_waiter_may_be_failed_before_it_is_parked():
    waiter = Waiter()

    waiter.fail(KeyError("early"))

    with pytest.raises(KeyError, match="early"):
        waiter.park()


def test_the_passing_of_the_deadline_returns_false(clock: FakeClock):
    start = clock.now()
    waiter = Waiter()

    assert waiter.park(deadline_in(3)) is False

    assert clock.now() == start + 3


def test_a_deadline_that_is_past_lets_others_run_first():
    ran = []
    spawn(ran.append, "other")

    assert Waiter().park(deadline_in(-1)) is False

    assert ran == ["other"]


def test_a_wake_up_in_time_leaves_no_deadline_behind(clock: FakeClock):
    parked = Parked(seconds=5)
    assert len(get_hub().scheduler.deadlines) == 1

    parked.waiter.unpark("value")
    parked.greenlet.join()

    assert parked.outcome == "value"
    assert len(get_hub().scheduler.deadlines) == 0


# Single-shot: the first wins, the others are told that they were too late

CLAIMS = {
    "unpark": lambda parked: parked.waiter.unpark("value"),
    "fail": lambda parked: parked.waiter.fail(KeyError("failed")),
}


@pytest.mark.parametrize("second", CLAIMS)
@pytest.mark.parametrize("first", CLAIMS)
def test_whoever_claims_second_is_told_so(first: str, second: str):
    parked = Parked()

    assert CLAIMS[first](parked) is True
    assert CLAIMS[second](parked) is False
    parked.greenlet.join()

    assert parked.resumed == 1
    if first == "unpark":
        assert parked.outcome == "value"
    else:
        assert isinstance(parked.outcome, KeyError)


@pytest.mark.parametrize("first", CLAIMS)
def test_a_deadline_that_passes_after_the_wake_up_changes_nothing(clock: FakeClock, first: str):
    parked = Parked(seconds=5)
    # Both at the same moment, before the hub resumes anything.
    spawn_later(4, lambda: (CLAIMS[first](parked), clock.advance(1)))

    sleep(6)

    assert parked.resumed == 1
    assert parked.outcome == "value" if first == "unpark" else isinstance(parked.outcome, KeyError)


@pytest.mark.parametrize("second", CLAIMS)
def test_a_wake_up_after_the_deadline_is_told_so(clock: FakeClock, second: str):
    parked = Parked(seconds=5)
    answers = []
    # Started by the same pass over the deadlines that expires the waiter, hence before the greenlet resumes.
    spawn_later(5, lambda: answers.append((CLAIMS[second](parked), parked.resumed)))

    sleep(6)

    assert answers == [(False, 0)]
    assert parked.outcome == "expired"
    assert parked.resumed == 1


@pytest.mark.parametrize("second", CLAIMS)
def test_a_wake_up_after_an_exception_is_told_so(second: str):
    parked = Parked()
    get_hub().call_soon(parked.greenlet.throw, ValueError("thrown"))
    sleep(0)

    assert CLAIMS[second](parked) is False

    assert isinstance(parked.outcome, ValueError)
    assert parked.resumed == 1


def test_an_exception_after_the_deadline_is_raised_all_the_same(clock: FakeClock):
    """The deadline has handed nothing over that could be lost."""
    parked = Parked(seconds=5)
    spawn_later(5, lambda: get_hub().scheduler.interrupt(parked.greenlet, ValueError("thrown")))

    sleep(6)

    assert isinstance(parked.outcome, ValueError)
    assert parked.resumed == 1


def test_an_exception_takes_the_waiter_off_the_deadlines(clock: FakeClock):
    parked = Parked(seconds=5)

    parked.greenlet.kill()

    assert isinstance(parked.outcome, GreenletExit)
    assert len(get_hub().scheduler.deadlines) == 0


def test_a_late_wake_up_does_not_resume_a_greenlet_that_waits_for_something_else():
    second = Waiter("the second")
    progress = []

    def body():
        try:
            sleep(0)  # in the ring now: its turn will come
        except ValueError:
            progress.append("thrown at")
        second.park()
        progress.append("second")

    greenlet = spawn(body)
    get_hub().call_soon(greenlet.throw, ValueError())
    wait_all_parked()
    assert progress == ["thrown at"]

    second.unpark()
    greenlet.join()
    assert progress == ["thrown at", "second"]


def test_something_else_that_switches_to_a_parked_greenlet_is_an_error_that_says_so():
    parked = Parked()

    get_hub().call_soon(parked.greenlet.switch)
    wait_all_parked()

    assert isinstance(parked.outcome, InvalidSwitchError)
    assert "what the test gives it" in str(parked.outcome)
    assert parked.waiter.unpark() is False


def test_a_waiter_that_is_used_up_does_not_park_again():
    waiter = Waiter()
    waiter.unpark("value")
    waiter.park()
    ran = []
    spawn(ran.append, "other")

    assert waiter.park() is True

    assert ran == []
    assert waiter.unpark("other") is False
    assert waiter.value == "value"


@pytest.mark.skipif(compiled, reason="compiled, it is plain C under the lock that CPython holds")
@pytest.mark.parametrize("method", ["unpark", "fail", "expire", "_park_thread"])
def test_claiming_is_one_uninterruptible_step(method: str):
    """The interpreter lets others in only where it calls, resumes or jumps back."""
    function = getattr(Waiter, method)
    lines, first = inspect.getsourcelines(function)
    (place,) = [i for i, line in enumerate(lines) if line.strip() == "claimed, self.claimed = self.claimed, True"]

    names, line = [], None
    for instruction in dis.get_instructions(function):
        if instruction.starts_line is not None and instruction.starts_line is not False:
            line = getattr(instruction, "line_number", None) or instruction.starts_line
        if line == first + place:
            names.append(instruction.opname)

    load = next(i for i, name in enumerate(names) if name.startswith("LOAD_ATTR"))
    store = max(i for i, name in enumerate(names) if name.startswith("STORE_ATTR"))
    assert load < store
    for name in names[load : store + 1]:
        assert name.startswith(("LOAD_", "STORE_", "ROT_", "SWAP", "COPY", "DUP_", "NOP", "EXTENDED_ARG", "CACHE")), names


@pytest.mark.skipif(compiled, reason="a compiled slot has no descriptor of this kind")
def test_claimed_is_a_bare_slot_so_that_reading_it_runs_no_code():
    assert inspect.ismemberdescriptor(Waiter.claimed)


# In line


def test_the_first_to_park_is_the_first_to_be_unparked():
    lot = ParkingLot()
    order = []
    for name in "abc":
        spawn(lambda name=name: (lot.park(), order.append(name)))
    wait_all_parked()

    for _ in range(3):
        assert lot.unpark() is True
        wait_all_parked()

    assert order == ["a", "b", "c"]


def test_unpark_all_wakes_in_the_same_order():
    lot = ParkingLot()
    order = []
    for name in "abc":
        spawn(lambda name=name: (lot.park(), order.append(name)))
    wait_all_parked()

    assert lot.unpark_all() == 3
    assert len(lot) == 0
    wait_all_parked()

    assert order == ["a", "b", "c"]


def test_unpark_all_gives_each_the_value():
    lot = ParkingLot()
    values = []

    def body():
        waiter = Waiter()
        lot.add(waiter)
        waiter.park()
        values.append(waiter.value)

    for _ in range(2):
        spawn(body)
    wait_all_parked()

    lot.unpark_all("value")
    wait_all_parked()

    assert values == ["value", "value"]


def test_unpark_all_does_not_wake_who_comes_back():
    lot = ParkingLot()
    wakes = []

    def body():
        for _ in range(2):
            lot.park()
            wakes.append(1)

    greenlet = spawn(body)
    wait_all_parked()

    assert lot.unpark_all() == 1
    wait_all_parked()
    assert (len(wakes), len(lot)) == (1, 1)

    lot.unpark_all()
    greenlet.join()


def test_unpark_of_an_empty_lot_says_that_nobody_was_there():
    lot = ParkingLot()

    assert lot.unpark() is False
    assert lot.unpark_all() == 0
    assert len(lot) == 0
    assert not lot


def test_a_lot_tells_whether_and_how_many_wait():
    lot = ParkingLot()
    greenlets = [spawn(lot.park) for _ in range(2)]
    wait_all_parked()

    assert lot
    assert len(lot) == 2
    assert "2 waiting" in repr(lot)

    lot.unpark_all()
    joinall(greenlets)


def test_who_was_killed_is_passed_over():
    lot = ParkingLot()
    first, second = Parked(lot=lot), Parked(lot=lot)

    first.greenlet.kill()
    assert len(lot) == 1
    assert lot.unpark("value") is True
    second.greenlet.join()

    assert second.outcome == "value"


def test_who_timed_out_is_passed_over_even_before_it_resumes(clock: FakeClock):
    lot = ParkingLot()
    first, second = Parked(seconds=5, lot=lot), Parked(lot=lot)
    answers = []
    spawn_later(5, lambda: answers.append((first.resumed, lot.unpark("value"))))

    sleep(6)

    assert answers == [(0, True)]
    assert (first.outcome, second.outcome) == ("expired", "value")


def test_what_is_handed_over_goes_to_exactly_one():
    lot = ParkingLot()
    parked = [Parked(lot=lot) for _ in range(3)]

    assert lot.unpark("token") is True
    wait_all_parked()

    assert [each.outcome for each in parked] == ["token", "still parked", "still parked"]
    lot.unpark_all()
    wait_all_parked()


@pytest.mark.parametrize("end", ["timeout", "kill", "fail"])
def test_a_lot_that_is_given_up_for_ever_does_not_grow(clock: FakeClock, end: str, census):
    lot = ParkingLot()
    before = census()

    for _ in range(200):
        parked = Parked(seconds=1 if end == "timeout" else None, lot=lot)
        if end == "timeout":
            sleep(2)
        elif end == "kill":
            parked.greenlet.kill()
        else:
            parked.waiter.fail(KeyError())
            parked.greenlet.join()
        assert parked.outcome != "still parked"

    del parked
    assert len(lot) == 0
    assert census() - before == {}


@pytest.mark.parametrize("use", ["add(None)", "forget(None)", "add(42)", "forget(42)"])
def test_a_lot_takes_waiters_only(script, use: str):
    printed = script(
        f"""
from hublet.core.lowlevel import ParkingLot

try:
    ParkingLot().{use}
except (TypeError, AttributeError):
    print("error")
"""
    )

    assert printed == "error"


# What is thrown after something was handed over


def test_a_kill_after_an_unpark_is_delivered_at_the_next_park():
    lot = ParkingLot()
    taken = []

    def body():
        waiter = Waiter()
        lot.add(waiter)
        waiter.park()
        taken.append(waiter.value)
        sleep(0)
        taken.append("not reached")

    greenlet = spawn(body)
    wait_all_parked()
    greenlet.kill(block=False)
    lot.unpark("token")

    greenlet.join()

    assert taken == ["token"]
    assert isinstance(greenlet.value, GreenletExit)


def test_a_kill_after_an_unpark_is_not_delivered_to_a_greenlet_that_does_not_park_again():
    parked = Parked()
    parked.greenlet.kill(block=False)
    parked.waiter.unpark("token")

    parked.greenlet.join()

    assert parked.outcome == "token"
    assert parked.greenlet.value is None
    assert not get_hub().scheduler.postponed


def test_a_raw_greenlet_that_ends_with_a_kill_still_to_come_is_forgotten():
    lot = ParkingLot()
    raw = spawn_raw(lot.park)
    wait_all_parked()
    kill(raw)
    lot.unpark()
    wait_all_parked()

    assert raw.dead
    sleep(0)
    assert not get_hub().scheduler.postponed
    gone = weakref.ref(raw)
    del raw
    gc.collect()
    assert gone() is None


def test_a_timeout_after_an_unpark_is_forgotten_when_its_block_ends(clock: FakeClock):
    lot = ParkingLot()
    taken = []

    def body():
        waiter = Waiter()
        lot.add(waiter)
        with Timeout(5):
            waiter.park()
            taken.append(waiter.value)
        sleep(0)
        taken.append("went on")

    # Both at one moment, the token first, the timeout before the greenlet has resumed.
    spawn_later(5, lot.unpark, "token")
    spawn(body).join()

    assert taken == ["token", "went on"]


def test_a_timeout_after_an_unpark_is_raised_at_the_next_park_in_its_block(clock: FakeClock):
    lot = ParkingLot()
    taken = []

    def body():
        waiter = Waiter()
        lot.add(waiter)
        with Timeout(5) as timeout:
            try:
                waiter.park()
                taken.append(waiter.value)
                sleep(0)
            except Timeout as error:
                taken.append(error is timeout)

    spawn_later(5, lot.unpark, "token")
    spawn(body).join()

    assert taken == ["token", True]


def test_several_errors_that_were_kept_come_one_at_each_park():
    lot = ParkingLot()
    log = []

    def body():
        lot.park()
        for _ in range(3):
            try:
                sleep(0)
                log.append("slept")
            except Exception as error:
                log.append(str(error))

    greenlet = spawn(body)
    wait_all_parked()
    scheduler = get_hub().scheduler
    get_hub().call_soon(scheduler.interrupt, greenlet, KeyError("first"))
    get_hub().call_soon(scheduler.interrupt, greenlet, KeyError("second"))
    lot.unpark()
    greenlet.join()

    assert log == ["'first'", "'second'", "slept"]


def test_a_failure_is_handed_over_before_a_kill():
    parked = Parked(then=lambda: sleep(0))
    error = KeyError("failed")
    parked.greenlet.kill(block=False)
    parked.waiter.fail(error)

    parked.greenlet.join()

    assert parked.outcome is error
    assert isinstance(parked.greenlet.value, GreenletExit)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_programs_is_not_kept(kind: type[BaseException]):
    parked = Parked()
    error = kind()
    get_hub().call_soon(parked.greenlet.throw, error)
    parked.waiter.unpark("token")

    parked.greenlet.join()

    assert parked.outcome is error


# Interrupted anywhere


@pytest.mark.skipif(compiled, reason="compiled, no signal handler runs inside")
@pytest.mark.parametrize("way", ["park", "park with a deadline", "yield", "sleep", "join"])
def test_ctrl_c_in_the_middle_of_parking_leaves_nothing_behind(way: str):
    """Interpreted, a signal handler may raise at any line of it; whoever catches that must be able to go on."""
    main = getcurrent()
    lot = ParkingLot()
    waits = {
        "park": lot.park,
        "park with a deadline": lambda: lot.park(deadline_in(1000)),
        "yield": yield_now,
        "sleep": lambda: sleep(0.0001),
        "join": lambda: spawn(sleep, 0).join(),
    }

    def interrupt(line: int) -> bool:
        """Raise at the *line*-th line; say whether it came to that."""
        lines = 0

        def trace(frame, event, argument):
            nonlocal lines
            if "hublet" not in frame.f_code.co_filename or "tests" in frame.f_code.co_filename:
                return None
            if event == "line" and getcurrent() is main:
                lines += 1
                if lines == line:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        helper = spawn(lambda: (sleep(0), sleep(0), lot.unpark()))
        sys.settrace(trace)
        try:
            waits[way]()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        for _ in range(3):
            sleep(0)
        helper.join()
        assert Waiter().park(deadline_in(0)) is False, f"resumed by something else, after line {line}"
        assert len(lot) == 0, f"still in line, after line {line}"
        assert len(get_hub().scheduler.deadlines) == 0, f"after line {line}"
        return lines >= line

    line = 1
    while interrupt(line):
        line += 1

    assert line > 5


# Where nobody may park


def test_the_hub_cannot_park():
    errors = []

    def callback():
        try:
            Waiter("the impossible").park()
        except BlockingSwitchOutError as error:
            errors.append(error)

    get_hub().call_soon(callback)
    sleep(0)

    assert "the impossible" in str(errors[0])
    assert "spawn" in str(errors[0])


@pytest.mark.parametrize("others", [0, 1], ids=["nobody else ready", "another ready"])
def test_the_hub_cannot_yield(others: int):
    waiter = Waiter()
    errors = []

    def callback():
        try:
            yield_now()
        except BlockingSwitchOutError as error:
            errors.append(error)
        waiter.unpark()

    get_hub().call_soon(callback)
    greenlets = [spawn(sleep, 0) for _ in range(others)]
    waiter.park()
    joinall(greenlets)

    assert len(errors) == 1


def test_what_a_callback_switches_to_comes_back_to_it_before_others_run():
    log = []
    waiter: Waiter

    def switched_to():
        sleep(0)
        log.append("it goes on")

    def callback():
        greenlet(switched_to).switch()
        log.append("back in the callback")

    def other():
        nonlocal waiter
        waiter = Waiter()
        waiter.park()
        log.append("another")

    spawn(other)
    wait_all_parked()
    get_hub().call_soon(callback)
    waiter.unpark()
    wait_all_parked()

    assert log == ["back in the callback", "another", "it goes on"]


@pytest.mark.parametrize("where", ["the hub", "assert_no_switch"])
def test_who_was_refused_does_not_stand_in_line(where: str):
    lot = ParkingLot()
    errors = []

    def refused():
        try:
            lot.park(deadline_in(10))
        except BlockingSwitchOutError as error:
            errors.append(error)

    if where == "the hub":
        get_hub().call_soon(refused)
        sleep(0)
    else:
        with assert_no_switch():
            refused()

    assert len(errors) == 1
    assert len(lot) == 0
    assert len(get_hub().scheduler.deadlines) == 0
    parked = Parked(lot=lot)
    lot.unpark("token")
    parked.greenlet.join()
    assert parked.outcome == "token"


def test_a_waiter_that_is_unparked_already_is_no_switch():
    waiter = Waiter()
    waiter.unpark("value")

    with assert_no_switch():
        assert waiter.park() is True


# Deadlines


def test_deadline_in_counts_from_the_clock_of_the_hub(clock: FakeClock):
    clock.advance(1000)

    assert deadline_in(5) == clock.now() + 5


def test_deadline_in_none_is_no_deadline():
    assert deadline_in(None) is None


@pytest.mark.parametrize("wrong, kind", [("1", TypeError), (object(), TypeError), (float("nan"), ValueError)])
def test_deadline_in_refuses_what_is_no_number(wrong: object, kind: type[Exception]):
    with pytest.raises(kind):
        deadline_in(wrong)


# Yielding


def test_yielding_lets_those_run_first_that_are_ready():
    order = []
    for name in "ab":
        spawn(order.append, name)

    yield_now()

    assert order == ["a", "b"]


def test_yielding_alone_comes_back():
    for _ in range(1000):
        yield_now()


# Looking


def test_a_waiter_says_what_it_waits_for_and_how_it_stands(clock: FakeClock):
    waiting, woken, expired = Waiter("rain"), Waiter("sun"), Waiter("snow")

    woken.unpark()
    expired.park(deadline_in(1))

    assert "waiting for 'rain'" in repr(waiting)
    assert "woken for 'sun'" in repr(woken)
    assert "expired" in repr(expired)


def test_a_parked_waiter_knows_its_greenlet():
    parked = Parked()

    assert parked.waiter.greenlet is parked.greenlet

    parked.waiter.unpark()
    parked.greenlet.join()
    assert parked.waiter.greenlet is None


def test_a_wait_that_is_over_leaves_no_waiter_behind(clock: FakeClock, census):
    before = census()

    for _ in range(100):
        sleep(1)
        sleep(0)
        Waiter().park(deadline_in(1))
        with pytest.raises(Timeout), Timeout(1):
            Waiter().park()

    assert census() - before == {}


def test_a_parked_greenlet_is_alive_while_its_waiter_is_known():
    lot = ParkingLot()
    greenlet = weakref.ref(spawn(lot.park))
    wait_all_parked()
    gc.collect()

    assert greenlet() is not None

    lot.unpark()
    wait_all_parked()
    gc.collect()
    assert greenlet() is None


def test_the_main_greenlet_parks_as_any_other():
    waiter = Waiter()
    main = getcurrent()
    seen = []
    spawn(lambda: (seen.append(waiter.greenlet), waiter.unpark("value")))

    assert waiter.park() is True

    assert seen == [main]
    assert waiter.value == "value"

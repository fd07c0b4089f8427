"""The heap of deadlines: the earliest first, equal ones by arrival, and none kept that was taken out."""

from __future__ import annotations

import gc
import random
import sys

import pytest

from hublet.core import compiled
from hublet.core._deadlines import Deadlines
from hublet.core._entry import Callback


def entry() -> Callback:
    return Callback(None)


def drain(deadlines: Deadlines, now: float = float("inf")) -> list[Callback]:
    taken: list[Callback] = []
    while (each := deadlines.take_due(now)) is not None:
        assert each not in taken, "taken twice"
        taken.append(each)
    return taken


def test_the_earliest_deadline_comes_first():
    deadlines = Deadlines()
    entries = [entry() for _ in range(50)]
    moments = list(range(50))
    random.Random(1).shuffle(moments)
    for each, moment in zip(entries, moments):
        deadlines.add(each, moment)

    assert deadlines.first() == 0
    assert [each.deadline for each in drain(deadlines)] == sorted(moments)


def test_equal_deadlines_pass_in_the_order_in_which_they_were_set():
    deadlines = Deadlines()
    entries = [entry() for _ in range(100)]
    for each in entries:
        deadlines.add(each, 7.0)

    assert drain(deadlines) == entries


def test_only_what_is_due_is_taken():
    deadlines = Deadlines()
    early, exact, late = entry(), entry(), entry()
    for each, moment in ((late, 3.0), (early, 1.0), (exact, 2.0)):
        deadlines.add(each, moment)

    assert drain(deadlines, now=2.0) == [early, exact]
    assert len(deadlines) == 1
    assert deadlines.first() == 3.0


def test_an_entry_that_was_taken_out_does_not_expire():
    deadlines = Deadlines()
    entries = [entry() for _ in range(20)]
    for moment, each in enumerate(entries):
        deadlines.add(each, moment)

    for each in entries[::2]:
        deadlines.remove(each)

    assert drain(deadlines) == entries[1::2]


def test_taking_out_what_is_not_there_does_nothing():
    deadlines = Deadlines()
    there, never, gone = entry(), entry(), entry()
    deadlines.add(there, 1.0)
    deadlines.add(gone, 2.0)
    deadlines.remove(gone)

    deadlines.remove(never)
    deadlines.remove(gone)

    assert drain(deadlines) == [there]


def test_an_entry_knows_whether_it_is_there():
    deadlines = Deadlines()
    one, other = entry(), entry()

    deadlines.add(one, 1.0)
    deadlines.add(other, 2.0)
    assert one.place and other.place

    deadlines.remove(one)
    deadlines.take_due(2.0)
    assert not one.place and not other.place


def test_an_entry_may_come_back():
    deadlines = Deadlines()
    each, other = entry(), entry()
    deadlines.add(each, 1.0)
    deadlines.add(other, 2.0)
    deadlines.remove(each)

    deadlines.add(each, 3.0)

    assert drain(deadlines) == [other, each]


def test_only_counted_entries_are_counted():
    deadlines = Deadlines()
    counted, uncounted = entry(), entry()
    uncounted.uncounted = True

    deadlines.add(counted, 1.0)
    deadlines.add(uncounted, 2.0)
    assert (len(deadlines), deadlines.counting) == (2, 1)

    deadlines.remove(counted)
    assert (len(deadlines), deadlines.counting) == (1, 0)

    drain(deadlines)
    assert (len(deadlines), deadlines.counting) == (0, 0)


def test_it_keeps_nothing_that_was_taken_out_of_its_middle():
    deadlines = Deadlines()
    each, others = entry(), [entry() for _ in range(10)]
    before = sys.getrefcount(each)
    for moment, other in enumerate(others):
        deadlines.add(other, moment)

    deadlines.add(each, 5.5)
    deadlines.remove(each)

    assert sys.getrefcount(each) == before


def test_cancelled_entries_do_not_pile_up():
    deadlines = Deadlines()
    for moment in range(100):
        deadlines.add(entry(), moment)
    before = sys.getsizeof(deadlines)

    for _ in range(100_000):
        each = entry()
        deadlines.add(each, 1000)
        deadlines.remove(each)

    gc.collect()
    assert sum(type(each) is Callback for each in gc.get_objects()) < 1000
    assert sys.getsizeof(deadlines) == before
    assert len(deadlines) == 100


def test_it_keeps_nothing_that_has_left():
    deadlines = Deadlines()
    each, other = entry(), entry()
    before = sys.getrefcount(each)

    for _ in range(10):
        deadlines.add(each, 1.0)
        deadlines.add(other, 2.0)
        deadlines.remove(each)
        deadlines.add(each, 1.0)
        drain(deadlines)

    assert sys.getrefcount(each) == before


@pytest.mark.parametrize("seed", range(5))
def test_it_does_what_a_sorted_list_does(seed: int):
    rng = random.Random(seed)
    deadlines = Deadlines()
    model: list[Callback] = []

    for _ in range(2000):
        act = rng.random()
        if act < 0.5 or not model:
            each = entry()
            deadlines.add(each, rng.randrange(100))
            model.append(each)
        elif act < 0.8:
            each = model.pop(rng.randrange(len(model)))
            deadlines.remove(each)
        else:
            now = rng.randrange(100)
            expected = min(model, key=lambda each: (each.deadline, each.order))
            if expected.deadline > now:
                assert deadlines.take_due(now) is None
            else:
                assert deadlines.take_due(now) is expected
                model.remove(expected)
        assert len(deadlines) == len(model)

    assert drain(deadlines) == sorted(model, key=lambda each: (each.deadline, each.order))


@pytest.mark.skipif(compiled, reason="compiled, nothing comes in between")
@pytest.mark.parametrize("act", ["add", "remove", "take", "sweep"])
def test_a_finalizer_or_a_signal_handler_may_come_in_at_any_line(act: str):
    """As a `__del__` may that starts or cancels a timeout while the heap is being put in order."""

    def heap() -> tuple[Deadlines, list[Callback], list[Callback]]:
        deadlines = Deadlines()
        entries = [entry() for _ in range(30)]
        for moment, each in enumerate(entries):
            deadlines.add(each, moment)
        extra = [entry(), entries[29]]
        return deadlines, entries, extra

    def run(line: int) -> bool:
        """Come in at the *line*-th line of the act; say whether there is such a line."""
        deadlines, entries, (new, old) = heap()
        cancelled = [entry() for _ in range(100 if act == "sweep" else 0)]
        for each in cancelled:
            deadlines.add(each, 15)
        lines = 0

        def trace(frame, event, argument):
            nonlocal lines
            if not frame.f_code.co_filename.endswith("_deadlines.py"):
                return None
            if event == "line":
                lines += 1
                if lines == line:
                    sys.settrace(None)
                    deadlines.add(new, -2)
                    deadlines.remove(old)
                    return None
            return trace

        target = entry()
        sys.settrace(trace)
        try:
            if act == "add":
                deadlines.add(target, -1)
            elif act == "remove":
                deadlines.remove(entries[1])
            elif act == "sweep":
                for each in cancelled:
                    deadlines.remove(each)
            else:
                taken = deadlines.take_due(0)
        finally:
            sys.settrace(None)
        if lines < line:
            return False
        expected = [new, *entries[:29]]
        if act == "add":
            expected.insert(1, target)
        elif act == "remove":
            expected.remove(entries[1])
        elif act == "take":
            expected.remove(taken)
        assert len(deadlines) == len(expected), f"at line {line}"
        assert drain(deadlines) == expected, f"at line {line}"
        assert not any(each.place for each in [*entries, new, target])
        return True

    line = 1
    while run(line):
        line += 1

    assert line > 5


@pytest.mark.skipif(not compiled, reason="is about memory that only the compiled heap manages")
def test_a_finalizer_may_add_deadlines_while_the_heap_grows(script):
    """Before 3.12 the allocation that makes room may start a collection."""
    printed = script(
        """
import gc
from hublet.core._deadlines import Deadlines
from hublet.core._entry import Callback

class Garbage:
    def __init__(self):
        self.itself = self
    def __del__(self):
        while late:
            add(late.pop())

def add(entry):
    global moment
    moment += 1
    deadlines.add(entry, -moment)

for size in range(100):
    deadlines = Deadlines()
    moment = 0
    for _ in range(size):
        add(Callback(None))
    late = [Callback(None) for _ in range(50)]
    entry = Callback(None)
    lists = [[] for _ in range(200)]  # so that the next one is not a used one
    gc.disable()
    Garbage()
    gc.set_threshold(1)
    gc.enable()
    add(entry)
    gc.set_threshold(700)
    gc.collect()
    assert not late
    for _ in range(200):
        add(Callback(None))
    taken = []
    while len(deadlines):
        taken.append(deadlines.take_due(0).deadline)
    assert taken == [-each for each in range(moment, 0, -1)], (size, taken)
print("in order")
""",
        PYTHONMALLOC="debug",
    )

    assert printed == "in order"

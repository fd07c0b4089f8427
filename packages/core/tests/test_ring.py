"""The ring: first in, first out, whoever comes in between."""

from __future__ import annotations

import gc
import importlib.util
import random
import sys
import threading
from collections import deque
from pathlib import Path

import pytest

from hublet.core import _ring
from hublet.core._entry import Callback


def interpreted() -> type:
    """`_ring.py`, whether or not an extension hides it."""
    spec = importlib.util.spec_from_file_location("interpreted_ring", Path(_ring.__file__).with_name("_ring.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Ring


@pytest.fixture(params=["as built", "interpreted"])
def ring(request: pytest.FixtureRequest):
    return _ring.Ring() if request.param == "as built" else interpreted()()


def entries(count: int) -> list[Callback]:
    return [Callback(None) for _ in range(count)]


def first_of(ring):
    # Compiled, `first` is a piece of its callers, and Python cannot call it.
    return ring.first() if hasattr(ring, "first") else next(iter(ring), None)


def test_what_comes_first_leaves_first(ring):
    items = entries(3)
    for item in items:
        ring.append(item)

    assert [ring.take(), ring.take(), ring.take()] == items


def test_an_empty_ring_gives_none(ring):
    assert ring.take() is None
    assert first_of(ring) is None
    assert len(ring) == 0
    assert not ring


def test_first_looks_without_taking(ring):
    items = entries(2)
    for item in items:
        ring.append(item)

    assert first_of(ring) is items[0]
    assert first_of(ring) is items[0]
    assert len(ring) == 2


def test_appendleft_goes_before_all_others(ring):
    first, second = entries(2)

    ring.append(second)
    ring.appendleft(first)

    assert list(ring) == [first, second]


@pytest.mark.parametrize("taken_before", range(5))
@pytest.mark.parametrize("place", range(5))
def test_discard_removes_an_item_wherever_it_is(ring, place: int, taken_before: int):
    for item in entries(taken_before):  # so that the five lie across the end of the buffer, too
        ring.append(item)
        ring.take()
    items = entries(5)
    for item in items:
        ring.append(item)

    ring.discard(items[place])

    assert list(ring) == items[:place] + items[place + 1 :]


def test_discard_of_a_stranger_does_nothing(ring):
    item, stranger = entries(2)
    ring.append(item)

    ring.discard(stranger)

    assert list(ring) == [item]


def test_clear_forgets_everything(ring):
    for item in entries(9):
        ring.append(item)

    ring.clear()

    assert list(ring) == []
    assert ring.take() is None


@pytest.mark.parametrize("taken_before", [0, 1, 3, 4, 7])
def test_it_grows_without_losing_the_order(ring, taken_before: int):
    for item in entries(taken_before):
        ring.append(item)
        ring.take()
    items = entries(100)

    for item in items:
        ring.append(item)

    assert list(ring) == items
    assert [ring.take() for _ in items] == items


def test_it_holds_on_to_nothing_that_has_left(ring):
    item, other = entries(2)
    before = sys.getrefcount(item)

    for _ in range(10):
        ring.append(item)
        ring.append(other)
        ring.take()
        ring.discard(other)
        ring.append(item)
        ring.clear()

    assert sys.getrefcount(item) == before


def test_it_does_what_a_deque_does(ring):
    rng = random.Random(20)
    model: deque = deque()

    for _ in range(5000):
        act = rng.choice(["append", "append", "appendleft", "take", "take", "discard", "first"])
        if act in ("append", "appendleft"):
            item = Callback(None)
            getattr(ring, act)(item)
            getattr(model, act)(item)
        elif act == "take":
            assert ring.take() is (model.popleft() if model else None)
        elif act == "discard" and model:
            item = rng.choice(model)
            ring.discard(item)
            model.remove(item)
        else:
            assert first_of(ring) is (model[0] if model else None)
        assert len(ring) == len(model)

    assert list(ring) == list(model)


def test_a_finalizer_may_append_while_it_grows(ring):
    class Garbage:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            ring.append(late)

    late = Callback(None)
    items = entries(200)
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for item in items:
            Garbage()
            ring.append(item)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()

    left = list(ring)
    assert [item for item in left if item is not late] == items
    assert left.count(late) == len(items)


def test_threads_may_append_and_take_at_once(ring):
    items = entries(4000)
    taken = []

    def append(part: list[Callback]) -> None:
        for item in part:
            ring.append(item)

    def take() -> None:
        while len(taken) < len(items):
            item = ring.take()
            if item is not None:
                taken.append(item)

    threads = [threading.Thread(target=append, args=(items[i::4],)) for i in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        take()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert set(map(id, taken)) == set(map(id, items))
    order = {id(item): place for place, item in enumerate(taken)}
    for i in range(4):
        places = [order[id(item)] for item in items[i::4]]
        assert places == sorted(places)

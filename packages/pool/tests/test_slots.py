"""Places in a pool, whatever comes in the middle of counting them."""

from __future__ import annotations

from hublet.core.lowlevel import Waiter
from hublet.pool._slots import Slots


def eq(one, other):
    assert one == other


def test_a_place_that_becomes_free_in_the_middle_of_waiting_is_noticed(interleaved):
    interleaved(
        lambda: Slots(0),
        lambda s: s.wait_and_take(None, s),
        lambda s: s.give(),
        lambda s, taken, _: eq((taken, s.free), (True, 0)),
    )
    interleaved(lambda: Slots(0), lambda s: s.wait(None, s), lambda s: s.give(), lambda s, free, _: eq((free, s.free), (1, 1)))


def test_one_place_is_taken_by_one_of_two(interleaved):
    interleaved(
        lambda: Slots(1),
        lambda s: s.wait_and_take(0.0, s),
        lambda s: s.take(),
        lambda s, first, second: eq((first != second, s.free), (True, 0)),
    )


def test_who_joins_the_line_while_a_place_becomes_free_gets_it(interleaved):
    def join(slots):
        interleaved.beside(lambda: slots.wait_and_take(None, slots), lambda: len(slots._line))

    interleaved(lambda: Slots(0), lambda s: s.give(), join, lambda s, *_: eq(s.free, 0))


def test_a_place_for_somebody_who_gives_up_is_not_lost(interleaved):
    class Quitter:
        """Places, and somebody in line for one who may give up."""

        def __init__(self):
            self.slots, self.waiter = Slots(0), Waiter()
            self.slots._line.add(self.waiter)

    interleaved(
        Quitter, lambda q: q.slots.give(), lambda q: q.waiter.unpark(), lambda q, _, gave_up: eq(q.slots.free, int(gave_up))
    )

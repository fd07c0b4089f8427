"""Tools for tests that must not depend on time or luck."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from . import _switch
from ._hub import get_hub
from ._park import Waiter
from ._spawn import idle

__all__ = ["FakeClock", "Sequencer", "assert_no_switch", "fake_clock", "wait_all_parked"]


class FakeClock:
    """A clock that stands still while anything can run, and jumps to the next deadline when nothing can."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the time in seconds."""
        return self._now

    def advance_to(self, moment: float) -> None:
        """Jump ahead to *moment*; a moment that is past changes nothing.  Called by the hub when it is idle."""
        self._now = max(self._now, moment)

    def advance(self, seconds: float) -> None:
        """Jump ahead by *seconds*."""
        self._now += seconds


@contextmanager
def fake_clock() -> Iterator[FakeClock]:
    """Let the hub of this thread go by a `FakeClock` inside the block, so that sleeping takes no time.

    Enter it before anything has a deadline, and leave it after: deadlines of one clock mean nothing to the other.
    """
    scheduler = get_hub().scheduler
    clock = FakeClock(ceil(scheduler.now()))  # a whole number: differences of its times have no rounding
    before, scheduler.clock = scheduler.clock, clock
    try:
        yield clock
    finally:
        scheduler.clock = before


def wait_all_parked() -> None:
    """Park until every other greenlet of this hub is parked and no descriptor is ready.

    After it, a greenlet that was spawned before is known to have come as far as it can without help.
    """
    idle()


class Sequencer:
    """Steps of several greenlets, made to happen in the order of their numbers: ``with sequence(0): ...``."""

    def __init__(self) -> None:
        self._next = 0
        self._taken: set[int] = set()
        self._waiting: dict[int, Waiter] = {}

    @contextmanager
    def __call__(self, step: int) -> Iterator[None]:
        """Wait for the steps before *step*, numbered from 0, then run the block.  Parks.

        Raises `ValueError` if another block has the same number.
        """
        if step in self._taken:
            raise ValueError(f"step {step} is taken already: each number stands for one block")
        self._taken.add(step)
        if step != self._next:
            waiter = self._waiting[step] = Waiter(f"step {step} of a sequence that is at step {self._next}")
            waiter.park()
        try:
            yield
        finally:  # a step that fails must not leave the others waiting
            self._next = step + 1
            following = self._waiting.pop(self._next, None)
            if following is not None:
                following.unpark()


@contextmanager
def assert_no_switch() -> Iterator[None]:
    """Raise `BlockingSwitchOutError` where the code inside would park, instead of letting it."""
    scheduler = get_hub().scheduler
    greenlet = _switch.current()
    if greenlet in scheduler.unswitchable:
        yield
        return
    scheduler.unswitchable[greenlet] = "it is inside assert_no_switch()"
    scheduler.attention = True
    try:
        yield
    finally:
        del scheduler.unswitchable[greenlet]

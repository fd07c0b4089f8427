"""The kernel of the hub: run what is ready, let deadlines pass, poll.

A turn has three steps.  Run what is ready, at most `BUDGET` entries and for about `TURN` seconds, counting those that
greenlets took for themselves when they parked.  Expire what is due.  Poll: without waiting if something is ready, otherwise
until the next deadline.

**Direct hand-off.**  A greenlet that parks takes the next entry out of the ring itself and switches straight to its
greenlet; that halves the switches.  One that ends, compiled, does the same by making that greenlet its parent.  The budget
makes them come back here, so that deadlines and descriptors are looked at however busy the greenlets keep each other.
Greenlets are *started* only from here, and from the main greenlet: started from any other one, each would lay its C stack on
top of the last.

**Polling in place.**  On the native loop, when nothing is ready, the greenlet that parks polls itself, for the hub would do
nothing else and switch back, mostly to the very same.  What runs there nevertheless, signal handlers and finalizers, may not
wait, just as in the hub.

**Other threads** may do two things to a hub: append to its ring, and then `loop.wake()` if the loop sleeps.  The hub
declares itself asleep first and looks at the ring after that, so that one of the two always sees the other.
"""

from __future__ import annotations

from math import inf

from . import _running_loop, _switch
from ._deadlines import Deadlines
from ._entry import Entry
from ._native import get_ident
from ._ring import Ring
from .errors import HubDestroyed
from .loops._protocol import Handle, Loop

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["BUDGET", "Scheduler"]

_COMPILED = _switch.compiled

# Who runs after a greenlet that parks.
_ITSELF = 0
_READY = 1
_HUB = 2

BUDGET = 128

TURN = 0.005
"""Seconds after which a turn ends, so that greenlets that compute do not keep the others' deadlines waiting."""

LONGEST = 86_400.0
"""Seconds that a hub polls at most before it looks at its deadlines again; more than this some systems do not take."""

HEARTBEAT = 1.0
"""Seconds that a hub polls which only other threads could wake, before it looks whether there still are any."""


class Scheduler:
    """Everything of one native thread that a switch needs.  `Hub` is its greenlet, and what its users see."""

    __slots__ = (
        "_base",
        "_budget",
        "_idle",
        "_turn_ends",
        "attention",
        "clock",
        "deadlines",
        "ended",
        "greenlet",
        "handles",
        "is_polling",
        "loop",
        "main",
        "outside",
        "parked",
        "postponed",
        "ready",
        "shielded",
        "spare",
        "spare_start",
        "spare_timer",
        "spare_turn",
        "starting",
        "thread_ident",
        "turns",
        "unswitchable",
    )

    def __init__(self, hub: Any, main: Any, loop: Loop) -> None:
        self.greenlet: Any = hub
        self.main: Any = main
        self.loop = loop
        self.ready = Ring()
        self.deadlines = Deadlines()
        self.thread_ident = get_ident()
        self.clock: Any = None  # an object with `now()` and `advance_to(deadline)` in place of the system's clock
        # Work under way elsewhere that will append to the ring: calls in worker threads.
        self.outside = 0
        self.parked = 0  # greenlets, the main one with them
        self.handles: dict[int, Handle] = {}  # descriptor -> handle, for those that are found by number
        self.is_polling = False  # in place: nobody may park in the greenlet that runs
        # Whether a parking greenlet must look at the three below.
        self.attention = False
        self.postponed: dict[Any, list[tuple[int, BaseException]]] = {}  # greenlet -> what to raise when it parks next
        self.shielded: dict[Any, int] = {}  # greenlet -> how many shields it is in
        self.unswitchable: dict[Any, str] = {}  # greenlet -> why it must not park
        self.spare: Any = None  # a waiter that nobody uses any more (`_park.recycle`)
        self.spare_turn: Any = None  # the same for `_park.yield_now`, which leaves it as it needs it
        self.spare_timer: Any = None  # the same for timeouts
        self.spare_start: Any = None  # the same for the entry that starts a greenlet
        self.starting: Any = None  # the entry of a greenlet that is being started, which may have nobody else to hold it
        self.ended: Any = None  # the greenlet that ended in another than the hub, until that one has seen to it
        self.turns = 0  # how often it has come round, for the watchdog
        self._idle = Ring()
        self._base: Any = 0  # where the hub's stack begins, once it runs
        self._budget = 0
        self._turn_ends = 0.0

    def now(self) -> float:
        """Return the time that deadlines are compared with, in seconds of `time.monotonic`."""
        if self.clock is None:
            return _switch.monotonic()
        return self.clock.now()  # type: ignore[no-any-return]

    def schedule(self, entry: Entry) -> None:
        """Let *entry* run after everything that is ready now.  Never switches; any thread may call it."""
        self.ready.append(entry)
        if self.loop.sleeping:
            self.loop.wake()

    def schedule_idle(self, entry: Entry) -> None:
        """Notify *entry* once nothing is ready, neither greenlets nor descriptors.  Never switches."""
        self._idle.append(entry)

    def may_stay(self) -> bool:
        """Say whether who lets others run may go on at once, because nobody is ready.  It counts as a switch.

        Never true in the hub, which has no budget while it calls back.
        """
        if self.ready.has_any() or self._is_over():
            return False
        self._budget -= 1
        return True

    def _is_over(self) -> bool:
        """Say whether the hub should have its turn.  The clock, a tenth of a switch, is looked at for each second one."""
        return self._budget <= 0 or (self._budget & 1 == 0 and _switch.coarse_monotonic() >= self._turn_ends)

    def switch_out(self, leaving: Any) -> BaseException | None:
        """Run others until somebody switches back to *leaving*, the greenlet that calls this.

        Return what was thrown at it meanwhile, or `None`.
        """
        state = _running_loop.leave()
        following = self._choose(leaving)
        error = None
        if following == _READY:
            error = _switch.switch_to_first(self.ready)
        elif following == _HUB:
            error = _switch.switch(self.greenlet)
        if self.ended is not None:
            self._see_to_ended()
        if state is not None:
            _running_loop.restore(state)
        return error

    def _choose(self, leaving: Any) -> int:
        """Decide who runs after *leaving*: itself, the first that is ready, or the hub.

        Its C frame is gone when it comes to the switch, which copies what is there.
        """
        if self._is_over():
            return _HUB
        entry = self.ready.first()
        if entry is None and self.loop.polls_in_c and self.loop.waiting and self.clock is None and not self._idle:
            self._poll_in_place()
            entry = self.ready.first()
        if entry is None or entry.greenlet is None:
            return _HUB
        if entry.starts:
            if leaving is not self.main or not _switch.is_stack_near(self._base):
                return _HUB
            self.starting = entry
        self._budget -= 1
        if entry.greenlet is not leaving:
            return _READY
        self.ready.take()
        return _ITSELF

    def adopt(self, new: Any, calls_end: bool) -> None:
        """Make the hub the parent of *new*, which was just made.

        One that *calls_end* is settled by `end`.  Until then its parent may be the main greenlet, which costs nothing for
        what that makes; but no other, or each would keep the one alive that made it.
        """
        if not (calls_end and _COMPILED):
            _switch.set_parent(new, self.greenlet)
            return
        parent = _switch.parent_of(new)
        if parent is not self.main and parent is not self.greenlet:
            _switch.set_parent(new, self.main)

    def end(self, ending: Any) -> None:
        """Let the greenlet *ending* end in the next that is ready rather than in the hub, which would only switch to it.

        The caller does nothing after this that could raise or switch, nor does what it drops: once the entry is taken from
        the ring, ending is the only thing that resumes it.  Interpreted, a signal handler may raise anywhere, so that it is
        left to the hub.
        """
        _switch.drop_context(ending)  # and whatever ends with that, which may switch
        if not _COMPILED:
            return
        if self.ended is None and not self._is_over():
            entry = self.ready.first()
            if entry is not None and entry.greenlet is not None and not entry.starts:
                _switch.set_parent(ending, entry.greenlet)
                self._budget -= 1
                if entry.greenlet is not self.main:
                    self.ended = ending
                self.ready.take()
                return
        _switch.set_parent(ending, self.greenlet)

    def _see_to_ended(self) -> None:
        # Whoever keeps it would keep its parent, and that one's, and so on.
        ended, self.ended = self.ended, None
        _switch.set_parent(ended, self.main)

    def interrupt(self, target: Any, error: BaseException, shields: int = 0) -> None:
        """Throw *error* into *target*, now or, if it is shielded, when it parks outside the shield.  For the hub only.

        *shields* is how many shields it was in when it asked for the error: those keep nothing out.
        """
        if self.shielded and self.shielded.get(target, 0) > shields:
            self.postpone(target, error, shields)
        else:
            budget, self._budget = self._budget, 0  # it comes back here, or the hub would hold it for as long as others run
            target.throw(error)
            self._budget = budget

    def postpone(self, target: Any, error: BaseException, shields: int) -> None:
        """Keep *error* until *target* parks in no more than *shields* shields."""
        self.postponed.setdefault(target, []).append((shields, error))
        self.attention = True

    def take_postponed(self, target: Any) -> BaseException | None:
        """Remove and return what is to be raised in *target*, which parks; `None` if nothing is."""
        kept = self.postponed.get(target)
        if kept is not None:
            depth = self.shielded.get(target, 0)
            for i, (shields, error) in enumerate(kept):
                if shields >= depth:
                    del kept[i]
                    if not kept:
                        del self.postponed[target]
                    return error
        for each in [each for each in self.postponed if each.dead]:
            del self.postponed[each]
        self.attention = bool(self.unswitchable or self.postponed)
        return None

    def withdraw(self, target: Any, error: BaseException) -> None:
        """Forget *error* if it is kept for *target*."""
        kept = self.postponed.get(target)
        if kept is not None:
            kept[:] = [item for item in kept if item[1] is not error]
            if not kept:
                del self.postponed[target]

    def run(self) -> None:
        """Turn until the hub is destroyed.  The body of the hub's greenlet."""
        self._base = _switch.stack_position()
        while True:
            try:
                self._turn()
            except HubDestroyed:
                return
            except BaseException as error:
                self.greenlet.fault(None, error)

    def forget_starts(self) -> None:
        """Let what is ready to begin never begin.  For the end of the hub: the collector does not see those entries."""
        for entry in self.ready:
            if entry.starts:
                entry.greenlet = None

    def _turn(self) -> None:
        ready = self.ready
        self._budget = BUDGET
        self._turn_ends = _switch.coarse_monotonic() + TURN
        self.turns += 1
        while ready and self._budget > 0:
            self._budget -= 1
            entry = ready.first()
            if entry.greenlet is None:
                ready.take()
                self._call(entry)
            else:
                if entry.starts:
                    self.starting = entry
                entry = None  # as in switch_to_first: not held while others run
                error = _switch.switch_to_first(ready)
                if error is not None:
                    raise error  # a raw greenlet died of it, and its parent is the hub
            if _switch.coarse_monotonic() >= self._turn_ends:
                break
        self.starting = None
        self._budget = 0  # what deadlines start or interrupt comes back here, for there may be more of them
        self._expire()
        self._poll()

    def _call(self, entry: Entry) -> None:
        budget, self._budget = self._budget, 0  # the hub may not stay (`may_stay`), nor wait for what a callback switches to
        entry.run()
        self._budget = budget

    def has_nothing_left(self) -> bool:
        """Say whether nothing is ready and nothing that this hub waits for could make anything so."""
        return not (self.ready or self.loop.waiting or self.deadlines.counting or self.outside)

    def _expire(self) -> None:
        if self.deadlines.first() == inf:
            return
        now = self.now()
        latest = self.deadlines.newest  # not those that expiring makes: they are for the next turn, or it might never end
        while True:
            entry = self.deadlines.take_due(now, latest)
            if entry is None:
                break
            entry.expire()

    def _poll(self) -> None:
        loop = self.loop
        if self.ready:
            self._look(0.0)
            return
        loop.sleeping = True
        try:
            self._look(0.0 if self.ready else self._patience())
        finally:
            loop.sleeping = False

    def _poll_in_place(self) -> None:
        # Not interpreted, where Ctrl-C might come between two lines and would belong to the main greenlet; and not where
        # polling calls Python, for which the greenlet may be too deep in calls of its own.
        budget, self._budget = self._budget, 0
        self.is_polling = True
        self.turns += 1
        try:
            self._poll()
        finally:
            self.is_polling = False
            self._budget = budget

    def _look(self, timeout: float | None) -> None:
        try:
            self.loop.poll(timeout)
            return
        except BaseException as raised:
            error = raised
        # What a loop raises is what a signal handler raised, and that belongs to the main greenlet, whatever it is.
        self.greenlet.raise_in_main(error)

    def _patience(self) -> float | None:
        """Decide how long to wait for descriptors now that nothing is ready."""
        if self._idle:
            self._look(0.0)
            if not self.ready:
                idle = self._idle.take()
                if idle is not None:
                    idle.notify()
            return 0.0
        if self.has_nothing_left() and self.greenlet.nothing_left():
            return 0.0
        deadline = self.deadlines.first()
        if deadline == inf:
            return None if self.loop.waiting or self.outside else HEARTBEAT
        if self.clock is not None:
            if self.outside:
                return None  # a worker thread's time is real: let it finish before the clock jumps
            self._look(0.0)
            if not self.ready:
                self.clock.advance_to(deadline)
            return 0.0
        return min(max(0.0, deadline - self.now()), LONGEST)

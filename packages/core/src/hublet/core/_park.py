"""The waist: every wait in hublet is `Waiter.park`, and every wake-up is `Waiter.unpark`.

A waiter is used once.  Unpark, failure, deadline or a thrown exception, whichever is first, *claims* it; the others find
it claimed and do nothing.  So a wake-up that races a deadline needs no lock, a late one cannot resume a greenlet that has
gone on to wait for something else, and what was handed over with a wake-up is handed over to exactly one.

Claiming is one exchange in one line, ``claimed, self.claimed = self.claimed, True``: the interpreter lets no other thread,
signal handler or finalizer in between its two halves (`test_claiming_is_one_uninterruptible_step` looks at the bytecode),
and compiled it is plain C under the lock that CPython holds.

What is thrown at a greenlet after somebody has handed it something (a lock, a token, an item) is kept and raised when it
parks next: the greenlet takes what it was given first, or it would be lost.

Long for one module, because whatever parks is in it: in C, calls inside a module need no pointers to functions.
"""

from __future__ import annotations

from . import _switch
from ._entry import Entry
from ._hub import get_hub, in_main_thread
from ._native import allocate_lock, monotonic, thread_sleep
from ._ring import Ring
from ._scheduler import Scheduler
from .errors import BlockingSwitchOutError, InvalidSwitchError

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ParkingLot", "Waiter", "deadline_in", "make_waiter", "recycle", "yield_now"]

_COMPILED = _switch.compiled

_UNSET: Any = type("Unset", (), {"__repr__": lambda self: "<unset>"})()


def deadline_in(timeout: float | None) -> float | None:
    """Return the deadline that lies *timeout* seconds ahead, in seconds of `time.monotonic`; `None` for `None`.

    Never switches.  Raises `TypeError` if *timeout* is no number and `ValueError` if it is not a number (NaN).
    """
    if timeout is None:
        return None
    scheduler = _switch.thread_scheduler()
    deadline = (_switch.monotonic() if scheduler is None else scheduler.now()) + timeout
    if deadline != deadline:
        raise ValueError("a timeout must be a number of seconds or None, not NaN")
    return deadline


class Waiter(Entry):
    """One wait of one greenlet.

    Made and parked by the greenlet that waits; unparked by anybody, from any thread.  In a native thread that has no hub,
    other than the main one, it blocks the thread.
    """

    __slots__ = ("_lock", "claimed", "error", "expired", "lot", "reason", "scheduler", "value")

    def __init__(self, reason: Any = None) -> None:
        self.begin_waiting(reason, _scheduler_here())

    def begin_waiting(self, reason: Any, scheduler: Scheduler | None) -> None:
        """Set every field to what a new waiter has."""
        self.begin()
        self.scheduler: Scheduler | None = scheduler
        self.reason = reason  # what it waits for, for whoever asks why a greenlet does not go on
        self.lot: ParkingLot | None = None
        self.claimed = False
        self.expired = False  # claimed by the deadline, or otherwise with nothing handed over
        self.value: Any = _UNSET
        self.error: BaseException | None = None
        self._lock: Any = None

    def park(self, deadline: float | None = None) -> bool:
        """Park the calling greenlet until somebody calls `unpark` or `fail`, or *deadline* passes.

        *deadline* is absolute, in seconds of `time.monotonic`; `None` is no deadline.  Parks, unless it is unparked
        already.  Return true if it was unparked, false if the deadline passed first.  Raises what `fail` was called with,
        or what was thrown at the greenlet (`kill`, `Timeout`); `BlockingSwitchOutError` in the hub, where nothing may
        wait; `LoopExit` in the main greenlet if nothing is left that could unpark it; and `InvalidSwitchError` if
        something else switched to the greenlet.
        """
        scheduler = self.scheduler
        if scheduler is None:
            # The thread may have come by a hub since.
            self.scheduler = scheduler = _switch.thread_scheduler()
            if scheduler is None:
                return self._park_thread(deadline)
        greenlet = _switch.current()
        if scheduler.is_polling or greenlet is scheduler.greenlet:
            self._refuse_the_hub(scheduler)
        if scheduler.attention:
            _attend(scheduler, greenlet, self)
        _wait(self, scheduler, greenlet, deadline)
        if self.expired:
            return False
        if self.value is _UNSET:
            self._await_value()
        if self.error is not None:
            raise self.error
        return True

    def _refuse_the_hub(self, scheduler: Scheduler) -> None:
        self._give_up(scheduler)
        raise BlockingSwitchOutError(
            f"{self!r}: the hub cannot wait; spawn a greenlet for what must, instead of calling it from a callback"
        )

    def _await_value(self) -> None:
        while self.value is _UNSET:
            thread_sleep(0)  # another thread is between claiming and saying with what

    def _expire_at(self, scheduler: Scheduler, deadline: float) -> None:
        try:
            scheduler.deadlines.add(self, deadline)
        except BaseException:  # it is no number
            self._give_up(scheduler)
            raise

    def _interrupted(self, scheduler: Scheduler, greenlet: Any, error: BaseException | None) -> None:
        """Raise *error*, or keep it for later if the greenlet has been handed something that it must take first.

        Not what ends programs: Ctrl-C may come at any line of Python, so nothing relies on its not coming here.
        """
        if self._give_up(scheduler):
            if error is None:
                return
            if not isinstance(error, (KeyboardInterrupt, SystemExit, SystemError)):
                scheduler.postpone(greenlet, error, scheduler.shielded.get(greenlet, 0))
                return
            self._hand_back()
        if error is None:
            raise InvalidSwitchError(f"{greenlet!r} waits for {self.reason!r}, but was switched to by something else")
        self.reason = None  # which may hold the waiter
        try:
            raise error
        finally:
            del error  # or the traceback would hold the frame that holds it

    def _hand_back(self) -> None:
        """Offer what was handed over to what the greenlet waits for: what ends programs is raised without taking it."""
        self._await_value()
        take_back = getattr(self.reason, "_take_back", None)
        if take_back is not None:
            take_back(self.value)

    def _give_up(self, scheduler: Scheduler) -> bool:
        """Leave ring, deadlines and lot; true if it was too late, because something has been handed over already."""
        claimed, self.claimed = self.claimed, True
        self.greenlet = None  # should it be in the ring, the hub will find nobody to resume
        scheduler.deadlines.remove(self)
        if self.lot is not None:
            self.lot.forget(self)
        return claimed and not self.expired

    def abandon(self) -> None:
        """Forget the greenlet, whatever it was handed: nothing wakes it any more.  For what stays behind at a fork."""
        if self.scheduler is not None:
            self._give_up(self.scheduler)

    def _park_thread(self, deadline: float | None) -> bool:
        """Block a native thread that has no hub."""
        lock = allocate_lock()
        lock.acquire()
        self._lock = lock
        if not self.claimed:
            timeout = -1.0 if deadline is None else min(max(0.0, deadline - monotonic()), 4e6)
            if not lock.acquire(True, timeout):
                claimed, self.claimed = self.claimed, True
                if not claimed:
                    self.expired = True
                    if self.lot is not None:
                        self.lot.forget(self)
                    return False
        self._await_value()
        if self.error is not None:
            raise self.error
        return True

    def unpark(self, value: Any = None) -> bool:
        """Wake the greenlet that is parked here, or will be, with *value*.  Never switches; any thread may call it.

        Return false if it was too late: something else has woken it already, and *value* stays the caller's.
        """
        claimed, self.claimed = self.claimed, True
        if claimed:
            return False
        self.value = value
        _resume(self)
        return True

    def fail(self, error: BaseException) -> bool:
        """Wake the greenlet by raising *error* from its `park`.  As `unpark` otherwise."""
        claimed, self.claimed = self.claimed, True
        if claimed:
            return False
        self.error = error
        self.value = None
        _resume(self)
        return True

    def expire(self) -> None:
        claimed, self.claimed = self.claimed, True
        if not claimed:
            self.expired = True
            _resume(self)

    def notify(self) -> None:
        self.unpark()

    def __repr__(self) -> str:
        state = "expired" if self.expired else "woken" if self.claimed else "waiting"
        return f"<Waiter at {id(self):#x} {state} for {self.reason!r}>"


def _resume(waiter: Waiter) -> None:
    if waiter.lot is not None:
        waiter.lot.forget(waiter)
    if waiter.greenlet is not None:
        waiter.scheduler.schedule(waiter)  # type: ignore[union-attr]
    elif waiter._lock is not None:
        waiter._lock.release()


def _scheduler_here() -> Scheduler | None:
    scheduler: Scheduler | None = _switch.thread_scheduler()
    return _first_scheduler() if scheduler is None else scheduler


def _first_scheduler() -> Scheduler | None:
    return get_hub().scheduler if in_main_thread() else None


def _wait(waiter: Waiter, scheduler: Scheduler, greenlet: Any, deadline: float | None) -> None:
    # In this order: a thread that claims the waiter either is seen here, or sees the greenlet and schedules it.
    waiter.greenlet = greenlet
    if not waiter.claimed:
        if deadline is not None:
            waiter._expire_at(scheduler, deadline)
        scheduler.parked += 1
        error = scheduler.switch_out(greenlet)
        scheduler.parked -= 1
        if error is not None or not waiter.claimed:
            waiter._interrupted(scheduler, greenlet, error)
        waiter.reason = None  # whoever keeps the waiter for its value does not mean to keep that
        if waiter.place:
            scheduler.deadlines.remove(waiter)
    waiter.greenlet = None


def make_waiter(reason: Any) -> Waiter:
    """Return ``Waiter(reason)``, without the cost of calling a class (`benchmarks/kernel`, sleep(0)).

    It may be one that was used before and given to `recycle`.
    """
    scheduler = _scheduler_here()
    if scheduler is None or scheduler.spare is None:
        waiter = Waiter.__new__(Waiter)
        waiter.begin_waiting(reason, scheduler)
    else:
        waiter = scheduler.spare
        scheduler.spare = None
        waiter.reason = reason
    return waiter


def recycle(waiter: Waiter) -> None:
    """Keep *waiter*, which the caller is about to drop, for the next wait of its thread, unless somebody else holds it.

    Nobody can tell: one that is still in a ring, or in the hands of a late waker, has more references than the caller's.
    """
    if _switch.is_only_reference(waiter) and waiter.error is None and waiter.lot is None and waiter.scheduler is not None:
        # As new, but for what parking has set back already.
        waiter.reason = None
        waiter.value = _UNSET
        waiter.claimed = waiter.expired = waiter.uncounted = False
        waiter.scheduler.spare = waiter


def make_lot() -> ParkingLot:
    """Return ``ParkingLot()``, without the cost of calling a class (`benchmarks/kernel`, spawn + join)."""
    lot = ParkingLot.__new__(ParkingLot)
    lot._waiters = Ring.__new__(Ring)
    return lot


def _attend(scheduler: Scheduler, greenlet: Any, waiter: Waiter) -> None:
    """Do what is seldom to do before a greenlet parks: refuse, or raise what was kept for it."""
    if waiter.claimed:
        return
    reason = scheduler.unswitchable.get(greenlet)
    if reason is not None:
        if not waiter._give_up(scheduler):
            raise BlockingSwitchOutError(f"{greenlet!r} would wait for {waiter.reason!r}, but {reason}")
        return
    error = scheduler.take_postponed(greenlet)
    if error is not None:
        if not waiter._give_up(scheduler):
            raise error
        scheduler.postpone(greenlet, error, scheduler.shielded.get(greenlet, 0))


def yield_now() -> None:
    """Let everything that is ready now run first.  Parks; a native thread without a hub gives way to other threads."""
    scheduler = _scheduler_here()
    if scheduler is None:
        thread_sleep(0)
        return
    if not scheduler.attention and scheduler.may_stay():
        return
    greenlet = _switch.current()
    if scheduler.is_polling or greenlet is scheduler.greenlet:
        raise BlockingSwitchOutError("the hub cannot wait: this was called from a callback, which must not sleep")
    turn = scheduler.spare_turn
    if turn is None:
        turn = Waiter.__new__(Waiter)
        turn.begin_waiting("its turn", scheduler)
    else:
        scheduler.spare_turn = None
    if scheduler.attention:
        _attend(scheduler, greenlet, turn)
    turn.claimed = turn.expired = True  # its turn comes by itself
    _wait_for_turn(turn, scheduler, greenlet)
    if _switch.is_only_reference(turn):
        turn.claimed = False
        scheduler.spare_turn = turn


def _wait_for_turn(turn: Waiter, scheduler: Scheduler, greenlet: Any) -> None:
    turn.greenlet = greenlet
    scheduler.ready.append(turn)
    scheduler.parked += 1
    error = scheduler.switch_out(greenlet)
    scheduler.parked -= 1
    turn.greenlet = None
    if error is not None:
        turn._interrupted(scheduler, greenlet, error)


def _interruptible(wait: Any) -> Any:
    def wait_interruptibly(waiter: Waiter, scheduler: Scheduler, *arguments: Any) -> None:
        try:
            wait(waiter, scheduler, *arguments)
        except BaseException:
            waiter._give_up(scheduler)
            raise
        finally:
            del waiter, arguments  # or the traceback of an error would hold them

    return wait_interruptibly


if not _COMPILED:
    # Ctrl-C may come between any two lines.  In C it may not, and who catches has a larger frame.
    for each in ("_wait", "_wait_for_turn"):
        globals()[each] = _interruptible(globals()[each])


class ParkingLot:
    """Greenlets that wait for the same thing, woken in the order in which they came.  Any thread may use it."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters = Ring()

    def park(self, deadline: float | None = None, reason: Any = None) -> bool:
        """Park the calling greenlet at the end of the line.  As `Waiter.park`; *reason* is what it waits for."""
        waiter = make_waiter(reason)
        self.add(waiter)
        in_time = waiter.park(deadline)
        recycle(waiter)
        return in_time

    def add(self, waiter: Waiter) -> None:
        """Put a waiter, which is going to park, at the end of the line.  Never switches."""
        waiter.lot = self
        self._waiters.append(waiter)

    def unpark(self, value: Any = None) -> bool:
        """Wake the first in line with *value*; false if nobody is there to take it.  Never switches."""
        waiters = self._waiters
        while waiters.has_any():
            waiter = waiters.take()
            if waiter is not None:
                waiter.lot = None
                if waiter.unpark(value):
                    return True
        return False

    def unpark_all(self, value: Any = None) -> int:
        """Wake all that are in line now, each with *value*; return how many.  Never switches."""
        woken = 0
        for _ in range(len(self._waiters)):
            if not self.unpark(value):
                break
            woken += 1
        return woken

    def forget(self, waiter: Waiter) -> None:
        """Take *waiter*, which something else has claimed, out of the line.  Never switches."""
        if waiter.lot is not None:
            waiter.lot = None
            self._waiters.discard(waiter)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiters)

    def has_any(self) -> bool:
        """Say whether anybody waits.  As `bool`, but compiled code need not go through Python's protocol (benchmarks/sync)."""
        return self._waiters.has_any()

    def __bool__(self) -> bool:
        """Say whether anybody waits."""
        return self._waiters.has_any()

    def __repr__(self) -> str:
        return f"<ParkingLot at {id(self):#x} with {len(self)} waiting>"

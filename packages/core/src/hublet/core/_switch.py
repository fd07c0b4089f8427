"""What only C can make cheap, or tell: who runs, switch to another, this thread's scheduler, the time, other threads.

`_switch.pyx` says the same in C and is imported instead of this file where it was built.
"""

from __future__ import annotations

import sys
from contextvars import copy_context

from greenlet import getcurrent as current
from greenlet import greenlet

from ._native import count_started_threads, monotonic, thread_local, thread_sleep
from ._ring import Ring

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Raised",
    "attempt",
    "call_builtin",
    "caller",
    "coarse_monotonic",
    "code_of",
    "compiled",
    "count_other_threads",
    "current",
    "drop_context",
    "forget_other_threads",
    "hide_from_collector",
    "inherit_context",
    "instruction_of",
    "is_only_reference",
    "is_stack_near",
    "make_raw",
    "monotonic",
    "parent_of",
    "set_parent",
    "set_thread_scheduler",
    "show_to_collector",
    "stack_position",
    "switch",
    "switch_to_first",
    "thread_scheduler",
    "version_of",
]

compiled = False

coarse_monotonic = monotonic
"""As `monotonic`, but in C a reading that is some milliseconds old, for a fifth of the price."""


class _PerThread(thread_local):
    scheduler: Any = None


_per_thread = _PerThread()

_parent: Any = greenlet.__dict__["parent"]  # which `Greenlet` overrides


def thread_scheduler() -> Any:
    """Return the `Scheduler` of the calling thread, or `None` if it has none."""
    return _per_thread.scheduler


def set_thread_scheduler(scheduler: Any) -> None:
    """Make *scheduler* that of the calling thread; `None` takes it away."""
    _per_thread.scheduler = scheduler


def switch(target: greenlet) -> BaseException | None:
    """Switch to *target*; return what the caller was thrown before it was switched back to, or `None`.

    Returned and not raised, since a C function that catches is larger on the stack than one that looks at a result, and
    the stack is what a switch copies.
    """
    try:
        target.switch()
    except BaseException as error:
        return error
    return None


def switch_to_first(ring: Ring) -> BaseException | None:
    """Take the first entry out of *ring* and `switch` to its greenlet.

    Nothing of either is held meanwhile: the caller may stay parked for ever, and would keep alive what the entry was
    handed.  The greenlet's own stack holds the entry, and the entry the greenlet; one that has yet to begin is held by
    `Scheduler.starting`.
    """
    try:
        ring.popleft().greenlet.switch()
    except BaseException as error:
        return error
    return None


def version_of(dictionary: dict[str, Any]) -> int:
    """Return a number that every change of *dictionary* changes; 0 where there is none, as interpreted."""
    return 0


def call_builtin(function: Any) -> Any:
    """Return ``function()``; in C, if it is a function of C without parameters, without what CPython does around a call."""
    return function()


class Raised:
    """What `attempt` returns for a function that raised."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def attempt(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
    """Return ``function(*args, **kwargs)``, or what it raised, as `Raised`.

    In C what catches has a larger stack frame, of which each parked greenlet would keep a copy.
    """
    try:
        return function(*args) if kwargs is None else function(*args, **kwargs)
    except BaseException as error:
        return Raised(error)


def is_only_reference(thing: Any) -> bool:
    """Say whether the caller's reference to *thing* is the only one; interpreted, nobody can say, and the answer is no."""
    return False


def hide_from_collector(thing: Any) -> None:
    """Let the garbage collector not walk through *thing*, which is sure to be cleared; interpreted, it walks on."""


def show_to_collector(thing: Any) -> None:
    """Let the garbage collector walk through *thing* again, which was hidden from it."""


def stack_position() -> int:
    """Return where the C stack ends now, an address; interpreted, nobody can say."""
    return 0


def is_stack_near(base: int) -> bool:
    """Say whether the C stack ends within 32 KiB of *base*, so that a greenlet started here has as much of it left as there.

    Interpreted, nobody can say, and the answer is no.
    """
    return False


def drop_context(ending: greenlet) -> None:
    """Take its context off the running greenlet *ending*."""
    ending.gr_context = None


def make_raw(run: Any, parent: greenlet) -> greenlet:
    """Return a greenlet that is going to call *run* and returns to *parent* when it ends."""
    return greenlet(run, parent)


def set_parent(child: greenlet, parent: greenlet) -> None:
    """Let *child* return to *parent* when it ends."""
    _parent.__set__(child, parent)


def parent_of(child: greenlet) -> greenlet | None:
    """Return the greenlet that *child* returns to when it ends; that of the main one is `None`."""
    return _parent.__get__(child)  # type: ignore[no-any-return]


def caller() -> Any:
    """Return the frame of the Python code, other than core's own, that called; `None` if there is none."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back  # type: ignore[assignment]
    return frame


def code_of(frame: Any) -> Any:
    """Return the code object that *frame* runs."""
    return frame.f_code


def instruction_of(frame: Any) -> int:
    """Return the index of the instruction that *frame* is at; the line is found from it when somebody asks."""
    return frame.f_lasti  # type: ignore[no-any-return]


_ghosts = 0  # threads that a forked child still counts, though they stayed behind in the parent


def count_other_threads() -> int:
    """Return how many native threads besides the main one can run Python code, those just started included.

    Interpreted, a thread is counted only once it has begun to run, so this waits a moment in which it can.
    """
    thread_sleep(0.02)
    return count_started_threads() - _ghosts


def forget_other_threads() -> None:
    """Count none of the threads that there seem to be now.  For a forked child, in which there are no others."""
    global _ghosts
    _ghosts = count_started_threads()


def inherit_context(child: greenlet) -> None:
    """Let *child*, which must not have started, run in a copy of the present `contextvars` context."""
    child.gr_context = copy_context()

"""Limits for blocks of code: deadlines that nest, and a shield against whoever would interrupt from outside.

A scope throws an exception of its own into its greenlet and catches just that one, by identity, where the block ends; so
the code in between sees something that it cannot mistake for an error of its own, and scopes nest in any order.
"""

from __future__ import annotations

from . import _switch
from ._hub import get_hub
from ._park import deadline_in
from ._timeout import Timer

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Scope", "fail_after", "move_on_after", "shield"]


class _Expired(BaseException):
    """The deadline of a scope has passed; caught where its block ends."""


class Scope:
    """A block whose waiting ends at a deadline.  Made by `fail_after` and `move_on_after`."""

    __slots__ = ("_deadline", "_error", "_fails", "_timer", "expired", "seconds")

    def __init__(self, seconds: float | None, fails: bool) -> None:
        self.seconds = seconds
        self.expired = False
        """Whether the deadline ended the block; known once the block is left."""
        self._fails = fails
        self._deadline: float | None = None
        self._error: _Expired | None = None
        self._timer: Timer | None = None

    @property
    def deadline(self) -> float | None:
        """When the block must end, in seconds of `time.monotonic`; `None` is never.  May be changed inside the block.

        `None` too before the block is entered: until then only `seconds` is known.
        """
        return self._deadline

    @deadline.setter
    def deadline(self, deadline: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._deadline = deadline
        if deadline is not None and self._error is not None:
            self._timer = Timer(get_hub().scheduler, _switch.current(), self._error)
            self._timer.start(deadline)

    def __enter__(self) -> Scope:
        if self._error is not None:
            raise RuntimeError(f"{self!r} is entered already; make a new one for each block")
        self._error = _Expired()
        self.deadline = deadline_in(self.seconds)
        return self

    def __exit__(self, exc_type: Any, value: BaseException | None, traceback: Any) -> bool:
        error, self._error = self._error, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if value is None or value is not error:
            return False
        self.expired = True
        if self._fails:
            raise TimeoutError(f"the block was given {self.seconds} seconds, and they passed") from None
        return True

    def __repr__(self) -> str:
        kind = "fail_after" if self._fails else "move_on_after"
        return f"<{kind}({self.seconds!r}) at {id(self):#x}{' expired' if self.expired else ''}>"


def fail_after(seconds: float | None) -> Scope:
    """Let a `with` block wait for *seconds* at most, then end it with `TimeoutError`; `None` is without limit.

    Entering and leaving never switch.  The deadline is absolute, so waits in the block share the time, and when blocks
    nest the earliest deadline counts.  Code that does not wait is not interrupted.
    """
    return Scope(seconds, fails=True)


def move_on_after(seconds: float | None) -> Scope:
    """As `fail_after`, but go on after the block; `expired` of the object that ``as`` gives tells whether it was cut off."""
    return Scope(seconds, fails=False)


class shield:  # used as `with shield():`, as a function would be
    """Keep kills and timeouts that come from outside a `with` block out of it.

    They are delivered when the greenlet next parks outside of the block.  Timeouts and scopes that are started inside work
    there.  Ctrl-C and other errors that end the program are not kept out.  Entering and leaving never switch.  The hub's
    main greenlet can be shielded too.  Shields nest.
    """

    __slots__ = ()

    def __enter__(self) -> shield:
        shielded = get_hub().scheduler.shielded
        greenlet = _switch.current()
        shielded[greenlet] = shielded.get(greenlet, 0) + 1
        return self

    def __exit__(self, exc_type: Any, value: BaseException | None, traceback: Any) -> None:
        shielded = get_hub().scheduler.shielded
        greenlet = _switch.current()
        shielded[greenlet] -= 1
        if not shielded[greenlet]:
            del shielded[greenlet]

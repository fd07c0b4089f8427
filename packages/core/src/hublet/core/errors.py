"""The exceptions that core raises, and nothing else."""

from __future__ import annotations

from greenlet import GreenletExit

__all__ = [
    "BlockingSwitchOutError",
    "ConcurrentObjectUseError",
    "Deadlock",
    "GreenletExit",
    "HubDestroyed",
    "InvalidSwitchError",
    "InvalidThreadUseError",
    "LoopExit",
]


class LoopExit(Exception):
    """The hub has nothing left to wait for, so the main greenlet would wait for ever."""


class Deadlock(LoopExit):
    """Greenlets are parked and nothing that is left can wake them.

    The message has a line for each parked greenlet: what it waits for, who holds that, and where it was spawned.
    `parked` is a list of the greenlets themselves.
    """

    def __init__(self, message: str = "", parked: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.parked = parked


class InvalidSwitchError(AssertionError):
    """A parked greenlet was switched to by something other than what it waits for."""


class BlockingSwitchOutError(InvalidSwitchError):
    """The hub itself, or code that promised not to switch, tried to wait."""


class ConcurrentObjectUseError(AssertionError):
    """Two greenlets wait for the same direction of the same descriptor."""


class InvalidThreadUseError(RuntimeError):
    """An object that belongs to one thread's hub was used from another thread."""


class HubDestroyed(GreenletExit):
    """The hub that the greenlet lived in was destroyed."""

    def __init__(self, destroyed_loop: object = None) -> None:
        super().__init__(destroyed_loop)
        self.destroyed_loop = destroyed_loop

"""`TaskGroup`: greenlets that cannot outlive a block of code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from hublet.core import Greenlet, LoopExit, get_hub, getcurrent

if sys.version_info >= (3, 11):
    from builtins import BaseExceptionGroup
else:
    from exceptiongroup import BaseExceptionGroup

__all__ = ["TaskGroup"]

T = TypeVar("T")


class _Cancelled(BaseException):
    """One of the children has failed; caught where the block ends."""


class _Child(Greenlet[Any]):
    """A greenlet whose error is raised by its group, so that nobody else need be told."""

    def report_failure(self, error: BaseException) -> None:
        if isinstance(error, get_hub().SYSTEM_ERROR):
            Greenlet.report_failure(self, error)


class TaskGroup:
    """A `with` block that is left only when all greenlets that were spawned in it are finished.

    If one of them fails, or the block itself, the others are killed, and the block as well if it waits.  When all are
    finished, an `ExceptionGroup` of the errors is raised, that of the block among them; a `BaseExceptionGroup` if one of them
    is no `Exception`.  A greenlet that was killed has not failed.  If the block is killed or its time is up, so are the
    greenlets, and what was thrown goes on by itself.  If there are errors to be raised as well, those come first, and what was
    thrown is raised when the greenlet next parks; so is what is thrown later, before all are finished.

    For the greenlet that enters it, and those that are spawned in it.  Raises `RuntimeError` if it is entered again.
    """

    def __init__(self) -> None:
        self._owner: Any = None
        self._children: set[Greenlet[Any]] = set()
        self._errors: list[BaseException] = []
        self._cancelled = _Cancelled()
        self._shields = 0  # that the block is in, and that are no protection against its own group
        self._stopping = False
        self._leaving = False
        self._closed = False

    def __enter__(self) -> TaskGroup:
        if self._owner is not None:
            raise RuntimeError(f"{self!r} was entered before; make a new one for each block")
        self._owner = getcurrent()
        self._shields = get_hub().scheduler.shielded.get(self._owner, 0)
        return self

    def spawn(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Greenlet[T]:
        """Let ``function(*args, **kwargs)`` run in the group, and return its greenlet.

        Never switches.  Raises `TypeError` if *function* cannot be called, and `RuntimeError` if the group was not entered, is
        left, or ends because of an error.
        """
        if self._owner is None or self._closed or self._stopping:
            state = "was not entered" if self._owner is None else "was left" if self._closed else "is being ended"
            raise RuntimeError(f"{self!r} {state}: nothing can be spawned in it")
        child = _Child(function, *args, **kwargs)
        self._children.add(child)
        child.rawlink(self._ended)
        child.start()
        return child

    def _ended(self, child: Greenlet[Any]) -> None:
        """Take note of the end of a child, unless that was done.  In the hub, or where the block ends."""
        if child in self._children:
            self._children.remove(child)
            if child.exception is not None:
                self._errors.append(child.exception)
                self._stop()

    def _stop(self) -> None:
        """Kill all children, and throw into the block if it waits."""
        if self._stopping:
            return
        self._stopping = True
        for child in list(self._children):
            child.kill(block=False)
        if not self._leaving:
            get_hub().scheduler.interrupt(self._owner, self._cancelled, self._shields)

    def __exit__(self, exc_type: Any, value: BaseException | None, traceback: Any) -> bool:
        self._leaving = True
        get_hub().scheduler.withdraw(self._owner, self._cancelled)
        thrown: list[BaseException] = []  # at the block from outside
        try:
            if value is not None and value is not self._cancelled:
                (self._errors if isinstance(value, Exception) else thrown).append(value)
                self._stop()
            while self._children:
                try:
                    # Not woken by `_ended`, which Ctrl-C may keep from its end.
                    for child in list(self._children):
                        child.join()
                        self._ended(child)
                except BaseException as error:
                    if self._stopping and isinstance(error, LoopExit):
                        raise  # a child that does not end when it is killed, and that nothing can wake any more
                    thrown.append(error)
                    self._stop()
            self._closed = True
            return self._end(value, thrown)
        finally:
            thrown.clear()  # or the tracebacks would hold the frame that holds them

    def _end(self, value: BaseException | None, thrown: list[BaseException]) -> bool:
        """Raise what is to be raised after the block; otherwise say whether *value*, which the block raised, is dealt with."""
        system_error, scheduler = get_hub().SYSTEM_ERROR, get_hub().scheduler
        thrown.sort(key=lambda error: not isinstance(error, system_error))
        goes_on = bool(thrown) and (isinstance(thrown[0], system_error) or not self._errors)
        for error in thrown[1:] if goes_on else thrown:
            # Raised when the greenlet next parks, unless it is withdrawn until then: each is meant for somebody further out.
            scheduler.postpone(self._owner, error, scheduler.shielded.get(self._owner, 0))
            del error
        if goes_on:
            if thrown[0] is value:
                return False
            raise thrown[0]
        if self._errors:
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors) from None
        return value is self._cancelled

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} of {len(self._children)}>"

"""Several waiters in one slot of a handle: one that will take what arrives, and any number that only look.

Two greenlets that read from one stream would each get pieces of it at random, so there is only one.  But `select` reads
nothing: whoever calls it wants to know whether somebody could.  So onlookers disturb neither each other nor the one that
takes, and all of them are woken, the one that takes first.  An onlooker may therefore find that nothing is left to see.
"""

from __future__ import annotations

from ._entry import Entry
from ._park import Waiter
from .loops import READ, Handle

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Onlookers", "add_onlooker", "remove_onlooker", "together_in", "waiters_in"]


class Onlookers(Entry):
    """The entry of a slot in which more wait than one."""

    __slots__ = ("looking", "taker")

    def __init__(self) -> None:
        self.begin()
        self.taker: Any = None
        self.looking: list[Any] = []

    def notify(self) -> None:
        taker, self.taker = self.taker, None
        looking, self.looking = self.looking, []
        if taker is not None:
            taker.unpark()
        for waiter in looking:
            waiter.unpark()

    def __repr__(self) -> str:
        return f"<Onlookers {self.looking!r} beside {self.taker!r}>"


def waiters_in(entry: Entry | None) -> list[Waiter]:
    """Return who waits in a slot of a handle, `reader` or `writer`, that *entry* is in.  Never switches."""
    if isinstance(entry, Onlookers):
        return [*([] if entry.taker is None else [entry.taker]), *entry.looking]
    return [entry] if isinstance(entry, Waiter) else []


def add_onlooker(handle: Handle, event: int, waiter: Waiter) -> None:
    """Let *waiter* be woken, too, when *handle* is ready for *event*, `READ` or `WRITE`, whoever else waits for that.

    Never switches.  `remove_onlooker` must come after the wait, whatever ended it.
    """
    together_in(handle, event).looking.append(waiter)


def together_in(handle: Handle, event: int) -> Onlookers:
    """Return what is in the slot of *handle* for *event*, so that more can wait there; made now if need be."""
    entry = handle.reader if event == READ else handle.writer
    if not isinstance(entry, Onlookers):
        together = Onlookers()
        if entry is not None:
            together.taker = entry
            _clear(handle, event, entry)
        if event == READ:
            handle.set_reader(together)
        else:
            handle.set_writer(together)
        entry = together
    return entry


def remove_onlooker(handle: Handle, event: int, waiter: Waiter) -> None:
    """Let *waiter*, whether it looks or takes, not be woken any more.  Never switches; may be called twice."""
    entry = handle.reader if event == READ else handle.writer
    if not isinstance(entry, Onlookers):
        return
    if entry.taker is waiter:
        entry.taker = None
    elif waiter in entry.looking:
        entry.looking.remove(waiter)
    if entry.taker is None and not entry.looking:
        _clear(handle, event, entry)


def _clear(handle: Handle, event: int, entry: Any) -> None:
    if event == READ:
        handle.clear_reader(entry)
    else:
        handle.clear_writer(entry)

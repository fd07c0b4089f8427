"""What greenlets keep about themselves only when asked: small idents, and who spawned them from where."""

from __future__ import annotations

import heapq
import sys
import weakref
from traceback import StackSummary, walk_stack
from typing import Any

from . import _switch

__all__ = ["Ident", "record"]

STACK_LIMIT = 10

_free: list[int] = []
_last = 0


class Ident:
    """A small positive number, free for others once this object is gone."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        global _last
        if _free:
            self.number = heapq.heappop(_free)
        else:
            _last += 1
            self.number = _last

    def __del__(self, _give_back: Any = heapq.heappush, _free: list[int] = _free) -> None:
        _give_back(_free, self.number)


def record(frame: Any) -> dict[str, Any]:
    """Return what a greenlet that *frame* spawns keeps: its spawner, the stack, and the locals of the tree."""
    if frame is None:
        frame = sys._getframe(1)
    spawner = _switch.current()
    shared = getattr(spawner, "spawn_tree_locals", None)
    if shared is None:
        # The main greenlet and raw greenlets have none: whatever they spawn is the root of a tree of its own.
        shared = {}
    summary = StackSummary.extract(walk_stack(frame), limit=STACK_LIMIT, lookup_lines=False)
    return {"greenlet": weakref.ref(spawner), "stack": summary, "locals": shared}

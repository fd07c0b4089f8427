"""Subclasses of `queue.Queue` that were defined before it was replaced, and say ``Queue.put(self, item)``.

They stay the standard library's, but the name is ours now, and our methods would take only what is ours.  So methods of the
classes that have the names pass on to the originals what they are given of those.  They are slower, and therefore only where
there is such a subclass.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any

from hublet.core.patching import original

from ._as_queue import LifoQueue, PriorityQueue, Queue

__all__ = ["adopt"]

_KINDS: tuple[type, ...] = (LifoQueue, PriorityQueue, Queue)  # the base last, whose methods the others are to find as they are


def adopt() -> None:
    """Let subclasses of the original classes, if there are any, use ours as their bases by name."""
    originals = [original("queue", kind.__name__) for kind in _KINDS]
    subclasses = {subclass for kind in originals for subclass in kind.__subclasses__()}
    if subclasses <= set(originals) or hasattr(Queue.put, "__wrapped__"):
        return
    names = [name for name, value in vars(originals[-1]).items() if isinstance(value, FunctionType)]
    for ours, theirs in zip(_KINDS, originals):
        for name in names:
            setattr(ours, name, _for_both(getattr(ours, name), getattr(theirs, name)))


def _for_both(ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(theirs)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (ours if isinstance(self, Queue) else theirs)(self, *args, **kwargs)

    return method

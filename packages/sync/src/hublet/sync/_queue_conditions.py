"""The `mutex` of a queue, and its conditions, as programs know them of the standard library's `queue.Queue`.

Our queues have no need of a lock.  But a program may hold `mutex` while it looks at `queue` or changes it, and wait for
`not_empty` or notify it.  Once it has asked for any of them, they are the queue's audience: told of what happens.

A queue never waits for the mutex, since it may be used by the hub or by a finalizer.  What happens while somebody has it is
told when it is given back; so nothing is missed between looking and waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import ref

from ._condition import Condition
from ._items import Items
from ._rlock import RLock
from ._words import NOTHING

__all__ = ["Audience"]


class Mutex(RLock):
    """A lock with things to do under it.  Its owner may take it again, which that of the standard library may not."""

    __slots__ = ("_late",)

    def __init__(self) -> None:
        RLock.__init__(self)
        self._late = Items()

    def do(self, function: Callable[[], object]) -> None:
        """Call *function* while nobody else has the lock: now, or when it is given back.  Never switches."""
        self._late.append(function)
        if self.acquire(False):
            self.release()

    def release(self) -> None:
        """Do what is to be done, if it is given back for good, and give it back."""
        try:
            while self._recursion_count() == 1 and (function := self._late.take()) is not NOTHING:
                function()
        finally:
            RLock.release(self)
        if len(self._late) and not self._is_owned() and self.acquire(False):
            self.release()  # it came after the last look


class QueueCondition(Condition):
    """A condition of the queue that *audience* is of; it looks again itself when a program notifies it."""

    __slots__ = ("_audience",)

    def __init__(self, audience: Audience) -> None:
        Condition.__init__(self, audience.mutex)
        self._audience = audience

    def notify(self, n: int = 1) -> None:
        """As `Condition.notify`, and as if the queue had been told of what the program has done to it."""
        Condition.notify(self, n)
        self._audience.changed()

    def notify_all(self) -> None:
        """As `Condition.notify_all`, and as `notify`."""
        Condition.notify_all(self)
        self._audience.changed()

    notifyAll = notify_all


class Audience:
    """The mutex and the conditions of *queue*, any of which a program may replace.  Never switches; any thread may use it."""

    def __init__(self, queue: Any) -> None:
        self._queue = ref(queue)  # it should not take the collector to free a queue
        self.mutex: Any = Mutex()
        self.not_empty: Any = QueueCondition(self)
        self.not_full: Any = QueueCondition(self)
        self.all_tasks_done: Any = QueueCondition(self)

    def item_came(self) -> None:
        """Tell one who waits for an item."""
        self._tell(self.not_empty, Condition.notify)

    def room_came(self) -> None:
        """Tell one who waits for room."""
        self._tell(self.not_full, Condition.notify)

    def all_done(self) -> None:
        """Tell all who wait for the end of all tasks."""
        self._tell(self.all_tasks_done, Condition.notify_all)

    def changed(self) -> None:
        """Let who waits in the queue look again, but not before a program that has the mutex is done with its changes."""
        if isinstance(self.mutex, Mutex):
            self.mutex.do(self._let_look)
        else:
            self._let_look()

    def _let_look(self) -> None:
        queue = self._queue()
        if queue is not None:
            queue._look_again()

    def ended(self) -> None:
        """Tell everybody that the queue is shut down."""
        for condition in (self.not_empty, self.not_full, self.all_tasks_done):
            self._tell(condition, Condition.notify_all)

    def _tell(self, condition: Any, notify: Callable[[Any], object]) -> None:
        if isinstance(condition, QueueCondition):
            condition._lock.do(partial(notify, condition))
        else:  # one of the program's own
            with condition:
                condition.notify_all()

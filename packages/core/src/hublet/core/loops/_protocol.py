"""What the hub asks of a loop, and all that it asks: to turn the readiness of descriptors into wake-ups.

A loop knows nothing of greenlets and deadlines.  Its rules:

1. `watch` registers a descriptor once and returns its `Handle`; `unwatch` must come before the descriptor is closed.
2. Who wants to wait puts an `Entry` into a slot of the handle (`Handle.set_reader`, `Handle.set_writer`).  When the
   descriptor is ready, `poll` empties the slot and calls the entry's `notify`.  An error or a hang-up fills both directions.
3. `armed` says for which directions the kernel will report readiness.  An edge-triggered loop arms both for good when it
   registers; a level-triggered loop arms when a slot is filled (`arm`), and disarms lazily: when readiness arrives and
   nobody waits for it.
4. Readiness that nobody waits for may be dropped, so whoever waits must have tried the system call first and found that
   it would block (or asked `poll(2)`), or look at what the handle has kept of it (`Handle.fresh`).
5. A loop belongs to the thread that made it.  Only `wake` may be called from another thread or from a signal handler.
   `sleeping` is set by the hub before it looks for the last time whether anything is ready; who finds it set must call
   `wake`.  A loop resets it when it has done waiting, before it notifies, or each notification would wake it for nothing.
   No `wake` is lost, early as it may come.
6. `poll` may return early, with nothing to show for it.  Signal handlers run while it waits, also of signals that come just
   before; a handler that changes what there is to wait for calls `wake`.
7. What `notify` or a signal handler raises, `poll` raises; what else was ready is not lost but comes with the next `poll`.
8. In a forked child a loop never touches what its parent registered, `after_fork` called or not: what is left there of
   another thread's hub may still be closed by the garbage collector.
"""

from __future__ import annotations

from .._entry import Entry

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ENDED", "READ", "WRITE", "Handle", "Loop"]

READ = _READ = 1
WRITE = _WRITE = 2
ENDED = 4


class Handle:
    """One watched descriptor, with a slot for whoever waits to read and one for whoever waits to write.

    Used by one thread only: its loop's.
    """

    __slots__ = ("armed", "data", "fd", "fresh", "kept", "loop", "reader", "to_read", "to_write", "writer")

    def __init__(self, loop: Loop, fd: int) -> None:
        self.loop: Loop | None = loop  # None once unwatched
        self.fd = fd
        self.armed = 0
        # What was reported and not yet acted upon by one who waits for it to make its system call (`_io.wait_to_call`).
        self.fresh = 0
        self.reader: Entry | None = None
        self.writer: Entry | None = None
        self.data: object = None  # for the loop's own use
        self.to_read: Any = None  # what a waiter says that it waits for, once one has
        self.to_write: Any = None
        self.kept = False  # between waits, by somebody who says so before the descriptor is closed

    def set_reader(self, entry: Entry) -> None:
        """Let *entry* be notified when the descriptor is readable.  The slot must be empty and the handle watched."""
        loop = self.loop
        assert loop is not None and self.reader is None
        if not self.armed & _READ:
            loop.arm(self, _READ)
        self.reader = entry
        loop.waiting += 1

    def set_writer(self, entry: Entry) -> None:
        """Let *entry* be notified when the descriptor is writable.  The slot must be empty and the handle watched."""
        loop = self.loop
        assert loop is not None and self.writer is None
        if not self.armed & _WRITE:
            loop.arm(self, _WRITE)
        self.writer = entry
        loop.waiting += 1

    def clear_reader(self, entry: Entry) -> None:
        """Empty the reader's slot if *entry* is in it."""
        if self.reader is entry:
            self.reader = None
            if self.loop is not None:
                self.loop.waiting -= 1

    def clear_writer(self, entry: Entry) -> None:
        """Empty the writer's slot if *entry* is in it."""
        if self.writer is entry:
            self.writer = None
            if self.loop is not None:
                self.loop.waiting -= 1

    def ready(self, events: int) -> int:
        """Notify who waits for *events* (`READ`, `WRITE` or both); return the events that nobody waited for.

        A loop that reports each thing only once adds `ENDED` when more than data has come: the end, an error, urgent data.
        What it reports together may take several system calls to see, so from then on nobody waits untried.
        """
        unwanted = 0
        self.fresh |= events
        if events & _READ:
            entry = self.reader
            if entry is None:
                unwanted |= _READ
            else:
                self.clear_reader(entry)
                entry.notify()
        if events & _WRITE:
            entry = self.writer
            if entry is None:
                unwanted |= _WRITE
            else:
                self.clear_writer(entry)
                entry.notify()
        return unwanted

    def __repr__(self) -> str:
        return f"<Handle fd={self.fd} reader={self.reader!r} writer={self.writer!r}>"


class Loop:
    """The base of all loops.  Used by the thread that made it only, but for `wake`."""

    name = "abstract"

    __slots__ = ("polls_in_c", "sleeping", "waiting")

    def __init__(self) -> None:
        self.polls_in_c = False  # so that it takes nothing of Python's stack, however deep who polls is
        self.sleeping = False
        self.waiting = 0  # filled slots of all handles: whether anything can still arrive

    def watch(self, fd: int) -> Handle:
        """Register *fd* and return its handle.

        Raises `OSError(EBADF)` if it is not open, `OSError(EPERM)` if it cannot be polled (a regular file), and
        `OSError(EEXIST)` if it is watched already.
        """
        raise NotImplementedError

    def unwatch(self, handle: Handle) -> None:
        """Forget the descriptor, open or just closed.  Whoever waits is left waiting: empty the slots before.

        The handle's `loop` becomes `None`.  A second call does nothing.
        """
        raise NotImplementedError

    def arm(self, handle: Handle, event: int) -> None:
        """Ask the kernel to report *event*, `READ` or `WRITE`, for *handle*.  Only level-triggered loops need it.

        Raises `OSError` if the descriptor was closed in spite of rule 1.
        """
        raise NotImplementedError

    def poll(self, timeout: float | None) -> None:
        """Wait until something is ready, `wake` is called or *timeout* seconds pass; then notify all that is ready.

        `None` waits without limit and 0 does not wait.  Signal handlers run while it waits, and what they raise, it raises.
        """
        raise NotImplementedError

    def wake(self) -> None:
        """End a `poll` that is waiting, or the next one.  Any thread and any signal handler may call it.

        After `close` it does nothing.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give back all descriptors of the loop itself.  Handles that are left are forgotten.  May be called twice."""
        raise NotImplementedError

    def after_fork(self) -> None:
        """Become usable in a forked child, with the same handles, without touching what the parent registered.

        Who waits for a descriptor that cannot be registered again, because it is closed here, is notified.
        """
        raise NotImplementedError

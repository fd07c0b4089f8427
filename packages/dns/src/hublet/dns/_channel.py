"""A channel of c-ares, driven by the hub.

c-ares says which descriptors it reads and writes, and when it wants to be called at the latest.  While anything is under
way, one greenlet, the driver, waits for exactly that: for all the descriptors with one waiter, until that moment.  When
nothing is left that somebody waits for it ends, so an idle channel costs nothing, and the hub does not stay for it.

What greenlets ask goes out together, once all that is ready now has run.

c-ares cannot be told to forget one question.  One that is given up goes with the last for which somebody waits.
"""

from __future__ import annotations

from math import inf

from hublet.core import spawn_raw
from hublet.core.lowlevel import Handle, Waiter, deadline_in, forget_fd, get_hub, handle_for

from ._answers import Answer
from ._cares import NOBODY, TIMED_OUT, CAresChannel
from ._questions import Attempt, Question
from ._resolv_conf import Server, Settings

__all__ = ["Channel"]

_TOLERANCE = 0.01  # seconds; two clocks are read, one after the other


class Channel:
    """Asks one server, on the descriptors of c-ares and the hub of this thread."""

    def __init__(self, server: Server, settings: Settings, questions_a_port: int) -> None:
        self.is_closed = False
        self.given_up = 0  # questions that c-ares may still have, and for which nobody waits
        self._wanted = 0  # those for which somebody does
        self._is_shared = False  # whether there was more than one when the last one came
        self._server = server
        self._sockets: dict[int, tuple[bool, bool]] = {}  # descriptor -> whether c-ares wants to read, to write
        self._handles: dict[int, Handle] = {}
        self._is_flushing = False  # what c-ares keeps goes out soon
        self._is_driven = False
        self._is_changed = False  # the driver must look again at what it waits for
        self._waiter: Waiter | None = None  # the driver's, while it is parked
        self._deadline = 0.0  # of that
        self._cares = CAresChannel(self, server, settings, questions_a_port)

    def __repr__(self) -> str:
        return f"<questions to the name server {self._server.address[0]}>"

    def send(self, attempt: Attempt) -> None:
        """Ask what *attempt* asks.  As `Sender.send`."""
        if self.is_closed:
            attempt.finish()
            return
        attempt.interrupt = self._abandon
        attempt.pending = len(attempt.questions)
        self._wanted += attempt.pending
        self._is_shared = self._wanted + self.given_up > 1
        for question in attempt.questions:
            self._cares.ask(self, attempt, question)
        if not attempt.is_over:
            self._see_to_it()
        self._flush_soon()

    def answered(self, attempt: Attempt, question: Question, status: int, answer: Answer | None) -> None:
        """Take what c-ares says.  Called by it."""
        if attempt.is_over:
            self.given_up -= 1
            return
        if status == TIMED_OUT:
            # c-ares is less patient than the settings may be.
            self._cares.ask(self, attempt, question)
            return
        if answer is not None:
            question.answer = answer
        else:
            # c-ares lets all questions of a connection fail for one reply that it cannot read.
            attempt.is_disturbed = attempt.is_disturbed or self._is_shared
        attempt.pending -= 1
        self._wanted -= 1
        if not attempt.pending:
            attempt.finish()

    def _abandon(self, attempt: Attempt) -> None:
        """Note that nobody waits for *attempt* any more; if it was the last one, end all and close all sockets."""
        self._wanted -= attempt.pending
        self.given_up += attempt.pending
        if not self._wanted and not self.is_closed:
            self._forget_all()
            if self._waiter is not None:
                self._waiter.unpark()

    def _forget_all(self) -> None:
        """Let c-ares end all questions and close all sockets, now that nobody waits."""
        self._cares.cancel()
        self.given_up = 0

    def _flush_soon(self) -> None:
        if not self._is_flushing and self._cares.is_holding():
            self._is_flushing = True
            get_hub().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        if not self._cares.flush():
            self._flush_soon()
        if self._is_changed and self._wanted:
            self._see_to_it()  # what was refused is sent again, from another socket

    def _see_to_it(self) -> None:
        """Let there be a driver who knows what to wait for."""
        if not self._is_driven:
            self._is_driven = True
            spawn_raw(self._drive)
        elif self._waiter is not None and (self._is_changed or self._next_deadline() < self._deadline - _TOLERANCE):
            self._waiter.unpark()

    def _next_deadline(self) -> float:
        timeout = self._cares.timeout()
        deadline = deadline_in(timeout)
        return inf if deadline is None else deadline

    def _drive(self) -> None:
        try:
            # What an earlier driver, that died, has left registered may have become ready without anybody's seeing it.
            ready = [(fd, fd) for fd in self._handles]
            while not self.is_closed:
                for reader, writer in ready:
                    self._cares.process(reader, writer)
                self._flush()
                if (deadline := self._next_deadline()) == inf:
                    break
                if not self._wanted:
                    self._forget_all()
                    break
                ready = self._wait(deadline)
        finally:
            self._is_driven = False

    def _wait(self, deadline: float) -> list[tuple[int, int]]:
        """Park until c-ares has to be called; return the pairs of descriptors to call it with."""
        waiter = self._waiter = Waiter(self)
        self._deadline = deadline
        self._is_changed = False
        waited = []
        try:
            for fd, (reads, writes) in self._sockets.items():
                handle = self._handles[fd] = handle_for(fd)
                waited.append((fd, handle, reads, writes))
                if reads:
                    handle.set_reader(waiter)
                if writes:
                    handle.set_writer(waiter)
            is_in_time = waiter.park(deadline)
        finally:
            self._waiter = None
            ready = []
            for fd, handle, reads, writes in waited:
                # A loop empties the slot that it notifies.
                reader = fd if reads and handle.reader is not waiter else NOBODY
                writer = fd if writes and handle.writer is not waiter else NOBODY
                handle.clear_reader(waiter)
                handle.clear_writer(waiter)
                if fd in self._sockets and (reader != NOBODY or writer != NOBODY):
                    ready.append((reader, writer))
        return ready if is_in_time else [*ready, (NOBODY, NOBODY)]

    def socket_changed(self, fd: int, reads: int, writes: int) -> None:
        """Take note of what c-ares waits for on *fd*; of nothing, if it is about to close it.  Called by c-ares."""
        self._is_changed = True
        if reads or writes:
            self._sockets[fd] = (bool(reads), bool(writes))
            return
        self._sockets.pop(fd, None)
        handle = self._handles.pop(fd, None)
        if handle is not None:
            if self._waiter is not None:
                handle.clear_reader(self._waiter)
                handle.clear_writer(self._waiter)
            forget_fd(fd)

    def close(self) -> None:
        """End all questions, without an answer.  May be called twice.  Never switches."""
        self.is_closed = True
        self._cares.destroy()
        if self._waiter is not None:
            self._waiter.unpark()

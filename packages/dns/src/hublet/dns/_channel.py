"""A channel of c-ares, driven by the hub.

c-ares says which descriptors it reads and writes, and when it wants to be called at the latest.  While anything is under
way, one greenlet, the driver, waits for exactly that: for all the descriptors with one waiter, until that moment.  When
nothing is left it ends, so an idle channel costs nothing, and the hub does not stay for it.
"""

from __future__ import annotations

from math import inf

from hublet.core import spawn_raw
from hublet.core.lowlevel import Handle, Waiter, deadline_in, forget_fd, handle_for

from ._cares import NOBODY, TIMED_OUT, CAresChannel, read_answer
from ._questions import Exchange, Question
from ._resolv_conf import Server, Settings

__all__ = ["Channel"]


class _Call:
    """Questions of one exchange that wait for one channel."""

    __slots__ = ("channel", "is_over", "pending", "unheard", "waiter")

    def __init__(self, channel: Channel, questions: list[Question]) -> None:
        self.channel = channel
        self.pending = len(questions)
        self.unheard: list[Question] = []  # those that c-ares has sent often enough, it says
        self.is_over = False  # nobody waits for what is pending
        self.waiter = Waiter(channel)

    def abandon(self) -> None:
        """Let its greenlet go on without what is pending.  May be called twice."""
        if not self.is_over:
            self.is_over = True
            self.channel.forget(self.pending)
            self.waiter.unpark()


class _Asked:
    """A question that c-ares has been given."""

    __slots__ = ("call", "question")

    def __init__(self, call: _Call, question: Question) -> None:
        self.call = call
        self.question = question

    def answered(self, status: int, reply: object) -> None:
        """Take what c-ares says.  In one of its callbacks, so never switches."""
        call, question = self.call, self.question
        if call.is_over:
            return
        call.pending -= 1
        call.channel.wanted -= 1
        if status == TIMED_OUT:
            call.unheard.append(question)
        else:
            # What else is no answer is silence, and another server's turn.
            question.answer = read_answer(question.name, question.kind, status, reply) or question.answer
        if not call.pending:
            call.is_over = True
            call.waiter.unpark()


class Channel:
    """Asks one server, on the descriptors of c-ares and the hub of this thread."""

    def __init__(self, server: Server, settings: Settings) -> None:
        self.wanted = 0  # questions that c-ares has, and for which somebody waits
        self.is_closed = False
        self._server = server
        self._sockets: dict[int, tuple[bool, bool]] = {}  # descriptor -> whether c-ares wants to read, to write
        self._handles: dict[int, Handle] = {}
        self._is_driven = False
        self._is_changed = False  # the driver must look again at what it waits for
        self._waiter: Waiter | None = None  # the driver's, while it is parked
        self._deadline = 0.0  # of that
        self._cares = CAresChannel(self, server, settings)

    def __repr__(self) -> str:
        return f"<questions to the name server {self._server.address[0]}>"

    def ask(self, exchange: Exchange, questions: list[Question], deadline: float | None) -> None:
        """Ask until *deadline*.  Parks.  Returns early when *exchange* is ended or the channel closed."""
        while questions and not exchange.is_ended and not self.is_closed:
            call = _Call(self, questions)
            self.wanted += len(questions)
            try:
                for question in questions:
                    self._cares.ask(question.name, question.kind, _Asked(call, question))
                if not call.is_over:
                    self._see_to_it()
                    exchange.interrupt = call.abandon
                    if not call.waiter.park(deadline):
                        return
            finally:
                exchange.interrupt = None
                call.abandon()
            questions = call.unheard  # c-ares is less patient than the settings may be

    def _see_to_it(self) -> None:
        """Let there be a driver who knows what to wait for."""
        if not self._is_driven:
            self._is_driven = True
            spawn_raw(self._drive)
        elif self._waiter is not None and (self._is_changed or self._next_deadline() < self._deadline):
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
                if (deadline := self._next_deadline()) == inf:
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

    def forget(self, count: int) -> None:
        """Note that nobody waits for *count* questions any more; if that were the last, end all and close all sockets."""
        self.wanted -= count
        if not self.wanted and not self.is_closed:
            self._cares.cancel()
            if self._waiter is not None:
                self._waiter.unpark()

    def close(self) -> None:
        """End all questions, without an answer.  May be called twice.  Never switches."""
        self.is_closed = True
        self._cares.destroy()
        if self._waiter is not None:
            self._waiter.unpark()

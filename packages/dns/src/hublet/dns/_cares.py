"""Calling c-ares, and being called by it.  `_cares_setup` says why it is done like this.

The callbacks are made once and live as long as the process, so that c-ares can call them however late; what belongs to a
channel or a question is found by number.  Errors in them, Ctrl-C for instance, are kept and raised once c-ares has returned.
"""

from __future__ import annotations

import _socket
from _thread import get_ident
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

from ._answers import HOST_NOT_FOUND, NO_RECOVERY, Answer
from ._cares_setup import (
    NOBODY,
    ON_SOCKET,
    REPLY,
    STATUSES,
    TIMED_OUT,
    TYPES,
    ffi,
    get_flags,
    get_rcode,
    lib,
    make_channel,
)
from ._questions import Attempt, Question
from ._records import Record, answer_from, shorter
from ._resolv_conf import Server, Settings

__all__ = ["NOBODY", "TIMED_OUT", "CAresChannel"]

_numbers = count(1)
_owners: WeakValueDictionary[int, Any] = WeakValueDictionary()  # by the numbers of their channels
_asked: dict[int, tuple[Any, Attempt, Question]] = {}  # what c-ares will answer, by number
_errors: dict[int, BaseException] = {}  # by the thread that they were raised in


def _keep_error(kind: Any, error: BaseException, traceback: Any) -> None:
    _errors[get_ident()] = error


@ffi.callback(ON_SOCKET, onerror=_keep_error)  # type: ignore[untyped-decorator]
def _on_socket(data: Any, fd: int, is_readable: int, is_writable: int) -> None:
    owner = _owners.get(int(ffi.cast("uintptr_t", data)))
    if owner is not None:
        owner.socket_changed(fd, is_readable, is_writable)


@ffi.callback(ffi.typeof(lib._query_dnsrec_cb), onerror=_keep_error)  # type: ignore[untyped-decorator]
def _on_answer(data: Any, status: int, timeouts: int, record: Any) -> None:
    asked = _asked.pop(int(ffi.cast("uintptr_t", data)), None)
    if asked is not None:
        owner, attempt, question = asked
        owner.answered(attempt, question, status, _read_answer(question, status, record))


class CAresChannel:
    """A channel of c-ares that asks one server.  Used by one thread.

    Any of its methods may call `socket_changed` of *owner*, with a descriptor and whether c-ares wants to read and write.
    """

    def __init__(self, owner: Any, server: Server, settings: Settings, questions_a_port: int) -> None:
        self._pointer: Any = None
        self._depth = 0  # calls of c-ares that have not returned
        self._is_doomed = False  # it is to be destroyed after that
        number = next(_numbers)
        self._pointer = make_channel(server, settings, questions_a_port, _on_socket, number)
        self._time = ffi.new("struct timeval *")
        _owners[number] = owner

    def ask(self, owner: Any, attempt: Attempt, question: Question) -> None:
        """Send a question; `owner.answered(attempt, question, status, answer)` is called once, maybe right now.

        The answer is `None` if the status says that there was none.
        """
        key = next(_numbers)
        _asked[key] = (owner, attempt, question)
        with self:
            name, rtype, number = question.name.encode(), TYPES[question.kind], ffi.cast("void *", key)
            lib.ares_query_dnsrec(self._pointer, name, lib.ARES_CLASS_IN, rtype, _on_answer, number, ffi.NULL)

    def process(self, reader: int = NOBODY, writer: int = NOBODY) -> None:
        """Read from *reader*, write to *writer*, and send again what has waited for too long."""
        with self:
            lib.ares_process_fd(self._pointer, reader, writer)

    def cancel(self) -> None:
        """End all questions, and close all sockets."""
        with self:
            lib.ares_cancel(self._pointer)

    def is_holding(self) -> bool:
        """Say whether there is anything to do for `flush`: never, for c-ares sends each for itself."""
        return False

    def flush(self) -> bool:
        """Send what is kept; false if the system takes no more just now."""
        return True

    def timeout(self) -> float | None:
        """Return in how many seconds there is something to send again; `None` if nothing is under way."""
        if self._pointer is None:
            return None
        time = lib.ares_timeout(self._pointer, ffi.NULL, self._time)
        return None if time == ffi.NULL else time.tv_sec + time.tv_usec / 1e6

    def destroy(self) -> None:
        """As `cancel`, for good.  May be called twice, and by callbacks: it then happens once they have returned."""
        if self._depth:
            self._is_doomed = True
            return
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            lib.ares_destroy(pointer)
            _check()

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        if not self._depth:
            if self._is_doomed:
                self.destroy()
            _check()

    def __del__(self) -> None:
        self.destroy()


def _check() -> None:
    """Raise what a callback raised while c-ares was called, if it did."""
    if _errors:
        error = _errors.pop(get_ident(), None)
        if error is not None:
            raise error


def _read_answer(question: Question, status: int, reply: Any) -> Answer | None:
    """Return what *reply* to *question* says, to which c-ares gave *status*; `None` if there was no reply."""
    if status in (lib.ARES_SUCCESS, lib.ARES_ENODATA):
        if get_flags is not None and not get_flags(reply) & REPLY:
            return None
        if get_rcode is not None and get_rcode(reply):
            return Answer(NO_RECOVERY)
        return answer_from(question.name, question.kind, _records(reply), _negative_ttl(reply))
    found = STATUSES.get(status)
    if found == HOST_NOT_FOUND and reply != ffi.NULL:
        return answer_from(question.name, question.kind, _records(reply), _negative_ttl(reply), False)
    return None if found is None else Answer(found)


def _records(reply: Any) -> list[Record]:
    """Return what the answer section has that can matter."""
    records = []
    for i in range(lib.ares_dns_record_rr_cnt(reply, lib.ARES_SECTION_ANSWER)):
        record = _record(lib.ares_dns_record_rr_get_const(reply, lib.ARES_SECTION_ANSWER, i))
        if record is not None:
            records.append(record)
    return records


def _record(record: Any) -> Record | None:
    if lib.ares_dns_rr_get_class(record) != lib.ARES_CLASS_IN:
        return None
    rtype = lib.ares_dns_rr_get_type(record)
    if rtype == lib.ARES_REC_TYPE_A:
        packed = ffi.buffer(lib.ares_dns_rr_get_addr(record, lib.ARES_RR_A_ADDR), 4)
        kind, value = "A", _socket.inet_ntop(_socket.AF_INET, packed)
    elif rtype == lib.ARES_REC_TYPE_AAAA:
        packed = ffi.buffer(lib.ares_dns_rr_get_addr6(record, lib.ARES_RR_AAAA_ADDR), 16)
        kind, value = "AAAA", _socket.inet_ntop(_socket.AF_INET6, packed)
    elif rtype == lib.ARES_REC_TYPE_CNAME:
        kind, value = "CNAME", _text(lib.ares_dns_rr_get_str(record, lib.ARES_RR_CNAME_CNAME))
    elif rtype == lib.ARES_REC_TYPE_PTR:
        kind, value = "PTR", _text(lib.ares_dns_rr_get_str(record, lib.ARES_RR_PTR_DNAME))
    else:
        return None
    owner = _text(lib.ares_dns_rr_get_name(record)).lower()
    return Record(owner, kind, lib.ares_dns_rr_get_ttl(record), value)


def _negative_ttl(reply: Any) -> float:
    """Return for how many seconds it may be kept that there is nothing: RFC 2308 section 5; 0 if that is not said."""
    for i in range(lib.ares_dns_record_rr_cnt(reply, lib.ARES_SECTION_AUTHORITY)):
        record = lib.ares_dns_record_rr_get_const(reply, lib.ARES_SECTION_AUTHORITY, i)
        if lib.ares_dns_rr_get_type(record) == lib.ARES_REC_TYPE_SOA:
            minimum = lib.ares_dns_rr_get_u32(record, lib.ARES_RR_SOA_MINIMUM)
            return shorter(lib.ares_dns_rr_get_ttl(record), minimum)
    return 0


def _text(text: Any) -> str:
    return ffi.string(text).decode("ascii", "backslashreplace")  # type: ignore[no-any-return]

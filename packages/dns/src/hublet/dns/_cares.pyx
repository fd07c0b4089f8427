"""`_cares.py` in C: calling the functions of c-ares where they lie, and being called by it, without cffi in between.

pycares tells the addresses; the types are those of c-ares's documentation.  Who calls c-ares keeps the interpreter's lock, so
that the callbacks have it: nothing that is called here waits.  What c-ares is given to keep is a counted reference.
"""

cimport cython

from _thread import get_ident
from cpython.ref cimport Py_DECREF, Py_INCREF
from itertools import count
from libc.errno cimport EAGAIN
from weakref import WeakValueDictionary

from ._answers cimport Answer
from ._outbox cimport Outbox
from ._questions cimport Attempt, Question
from ._records cimport Record, answer_from, shorter

from . import _cares_setup
from ._answers import HOST_NOT_FOUND, NO_RECOVERY
from ._cares_setup import NOBODY, ON_SOCKET, REPLY, STATUSES, TIMED_OUT, TYPES, ffi, lib, make_channel

__all__ = ["NOBODY", "TIMED_OUT", "CAresChannel"]

cdef extern from "<sys/time.h>" nogil:
    struct timeval:
        long tv_sec
        long tv_usec

cdef extern from "<arpa/inet.h>" nogil:
    int AF_INET
    int AF_INET6
    const char *inet_ntop(int family, const void *address, char *text, unsigned int size)

ctypedef void (*answer_callback)(void *data, int status, size_t timeouts, const void *reply) noexcept
ctypedef int (*query_function)(
    void *channel, const char *name, int rclass, int rtype, answer_callback callback, void *data, unsigned short *id
) noexcept
ctypedef void (*process_function)(void *channel, int reader, int writer) noexcept
ctypedef timeval *(*timeout_function)(void *channel, timeval *most, timeval *found) noexcept
ctypedef void (*channel_function)(void *channel) noexcept
ctypedef size_t (*count_function)(const void *reply, int section) noexcept
ctypedef const void *(*record_function)(const void *reply, int section, size_t index) noexcept
ctypedef int (*number_function)(const void *record) noexcept
ctypedef const char *(*name_function)(const void *record) noexcept
ctypedef const void *(*data_function)(const void *record, int key) noexcept
ctypedef const char *(*text_function)(const void *record, int key) noexcept
ctypedef unsigned int (*number_data_function)(const void *record, int key) noexcept


cdef size_t _address_of(name) except 0:
    return int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))


cdef size_t _address_or_null(function) except? 1:
    return 0 if function is None else int(ffi.cast("uintptr_t", function))


cdef query_function ares_query_dnsrec = <query_function>_address_of("ares_query_dnsrec")
cdef process_function ares_process_fd = <process_function>_address_of("ares_process_fd")
cdef timeout_function ares_timeout = <timeout_function>_address_of("ares_timeout")
cdef channel_function ares_cancel = <channel_function>_address_of("ares_cancel")
cdef channel_function ares_destroy = <channel_function>_address_of("ares_destroy")
cdef count_function rr_cnt = <count_function>_address_of("ares_dns_record_rr_cnt")
cdef record_function rr_get = <record_function>_address_of("ares_dns_record_rr_get_const")
cdef number_function rr_get_class = <number_function>_address_of("ares_dns_rr_get_class")
cdef number_function rr_get_type = <number_function>_address_of("ares_dns_rr_get_type")
cdef number_function rr_get_ttl = <number_function>_address_of("ares_dns_rr_get_ttl")
cdef name_function rr_get_name = <name_function>_address_of("ares_dns_rr_get_name")
cdef data_function rr_get_addr = <data_function>_address_of("ares_dns_rr_get_addr")
cdef data_function rr_get_addr6 = <data_function>_address_of("ares_dns_rr_get_addr6")
cdef text_function rr_get_str = <text_function>_address_of("ares_dns_rr_get_str")
cdef number_data_function rr_get_u32 = <number_data_function>_address_of("ares_dns_rr_get_u32")

# These two may be missing.
cdef number_function get_flags = <number_function>_address_or_null(_cares_setup.get_flags)
cdef number_function get_rcode = <number_function>_address_or_null(_cares_setup.get_rcode)

cdef int SUCCESS = lib.ARES_SUCCESS, NO_DATA = lib.ARES_ENODATA, CLASS_IN = lib.ARES_CLASS_IN
cdef int ANSWER = lib.ARES_SECTION_ANSWER, AUTHORITY = lib.ARES_SECTION_AUTHORITY
cdef int TYPE_A = lib.ARES_REC_TYPE_A, TYPE_AAAA = lib.ARES_REC_TYPE_AAAA, TYPE_CNAME = lib.ARES_REC_TYPE_CNAME
cdef int TYPE_PTR = lib.ARES_REC_TYPE_PTR, TYPE_SOA = lib.ARES_REC_TYPE_SOA
cdef int A_ADDR = lib.ARES_RR_A_ADDR, AAAA_ADDR = lib.ARES_RR_AAAA_ADDR, CNAME_CNAME = lib.ARES_RR_CNAME_CNAME
cdef int PTR_DNAME = lib.ARES_RR_PTR_DNAME, SOA_MINIMUM = lib.ARES_RR_SOA_MINIMUM
cdef int _NOBODY = NOBODY, _REPLY = REPLY
cdef dict _TYPES = TYPES

cdef object _numbers = count(1)
cdef object _owners = WeakValueDictionary()  # by the numbers of their channels
cdef dict _errors = {}  # by the thread that they were raised in


# Only c-ares refers to one, so no cycle can go through it.
@cython.final
@cython.no_gc
cdef class _Asked:
    """A question that c-ares has been given."""

    cdef object owner
    cdef Attempt attempt
    cdef Question question


cdef void _on_answer(void *data, int status, size_t timeouts, const void *reply) noexcept:
    cdef _Asked asked = <_Asked>data
    Py_DECREF(asked)  # c-ares calls once
    try:
        asked.owner.answered(asked.attempt, asked.question, status, _read_answer(asked.question, status, reply))
    except BaseException as error:
        _errors[get_ident()] = error


cdef void _on_socket(void *data, int fd, int is_readable, int is_writable) noexcept:
    try:
        owner = _owners.get(<size_t>data)
        if owner is not None:
            owner.socket_changed(fd, is_readable, is_writable)
    except BaseException as error:
        _errors[get_ident()] = error


# An outbox is memory, so no cycle can go through it; and it must be there until c-ares has closed its sockets.
@cython.final
@cython.no_gc
cdef class CAresChannel:
    """A channel of c-ares that asks one server.  Used by one thread.

    Any of its methods may call `socket_changed` of *owner*, with a descriptor and whether c-ares wants to read and write.
    """

    def __init__(self, owner, server, settings, questions_a_port):
        self._pointer = NULL
        self._depth = 0  # calls of c-ares that have not returned
        self._is_doomed = False  # it is to be destroyed after that
        number = next(_numbers)
        _owners[number] = owner
        callback = ffi.cast(ON_SOCKET, <size_t>&_on_socket)
        pointer = make_channel(server, settings, questions_a_port, callback, number)
        self._pointer = <void *><size_t>int(ffi.cast("uintptr_t", pointer))
        self._outbox = Outbox()
        self._outbox.attach(self._pointer)

    cpdef object ask(self, object owner, Attempt attempt, Question question):
        """Send a question; `owner.answered(attempt, question, status, answer)` is called once, maybe right now.

        It may be kept until `flush`.  The answer is `None` if the status says that there was none.
        """
        cdef _Asked asked = _Asked.__new__(_Asked)
        cdef bytes name = question.name.encode()
        cdef int rtype = _TYPES[question.kind]
        asked.owner, asked.attempt, asked.question = owner, attempt, question
        Py_INCREF(asked)
        self._depth += 1
        ares_query_dnsrec(self._pointer, name, CLASS_IN, rtype, _on_answer, <void *>asked, NULL)
        self._returned()

    cpdef object process(self, int reader=_NOBODY, int writer=_NOBODY):
        """Read from *reader*, write to *writer*, and send again what has waited for too long."""
        self._depth += 1
        ares_process_fd(self._pointer, reader, writer)
        self._returned()

    cpdef bint is_holding(self):
        """Say whether there is anything to do for `flush`."""
        return self._outbox.has_any()

    cpdef bint flush(self) except -1:
        """Send what is kept; false if the system takes no more just now."""
        cdef int error
        while self._pointer != NULL:
            error = self._outbox.send()
            if error == 0:
                break
            if error == EAGAIN:
                return False
            self.process(self._outbox.refused())
        return True

    cpdef object timeout(self):
        """Return in how many seconds there is something to send again; `None` if nothing is under way."""
        cdef timeval found
        if self._pointer == NULL or ares_timeout(self._pointer, NULL, &found) == NULL:
            return None
        return found.tv_sec + found.tv_usec / 1e6

    cpdef object cancel(self):
        """End all questions, and close all sockets."""
        self._depth += 1
        ares_cancel(self._pointer)
        self._returned()

    cpdef object destroy(self):
        """As `cancel`, for good.  May be called twice, and by callbacks: it then happens once they have returned."""
        cdef void *pointer
        if self._depth:
            self._is_doomed = True
            return
        pointer, self._pointer = self._pointer, NULL
        if pointer != NULL:
            ares_destroy(pointer)
            _check()

    cdef object _returned(self):
        self._depth -= 1
        if self._depth == 0:
            if self._is_doomed:
                self.destroy()
            _check()

    def __dealloc__(self):
        if self._pointer != NULL:
            ares_destroy(self._pointer)


cdef object _check():
    """Raise what a callback raised while c-ares was called, if it did."""
    if _errors:
        error = _errors.pop(get_ident(), None)
        if error is not None:
            raise error


cdef Answer _read_answer(Question question, int status, const void *reply):
    """Return what *reply* to *question* says, to which c-ares gave *status*; `None` if there was no reply."""
    if (status == SUCCESS or status == NO_DATA) and reply != NULL:
        if get_flags != NULL and not get_flags(reply) & _REPLY:
            return None
        if get_rcode != NULL and get_rcode(reply) != 0:
            return Answer(NO_RECOVERY)
        return answer_from(question.name, question.kind, _records(reply), _negative_ttl(reply))
    found = STATUSES.get(status)
    if found == HOST_NOT_FOUND and reply != NULL:
        return answer_from(question.name, question.kind, _records(reply), _negative_ttl(reply), False)
    return None if found is None else Answer(found)


cdef list _records(const void *reply):
    """Return what the answer section has that can matter."""
    cdef list records = []
    cdef Record record
    cdef size_t i
    for i in range(rr_cnt(reply, ANSWER)):
        record = _record(rr_get(reply, ANSWER, i))
        if record is not None:
            records.append(record)
    return records


cdef Record _record(const void *found):
    cdef Record record
    cdef char text[64]
    cdef int rtype = rr_get_type(found)
    if rr_get_class(found) != CLASS_IN:
        return None
    record = Record.__new__(Record)
    if rtype == TYPE_A:
        record.kind, record.value = "A", _text(inet_ntop(AF_INET, rr_get_addr(found, A_ADDR), text, sizeof(text)))
    elif rtype == TYPE_AAAA:
        record.kind, record.value = "AAAA", _text(inet_ntop(AF_INET6, rr_get_addr6(found, AAAA_ADDR), text, sizeof(text)))
    elif rtype == TYPE_CNAME:
        record.kind, record.value = "CNAME", _text(rr_get_str(found, CNAME_CNAME))
    elif rtype == TYPE_PTR:
        record.kind, record.value = "PTR", _text(rr_get_str(found, PTR_DNAME))
    else:
        return None
    record.owner = _text(rr_get_name(found)).lower()
    record.ttl = <unsigned int>rr_get_ttl(found)
    return record


cdef double _negative_ttl(const void *reply):
    """Return for how many seconds it may be kept that there is nothing: RFC 2308 section 5; 0 if that is not said."""
    cdef const void *record
    cdef size_t i
    for i in range(rr_cnt(reply, AUTHORITY)):
        record = rr_get(reply, AUTHORITY, i)
        if rr_get_type(record) == TYPE_SOA:
            return shorter(<unsigned int>rr_get_ttl(record), rr_get_u32(record, SOA_MINIMUM))
    return 0


cdef str _text(const char *text):
    return (<bytes>text).decode("ascii", "backslashreplace")

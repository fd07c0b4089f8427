"""A name server for the tests: it answers from a small zone, and misbehaves on request.  Nothing leaves loopback.

It runs in native threads, so that it answers whatever the hub under test does: datagrams in one with a hub of its own,
through `hublet.net.DatagramServer`, and connections each in one that blocks.  It keeps a list of what it was asked.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from hublet.core.lowlevel import Waiter
from hublet.net import DatagramServer

ZONE = (
    "test. 60 SOA ns.test. root.test. 1 2 3 4 30",
    "www.test. 60 A 192.0.2.1",
    "www.test. 60 AAAA 2001:db8::1",
    "v4.test. 60 A 192.0.2.4",
    "v6.test. 60 AAAA 2001:db8::6",
    "text.test. 60 TXT only",
    "alias.test. 60 CNAME second.test.",
    "second.test. 60 CNAME v4.test.",
    "round.test. 60 CNAME about.test.",
    "about.test. 60 CNAME round.test.",
    "host.one.test. 60 A 192.0.2.11",
    "host.two.test. 60 A 192.0.2.12",
    "only.two.test. 60 A 192.0.2.13",
    "1.2.0.192.in-addr.arpa. 60 PTR www.test.",
    "4.2.0.192.in-addr.arpa. 60 CNAME 4.elsewhere.test.",
    "4.elsewhere.test. 60 PTR v4.test.",
    "7.2.0.192.in-addr.arpa. 60 TXT none",
    "8.2.0.192.in-addr.arpa. 60 PTR no!name.test.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 PTR www.test.",
)
"""Records that tests of all kinds ask for."""

LARGEST = 512  # bytes of a reply over UDP to a client that does not say what it can take


class InOrder(dns.rrset.RRset):
    """Records that are sent in the order in which they were added; dnspython would shuffle them."""

    def to_wire(self, *arguments: Any, **options: Any) -> int:
        return super().to_wire(*arguments, **{**options, "want_shuffle": False})


class Question(NamedTuple):
    """What was asked, and how."""

    name: str  # absolute, in lower case
    kind: str  # "A", "AAAA", "PTR", …
    over: str  # "udp" or "tcp"
    peer: Any  # the address that it came from
    wire: bytes


class Asked:
    """A question on its way to an answer: what a behaviour gets, and answers through."""

    def __init__(
        self,
        server: NameServer,
        question: Question,
        query: Any,
        send: Callable[[bytes], None],
        connection: socket.socket | None,
    ) -> None:
        self.server = server
        self.question = question
        self.query = query
        self.send = send
        self.connection = connection  # that of TCP

    def reply(self) -> Any:
        """Return the message that a well-behaved server gives."""
        return self.server.reply(self.query)

    def send_message(self, message: Any) -> None:
        """Send *message*, shortened to what the transport carries, with the flag that says so."""
        try:
            wire = message.to_wire(max_size=LARGEST if self.question.over == "udp" else 65535)
        except dns.exception.TooBig:
            message.flags |= dns.flags.TC
            message.answer = []
            wire = message.to_wire()
        self.send(wire)


class NameServer:
    """Started when it is made; to be closed."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.questions: list[Question] = []
        self._news = threading.Condition()
        self._records: dict[tuple[dns.name.Name, int], dns.rrset.RRset] = {}
        self._behaviours: dict[dns.name.Name, Callable[[Asked], None]] = {}
        self._udp, self._tcp = _bind_both(address, port)
        self.address, self.port = self._udp.getsockname()[:2]
        self._tcp.listen(100)
        self._open: list[socket.socket] = []
        self._end: Any = None  # what the thread for datagrams is parked on
        has_started = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve_udp, args=(has_started.set,), daemon=True),
            threading.Thread(target=self._serve_tcp, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        assert has_started.wait(20)

    def add(self, *records: str) -> None:
        """Add records such as ``"www.example. 60 A 192.0.2.1"``."""
        for record in records:
            name, ttl, kind, text = record.split(maxsplit=3)
            owner, rdtype = dns.name.from_text(name), dns.rdatatype.from_text(kind)
            rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)
            rrset = self._records.setdefault((owner, rdtype), InOrder(owner, dns.rdataclass.IN, rdtype))
            rrset.add(rdata, int(ttl))

    def behave(self, name: str, behaviour: Callable[[Asked], None]) -> None:
        """Let *behaviour* answer, or not, what is asked about *name*."""
        self._behaviours[dns.name.from_text(name)] = behaviour

    def hold(self, name: str) -> Held:
        """Let what is asked about *name* wait, and return what releases it."""
        held = Held()
        self.behave(name, held)
        return held

    def asked(self, name: str = "", at_least: int = 0) -> list[str]:
        """Return the kinds that were asked for *name*, or for any, in order.

        Block until there are *at_least* so many: who gives up early on a silent server may look before it has read.
        """
        with self._news:
            enough = self._news.wait_for(lambda: len(self._asked(name)) >= at_least, 20)
        assert enough, f"asked {self._asked(name)} only"
        return self._asked(name)

    def _asked(self, name: str) -> list[str]:
        return [each.kind for each in self.questions if not name or each.name == name]

    def reply(self, query: Any) -> Any:
        """Return the right reply to *query*: records, aliases and what they lead to, nothing, or NXDOMAIN."""
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name, seen = question.name, set()
        while name not in seen:
            seen.add(name)
            found = self._records.get((name, question.rdtype))
            alias = self._records.get((name, dns.rdatatype.CNAME))
            if found is not None:
                reply.answer.append(found)
            elif alias is not None:
                reply.answer.append(alias)
                name = alias[0].target
                continue
            elif not any(owner == name for owner, _ in self._records):
                reply.set_rcode(dns.rcode.NXDOMAIN)
            break
        for depth in range(1, len(name.labels)):
            zone = name.split(depth)[1]
            soa = self._records.get((zone, dns.rdatatype.SOA))
            if soa is not None and (reply.rcode() or not any(found.rdtype == question.rdtype for found in reply.answer)):
                reply.authority.append(soa)
        return reply

    def _handle(
        self, wire: bytes, peer: Any, send: Callable[[bytes], None], connection: socket.socket | None = None
    ) -> None:
        query = dns.message.from_wire(wire)
        over = "udp" if connection is None else "tcp"
        asked_for = query.question[0]
        question = Question(asked_for.name.to_text().lower(), dns.rdatatype.to_text(asked_for.rdtype), over, peer, wire)
        with self._news:
            self.questions.append(question)
            self._news.notify_all()
        asked = Asked(self, question, query, send, connection)
        behaviour = self._behaviours.get(asked_for.name)
        if behaviour is not None:
            behaviour(asked)
        else:
            asked.send_message(asked.reply())

    def _serve_udp(self, has_started: Callable[[], None]) -> None:
        server = DatagramServer(self._udp, self._handle_datagram, spawn=None)
        server.start()
        self._end = Waiter("the end of the name server")
        has_started()
        self._end.park()
        server.stop()

    def _handle_datagram(self, wire: bytes, peer: Any) -> None:
        try:
            self._handle(wire, peer, lambda data: self._udp.sendto(data, peer))
        except OSError:
            pass  # who asked is gone

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, peer = self._tcp.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve_connection, args=(connection, peer), daemon=True).start()

    def _serve_connection(self, connection: socket.socket, peer: Any) -> None:
        def send(data: bytes) -> None:
            connection.sendall(struct.pack("!H", len(data)) + data)

        try:
            while True:
                head = connection.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                wire = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                self._handle(wire, peer, send, connection)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        """Stop, and end all connections."""
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._end.unpark()
        for thread in self._threads:
            thread.join(5)
        for each in (self._tcp, self._udp, *self._open):
            each.close()


def _bind_both(address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Return a socket for datagrams and one for connections, on the same port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for attempts_left in reversed(range(50)):
        udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind((address, port))
            tcp.bind((address, udp.getsockname()[1]))
            return udp, tcp
        except OSError:
            # The port that the system chose for one may be taken for the other.
            udp.close()
            tcp.close()
            if port or not attempts_left:
                raise
    raise AssertionError


# Behaviours


def is_silent(asked: Asked) -> None:
    """Never answer."""


def fails(asked: Asked) -> None:
    """Say that the server failed."""
    says(dns.rcode.SERVFAIL)(asked)


def says(rcode: int) -> Callable[[Asked], None]:
    """Return the behaviour that answers with nothing but *rcode*."""

    def behaviour(asked: Asked) -> None:
        reply = dns.message.make_response(asked.query, recursion_available=True)
        reply.set_rcode(rcode)
        asked.send_message(reply)

    return behaviour


def truncates(asked: Asked) -> None:
    """Over UDP, say that the reply was cut off; over TCP, answer."""
    reply = asked.reply()
    if asked.question.over == "udp":
        reply.flags |= dns.flags.TC
        reply.answer = []
    asked.send_message(reply)


def sends_in_pieces(asked: Asked) -> None:
    """Over TCP, send the answer byte by byte; over UDP, say that it is cut off."""
    if asked.connection is None:
        truncates(asked)
        return
    wire = asked.reply().to_wire()
    asked.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in struct.pack("!H", len(wire)) + wire:
        asked.connection.sendall(bytes([byte]))
        time.sleep(0.0005)


def hangs_up(asked: Asked) -> None:
    """Over TCP, end the connection without an answer; over UDP, say that it is cut off."""
    if asked.connection is None:
        truncates(asked)
    else:
        asked.connection.shutdown(socket.SHUT_RDWR)


def sends_first(*makers: Callable[[Asked], bytes]) -> Callable[[Asked], None]:
    """Return the behaviour that sends what *makers* make, and then the right answer."""

    def behaviour(asked: Asked) -> None:
        for make in makers:
            asked.send(make(asked))
        asked.send_message(asked.reply())

    return behaviour


def sends_back(asked: Asked) -> None:
    """Send the question back, without the bit that would make it a reply."""
    asked.send(asked.question.wire)


def does_not_understand(asked: Asked) -> None:
    """Say that the question could not be read, and not which one that was."""
    asked.send(asked.question.wire[:2] + b"\x80\x01" + bytes(8))


def says_nothing_of_it(asked: Asked) -> None:
    """Answer without an error and without a record, not even one that says so."""
    asked.send_message(dns.message.make_response(asked.query, recursion_available=True))


def breaks_off(asked: Asked) -> None:
    """Send the right reply without its end."""
    asked.send(asked.reply().to_wire()[:-2])


def answers_another(asked: Asked) -> None:
    """Answer what was not asked."""
    query = dns.message.make_query("another.test.", asked.query.question[0].rdtype)
    query.id = asked.query.id
    asked.send_message(asked.server.reply(query))


def has_the_wrong_id(asked: Asked) -> None:
    """Answer with another id."""
    wire = asked.reply().to_wire()
    asked.send(bytes([wire[0] ^ 0xFF]) + wire[1:])


def sends_noise(asked: Asked) -> None:
    """Send what is no message at all."""
    asked.send(bytes(range(200, 0, -1)))


def is_cut_off_for_ever(asked: Asked) -> None:
    """Say that the reply was cut off, over TCP too."""
    reply = asked.reply()
    reply.flags |= dns.flags.TC
    reply.answer = []
    asked.send_message(reply)


BAD = {
    "silent": is_silent,
    "back": sends_back,
    "misunderstood": does_not_understand,
    "bare": says_nothing_of_it,
    "broken-off": breaks_off,
    "another": answers_another,
    "wrong-id": has_the_wrong_id,
    "noise": sends_noise,
    "cut-off": is_cut_off_for_ever,
    "hangs-up": hangs_up,
    **{f"rcode{rcode}": says(rcode) for rcode in range(1, 12)},
}
"""What a server can do, by the name below ``test.`` for which the one of `side_by_side` does it."""


class Held:
    """Questions that wait for their answers until the test lets the server give them."""

    def __init__(self) -> None:
        self._waiting: list[Asked] = []
        self._is_released = False
        self._lock = threading.Condition()

    def __call__(self, asked: Asked) -> None:
        with self._lock:
            if not self._is_released:
                self._waiting.append(asked)
                self._lock.notify_all()
                return
        asked.send_message(asked.reply())

    def wait_until_asked(self) -> None:
        """Block until there is a question."""
        with self._lock:
            assert self._lock.wait_for(lambda: self._waiting, 20), "nobody has asked"

    def waiting(self) -> list[Asked]:
        """Return the questions that wait."""
        return list(self._waiting)

    def release(self) -> None:
        """Answer what was asked, once something was, and from now on at once."""
        self.wait_until_asked()
        with self._lock:
            self._is_released = True
            for asked in self._waiting:
                asked.send_message(asked.reply())

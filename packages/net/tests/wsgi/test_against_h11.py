"""h11 as an oracle: what it takes we take, with the same body, or refuse for a reason that is listed here.

Hypothesis makes up `HTTP_EXAMPLES` streams, and `random` another `HTTP_STREAMS`, of two requests on average, sound and
broken, cut anywhere.  `nox -s http_fuzz` makes a hundred thousand requests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from random import Random
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hublet.core import spawn
from hublet.core.testing import wait_all_parked
from hublet.net import socket
from hublet.net.wsgi import Limits, Refused, WSGIServer

EXAMPLES = int(os.environ.get("HTTP_EXAMPLES", "1000"))
STREAMS = int(os.environ.get("HTTP_STREAMS", "1000"))
SEED = int(os.environ.get("HTTP_SEED", "1"))

STRICTER = {
    r"unknown method": "llhttp knows the registered methods, h11 takes any token",
    r"this server is no proxy": "CONNECT is for proxies",
    r"this server speaks HTTP/1\.0 and HTTP/1\.1": "h11 takes any version of one digit and one digit",
    r"this server understands 100-continue only": "RFC 9110 section 10.1.1 lets a server answer 417; h11 leaves it to its user",
    r"repeated header field: [\w-]+|malformed request: (Duplicate|Invalid character in) Content-Length": (
        "equal Content-Lengths may be refused (RFC 9110 section 8.6); of Content-Type and Authorization there is one"
    ),
    r"Content-Length with Transfer-Encoding|malformed request: .*(Transfer-Encoding|Content-Length) can't be present.*": (
        "RFC 9112 section 6.1 lets a server refuse; h11 goes by Transfer-Encoding"
    ),
    r"malformed Host": "RFC 9112 section 3.2 asks for 400; h11 does not look at it",
    r"malformed URI": "RFC 9112 section 3.2 has four forms of it; h11 takes any visible characters",
    r"unknown transfer coding": "RFC 9112 section 6.1: with HTTP/1.0 the framing is faulty; h11 takes it",
    r"CR or LF alone, a NUL, or a folded line": "RFC 9112 sections 2.2 and 5.2 let a server refuse; h11 takes LF and folding",
    r"a line that does not end with CR LF, or a NUL": "the same, seen before the head is complete",
    r"malformed chunk size": "RFC 9112 section 7.1 has no blanks there; h11 takes them",
    r"chunk size too large": "more than sixteen digits; h11 takes twenty",
    r"malformed trailer field": "h11 takes folded trailers and some control characters",
    r"a line in a chunked body does not end with CR LF": "h11 takes LF in trailers and extensions",
    r"malformed request: Invalid header value char": "RFC 9110 section 5.5: no control characters; h11 takes some",
}


# Streams -------------------------------------------------------------------------------------------------------------


class Choice:
    """Something to be made up, by hypothesis, which finds the smallest example, or by `random`, which is ten times faster."""

    def __init__(self, strategy: st.SearchStrategy[Any], make: Callable[[Random], Any]) -> None:
        self.strategy = strategy
        self.make = make


Draw = Callable[[Choice], Any]


def sampled(values: list[Any]) -> Choice:
    return Choice(st.sampled_from(values), lambda random: random.choice(values))


def often(usual: Any, *others: Any) -> Choice:
    """Mostly *usual*, now and then one of *others*."""
    return sampled([usual] * (4 * len(others)) + list(others))


def integers(low: int, high: int) -> Choice:
    return Choice(st.integers(low, high), lambda random: random.randint(low, high))


def binary(low: int, high: int) -> Choice:
    return Choice(st.binary(min_size=low, max_size=high), lambda random: random.randbytes(random.randint(low, high)))


def either(one: Choice, other: Choice) -> Choice:
    return Choice(st.one_of(one.strategy, other.strategy), lambda random: random.choice((one, other)).make(random))


def joined(function: Callable[..., bytes], *choices: Choice) -> Choice:
    strategies = (each.strategy for each in choices)
    return Choice(st.builds(function, *strategies), lambda random: function(*(each.make(random) for each in choices)))


def several(choice: Choice, high: int) -> Choice:
    strategy = st.lists(choice.strategy, max_size=high)
    return Choice(strategy, lambda random: [choice.make(random) for _ in range(random.randint(0, high))])


METHODS = sampled([b"GET", b"POST", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE"] * 4 + [b"FOO", b"G(T", b"", b"get"])
TARGETS = often(b"/a?b=c", b"/", b"*", b"http://b/c", b"foo", b"/a b", b"/\xe4", b"/a#b", b"/%zz", b"/%41", b"", b"//b", b"/a\tb")
VERSIONS = often(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11", b"")
HOSTS = often(
    b"Host: a\r\n",
    b"",
    b"Host: a\r\nHost: a\r\n",
    b"Host: a\r\nhost: b\r\n",
    b"Host:\r\n",
    b"Host: a b\r\n",
    b"host: [::1]:80\r\n",
)
VALUES = either(
    sampled(
        [
            b"b",
            b"",
            b" ",
            b"b c",
            b"\xe4",
            b"b\tc",
            b"b\0",
            b"b\x01",
            b"b\rc",
            b"b\nc",
            b"b\r\n c",
            b"b\x7f",
            b"b\x0b",
            b"\xc2\xa0",
        ]
    ),
    binary(0, 6),
)
NAMES = often(
    b"X", b"X-Y", b"X_Y", b"X ", b" X", b"", b"X(", b"\xe4", b"X\t", b"Content-Type", b"Authorization", b"Cookie", b"Expect"
)
OTHERS = joined(
    lambda name, colon, value, end: name + colon + value + end,
    NAMES,
    often(b": ", b":", b":\t", b" :", b""),
    VALUES,
    often(b"\r\n", b"\n", b"\r\r\n", b"\r"),
)
CONNECTIONS = often(
    b"",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: x, close\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: Upgrade\r\nUpgrade: x\r\n",
)
LENGTHS = often(b"%d", b"+%d", b"0%d", b"0_%d", b"-%d", b"%d, %d", b"0x%d", b"%d ", b" %d", b"1%d", b"%d\t", b"")
CODINGS = often(
    b"chunked",
    b"Chunked",
    b"gzip, chunked",
    b"chunked, chunked",
    b"identity",
    b"xchunked",
    b"chunked ",
    b"chunked,",
    b"\x0bchunked",
    b"chunked;q=1",
    b"",
)
SIZES = often(
    b"%x",
    b"%X",
    b"0%x",
    b"+%x",
    b"0x%x",
    b"%x ",
    b" %x",
    b"-%x",
    b"%x;a=b",
    b"%x;a",
    b"%x ;a",
    b"%x;\x00",
    b"0000000000000000%x",
    b"fffffffffffffffff%x",
    b"%x\n",
    b"",
)
ENDS = often(b"\r\n", b"\n", b"\r", b"", b"\r\r\n", b"x\r\n")
TRAILERS = often(
    b"", b"A: b\r\n", b"A : b\r\n", b"A\r\n", b"A: b\n", b"A: b\r\n c\r\n", b"Content-Length: 5\r\n", b"A: \x01\r\n", b" A: b\r\n"
)


def fill(template: bytes, number: int) -> bytes:
    return template % ((number,) * template.count(b"%")) if b"%" in template else template


CHUNKS = joined(lambda size, data, end: fill(size, len(data)) + b"\r\n" + data + end, SIZES, binary(1, 12), ENDS)


def make_request(draw: Draw) -> bytes:
    fields = [draw(HOSTS), draw(CONNECTIONS), *draw(several(OTHERS, 2))]
    body = b""
    framing = draw(sampled(["none", "length", "length", "chunked", "chunked", "both", "twice"]))
    if framing in ("length", "both", "twice"):
        body = draw(binary(0, 20))
        fields += [b"Content-Length: " + fill(draw(LENGTHS), len(body)) + b"\r\n"]
        if framing == "twice":
            fields += [b"Content-Length: " + fill(draw(LENGTHS), len(body)) + b"\r\n"]
    if framing in ("chunked", "both"):
        fields += [b"Transfer-Encoding: " + draw(CODINGS) + b"\r\n"]
        body = b"".join(draw(several(CHUNKS, 3))) + draw(often(b"0", b"00", b"0;a", b"")) + b"\r\n" + draw(TRAILERS) + draw(ENDS)
    if draw(integers(0, 1)):
        fields = fields[::-1]
    line = (
        draw(METHODS)
        + draw(often(b" ", b"  ", b"\t"))
        + draw(TARGETS)
        + b" "
        + draw(VERSIONS)
        + draw(often(b"\r\n", b"\n", b"\r\n "))
    )
    return line + b"".join(fields) + draw(often(b"\r\n", b"\n", b"\r\n\r\n", b" \r\n")) + body


def make_stream(draw: Draw) -> list[bytes]:
    """Return a few requests, one of them perhaps damaged, cut into pieces anywhere."""
    data = b"".join(make_request(draw) for _ in range(draw(integers(1, 3))))
    if draw(integers(0, 3)) == 0:
        at = draw(integers(0, len(data)))
        put = draw(sampled([b"", b"\r", b"\n", b"\0", b" ", b":", b"\t", b"0", b"\r\n", b"\x80"]))
        data = data[:at] + put + data[at + draw(integers(0, 2)) :]
    cuts = sorted(set(draw(several(integers(0, len(data)), 3))))
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)]) if i < j]


@st.composite
def streams(draw: Any) -> list[bytes]:
    return make_stream(lambda choice: draw(choice.strategy))


# The two that read them ----------------------------------------------------------------------------------------------

Taken = list[tuple[bytes, bytes, bytes]]


def ask_h11(data: bytes) -> Taken:
    """Return method, target and body of each request that h11 takes.

    The only thing in which it is helped to be more lenient: RFC 9112 section 2.2 asks a server to ignore one empty line
    before a request, which h11 does not; and it keeps no connection of HTTP/1.0, which may ask for it.
    """
    taken: Taken = []
    while True:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(data.removeprefix(b"\r\n"))
        connection.receive_data(b"")
        body = b""
        try:
            request = connection.next_event()
            if not isinstance(request, h11.Request):
                return taken
            while isinstance(event := connection.next_event(), h11.Data):
                body += event.data
        except h11.RemoteProtocolError:
            return taken
        if not isinstance(event, h11.EndOfMessage):
            return taken
        taken.append((request.method, request.target, body))
        connection.send(h11.Response(status_code=200, headers=[(b"Content-Length", b"0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is h11.MUST_CLOSE:
            tokens = [
                token.strip().lower() for name, value in request.headers if name == b"connection" for token in value.split(b",")
            ]
            if request.http_version != b"1.0" or b"keep-alive" not in tokens or b"close" in tokens:
                return taken
        data = connection.trailing_data[0]


class Site:
    """Our server, and what it takes."""

    def __init__(self) -> None:
        self.taken: Taken = []
        self.refusal: str | None = None
        limits = Limits(linger=0, requests=None)
        self.server = WSGIServer(("127.0.0.1", 0), self.application, log=None, error_log=None, limits=limits)

    def application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            body = environ["wsgi.input"].read()
        except Refused as refusal:
            self.refusal = refusal.why  # which the client is not told if it has asked for the head only
            raise
        self.taken.append((environ["REQUEST_METHOD"].encode(), environ["REQUEST_URI"].encode(), body))
        start_response("200 OK", [])
        return []

    def ask(self, pieces: list[bytes]) -> tuple[Taken, str | None]:
        """Return what it takes of a stream, and why it refused what it did not take."""
        self.taken, self.refusal = [], None
        ours, theirs = socket.socketpair()
        serving = spawn(self.server.handle, ours, ("127.0.0.1", 1))
        with ours, theirs:
            try:
                for piece in pieces:
                    wait_all_parked()
                    theirs.send(piece)
                theirs.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused before the end
            serving.get()
            ours.close()
            answer = b""
            try:
                while piece := theirs.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
        refused = re.search(rb"HTTP/1\.1 [45].*\r\n\r\n.*\n(.*)\n\Z", answer, re.DOTALL)
        if self.refusal is None and refused is not None:
            self.refusal = refused[1].decode("latin-1").rpartition("\n")[2]
        return self.taken, self.refusal


@pytest.fixture(autouse=True)
def _limit() -> None:
    """No limit on time: how long it takes is said by the number of examples."""


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=EXAMPLES <= 1000
)
@given(pieces=streams())
def test_we_take_what_h11_takes_or_refuse_it_for_a_reason(site: Site, pieces: list[bytes]) -> None:
    compare(site, pieces)


def test_the_same_for_many_more_streams(site: Site) -> None:
    random = Random(SEED)
    for i in range(STREAMS):
        pieces = make_stream(lambda choice: choice.make(random))
        try:
            compare(site, pieces)
        except AssertionError as error:
            raise AssertionError(f"stream {i} of seed {SEED}: {pieces}") from error


def compare(site: Site, pieces: list[bytes]) -> None:
    """Fail if we and h11 do not agree about a stream."""
    expected = ask_h11(b"".join(pieces))

    taken, refusal = site.ask(pieces)

    assert taken == expected[: len(taken)], "taken differently, or not taken by h11"
    if len(taken) < len(expected):
        assert refusal is not None, "h11 has taken more, and nothing was refused"
        assert any(re.fullmatch(reason, refusal) for reason in STRICTER), f"refused for no listed reason: {refusal}"


def test_the_oracle_and_we_agree_on_a_plain_stream(site: Site) -> None:
    """So that the test above does not pass because nothing is ever taken."""
    data = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" * 2
    data += b"PUT /b HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n!"
    data += b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"

    expected = [(b"POST", b"/a", b"hi"), (b"POST", b"/a", b"hi"), (b"PUT", b"/b", b"!"), (b"POST", b"/c", b"hi")]
    assert ask_h11(data) == expected
    assert site.ask([data[:50], data[50:]]) == (expected, None)

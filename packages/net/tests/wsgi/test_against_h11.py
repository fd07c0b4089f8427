"""h11 as an oracle: what it takes we take, with the same body, or refuse for a reason that is listed here.

Hypothesis makes up streams of one to three requests, sound and broken, cut anywhere, in `HTTP_BATCHES` batches of a
thousand, from the seed `HTTP_SEED` on.  `nox -s http_fuzz` makes a hundred thousand requests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from hublet.core import spawn
from hublet.core.testing import wait_all_parked
from hublet.net import socket
from hublet.net.wsgi import Limits, Refused, WSGIServer

BATCHES = int(os.environ.get("HTTP_BATCHES", "1"))
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

# Where h11 would stop, and we go on.
HELP = {
    "an empty line before a request": "RFC 9112 section 2.2: a server should ignore at least one; h11 ignores none",
    "keep-alive of HTTP/1.0": "RFC 9112 section 9.3: a server may honour it; h11 takes the same request and ends there",
}


# Streams -------------------------------------------------------------------------------------------------------------


Strategy = st.SearchStrategy[Any]
Draw = Callable[[Strategy], Any]


def often(usual: Any, *others: Any) -> Strategy:
    """Mostly *usual*, now and then one of *others*."""
    return st.sampled_from([usual] * (16 * len(others)) + list(others))


def several(strategy: Strategy, high: int) -> Strategy:
    return st.lists(strategy, max_size=high)


METHODS = st.sampled_from([b"GET", b"POST", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE"] * 10 + [b"FOO", b"G(T", b"", b"get"])
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
VALUES = st.one_of(
    st.just(b"b"),
    st.just(b"b c"),
    st.sampled_from(
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
    st.binary(max_size=6),
)
NAMES = often(
    b"X", b"X-Y", b"X_Y", b"X ", b" X", b"", b"X(", b"\xe4", b"X\t", b"Content-Type", b"Authorization", b"Cookie", b"Expect"
)
OTHERS = st.builds(
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


CHUNKS = st.builds(
    lambda size, data, end: fill(size, len(data)) + b"\r\n" + data + end, SIZES, st.binary(min_size=1, max_size=12), ENDS
)


def make_request(draw: Draw) -> bytes:
    fields = [draw(HOSTS), draw(CONNECTIONS), *draw(several(OTHERS, 2))]
    body = b""
    framing = draw(st.sampled_from(["none", "length", "chunked"] * 4 + ["both", "twice"]))
    if framing in ("length", "both", "twice"):
        body = draw(st.binary(max_size=20))
        fields += [b"Content-Length: " + fill(draw(LENGTHS), len(body)) + b"\r\n"]
        if framing == "twice":
            fields += [b"Content-Length: " + fill(draw(LENGTHS), len(body)) + b"\r\n"]
    if framing in ("chunked", "both"):
        fields += [b"Transfer-Encoding: " + draw(CODINGS) + b"\r\n"]
        body = b"".join(draw(several(CHUNKS, 3))) + draw(often(b"0", b"00", b"0;a", b"")) + b"\r\n" + draw(TRAILERS) + draw(ENDS)
    if draw(st.integers(0, 1)):
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


@st.composite
def streams(draw: Draw) -> tuple[list[bytes], int]:
    """A few requests, one of them perhaps damaged, cut into pieces anywhere; and how many they are."""
    count = draw(st.integers(1, 3))
    data = b"".join(make_request(draw) for _ in range(count))
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(data)))
        put = draw(st.sampled_from([b"", b"\r", b"\n", b"\0", b" ", b":", b"\t", b"0", b"\r\n", b"\x80"]))
        data = data[:at] + put + data[at + draw(st.integers(0, 2)) :]
    cuts = sorted(set(draw(several(st.integers(0, len(data)), 3))))
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)]) if i < j], count


# The two that read them ----------------------------------------------------------------------------------------------

Taken = list[tuple[bytes, bytes, bytes]]


def ask_h11(data: bytes) -> Taken:
    """Return method, target and body of each request that h11 takes, helped where it is stricter than the RFC: `HELP`."""
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
        self.streams = self.requests = self.agreed = 0
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
def site() -> Iterator[Site]:
    site = Site()
    yield site
    print(f"{site.requests} requests in {site.streams} streams, from seed {SEED}, {site.agreed} of them taken by both")


@pytest.mark.parametrize("batch", range(SEED, SEED + BATCHES))
def test_we_take_what_h11_takes_or_refuse_it_for_a_reason(site: Site, batch: int) -> None:
    @seed(batch)
    @settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(stream=streams())
    def agree(stream: tuple[list[bytes], int]) -> None:
        pieces, count = stream
        compare(site, pieces)
        site.streams += 1
        site.requests += count

    agree()


def compare(site: Site, pieces: list[bytes]) -> None:
    """Fail if we and h11 do not agree about a stream."""
    expected = ask_h11(b"".join(pieces))

    taken, refusal = site.ask(pieces)

    assert taken == expected[: len(taken)], "taken differently, or not taken by h11"
    if len(taken) < len(expected):
        assert refusal is not None, "h11 has taken more, and nothing was refused"
        assert any(re.fullmatch(reason, refusal) for reason in STRICTER), f"refused for no listed reason: {refusal}"
    site.agreed += len(taken)


def test_the_oracle_and_we_agree_on_a_plain_stream(site: Site) -> None:
    """So that the test above does not pass because nothing is ever taken."""
    data = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" * 2
    data += b"PUT /b HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n!"
    data += b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"

    expected = [(b"POST", b"/a", b"hi"), (b"POST", b"/a", b"hi"), (b"PUT", b"/b", b"!"), (b"POST", b"/c", b"hi")]
    assert ask_h11(data) == expected
    assert site.ask([data[:50], data[50:]]) == (expected, None)

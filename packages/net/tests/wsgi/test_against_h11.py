"""h11 as an oracle: what it takes we take, with the same body, or refuse for a reason that is listed here.

Hypothesis makes up streams of a few requests, sound and broken, cut anywhere, until `HTTP_REQUESTS` requests were judged:
a request that was taken is one, and so is the first that was not, behind which neither of the two reads on.  Every round is
`ROUND` streams from a seed of its own, which is printed if the round fails; `HTTP_SEED` says where the seeds begin.
`nox -s http_fuzz` judges a hundred thousand.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import count
from typing import Any

import h11
import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hublet.core import spawn
from hublet.core.testing import wait_all_parked
from hublet.net import socket
from hublet.net.wsgi import Limits, Refused, WSGIServer

REQUESTS = int(os.environ.get("HTTP_REQUESTS", "2000"))
SEED = int(os.environ.get("HTTP_SEED", "1"))
ROUND = 500

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
    r"malformed request: Request has invalid `Transfer-Encoding`": (
        "a tab behind chunked is a blank to RFC 9110 section 5.5 and h11, and a part of the coding to llhttp"
    ),
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


def mostly(usual: list[bytes], *others: bytes) -> st.SearchStrategy[bytes]:
    """One of *usual*, and now and then one of *others*: so seldom that many requests are sound."""
    return st.sampled_from(usual * (16 * len(others) // len(usual) + 1) + list(others))


def often(usual: bytes, *others: bytes) -> st.SearchStrategy[bytes]:
    """Mostly *usual*, now and then one of *others*."""
    return mostly([usual], *others)


METHODS = mostly([b"GET", b"POST", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE"], b"CONNECT", b"FOO", b"G(T", b"", b"get")
TARGETS = often(b"/a?b=c", b"/", b"*", b"http://b/c", b"foo", b"/a b", b"/\xe4", b"/a#b", b"/%zz", b"/%41", b"", b"//b", b"/a\tb")
VERSIONS = mostly(
    [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"],
    *(b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11", b""),
)
HOSTS = often(
    b"Host: a\r\n",
    b"",
    b"Host: a\r\nHost: a\r\n",
    b"Host: a\r\nhost: b\r\n",
    b"Host:\r\n",
    b"Host: a b\r\n",
    b"host: [::1]:80\r\n",
)
SOME_VALUES = mostly(
    [b"b", b"", b"b c", b"b\tc", b"\xe4"],
    *(b" ", b"b\0", b"b\x01", b"b\rc", b"b\nc", b"b\r\n c", b"b\x7f", b"b\x0b", b"\xc2\xa0"),
)
VALUES = st.one_of(SOME_VALUES, SOME_VALUES, SOME_VALUES, st.binary(max_size=6))
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
CONNECTIONS = mostly(
    [b"", b"", b"Connection: keep-alive\r\n"],
    b"Connection: close\r\n",
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
    b"chunked\t",
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


LAST_SIZES = often(b"0", b"00", b"0;a", b"")
FRAMINGS = st.sampled_from(["none", "length", "length", "chunked", "chunked"] * 4 + ["both", "twice"])
SPACES = often(b" ", b"  ", b"\t")
LINE_ENDS = often(b"\r\n", b"\n", b"\r\n ")
HEAD_ENDS = often(b"\r\n", b"\n", b"\r\n\r\n", b" \r\n")
BEFORE = often(b"", b"\r\n")
BODIES = st.binary(max_size=20)
FEW_FIELDS = st.lists(OTHERS, max_size=2)
FEW_CHUNKS = st.lists(CHUNKS, max_size=3)
DAMAGES = st.sampled_from([b"", b"\r", b"\n", b"\0", b" ", b":", b"\t", b"0", b"\r\n", b"\x80"])


@st.composite
def requests(draw: Any) -> bytes:
    """Make up one request."""
    fields = [draw(HOSTS), draw(CONNECTIONS), *draw(FEW_FIELDS)]
    body = b""
    framing = draw(FRAMINGS)
    if framing in ("length", "both", "twice"):
        body = draw(BODIES)
        fields += [b"Content-Length: " + fill(draw(LENGTHS), len(body)) + b"\r\n"]
        if framing == "twice":
            fields += [b"Content-Length: " + fill(draw(LENGTHS), len(body)) + b"\r\n"]
    if framing in ("chunked", "both"):
        fields += [b"Transfer-Encoding: " + draw(CODINGS) + b"\r\n"]
        body = b"".join(draw(FEW_CHUNKS)) + draw(LAST_SIZES) + b"\r\n" + draw(TRAILERS) + draw(ENDS)
    if draw(st.booleans()):
        fields = fields[::-1]
    line = draw(METHODS) + draw(SPACES) + draw(TARGETS) + b" " + draw(VERSIONS) + draw(LINE_ENDS)
    return draw(BEFORE) + line + b"".join(fields) + draw(HEAD_ENDS) + body


@st.composite
def streams(draw: Any) -> list[bytes]:
    """Make up a few requests, one of them perhaps damaged, cut into pieces anywhere."""
    data = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(DAMAGES) + data[at + draw(st.integers(0, 2)) :]
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=3)))
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)]) if i < j]


# The two that read them ----------------------------------------------------------------------------------------------

Taken = list[tuple[bytes, bytes, bytes]]


def ask_h11(data: bytes) -> Taken:
    """Return method, target and body of each request that h11 takes.

    Every request has a connection of its own, which begins where h11 says that the one before has ended.  So h11 judges them
    all where a client of HTTP/1.0 asks with keep-alive to send several, as `ab -k` does (RFC 9112 section 9.3), too: it reads
    one on a connection, we read on.
    """
    taken: Taken = []
    while True:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(data)
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
        connection.send(h11.Response(status_code=404, headers=[(b"Content-Length", b"0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is h11.MUST_CLOSE:
            if request.http_version != b"1.0" or not asks_to_be_kept(request):
                return taken
        data = connection.trailing_data[0]


def asks_to_be_kept(request: h11.Request) -> bool:
    """Say whether a client of HTTP/1.0 wants to send more on its connection."""
    values = [value for name, value in request.headers if name == b"connection"]
    tokens = [token.strip().lower() for value in values for token in value.split(b",")]
    return b"keep-alive" in tokens and b"close" not in tokens


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


def compare(site: Site, pieces: list[bytes]) -> tuple[int, str | None]:
    """Fail if we and h11 do not agree about a stream.

    Return how many requests were judged, and for which listed reason we were stricter, if we were.
    """
    expected = ask_h11(b"".join(pieces))

    taken, refusal = site.ask(pieces)

    assert taken == expected[: len(taken)], "taken differently, or not taken by h11"
    judged = len(expected) + (refusal is not None)
    if len(taken) == len(expected):
        return judged, None
    assert refusal is not None, "h11 has taken more, and nothing was refused"
    reasons = [reason for reason in STRICTER if re.fullmatch(reason, refusal)]
    assert reasons, f"refused for no listed reason: {refusal}"
    return len(taken) + 1, reasons[0]


def test_we_take_what_h11_takes_or_refuse_it_for_a_reason(site: Site) -> None:
    counts: Counter[str] = Counter()

    for seed in count(SEED):

        @hypothesis.seed(seed)
        @settings(max_examples=ROUND, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(pieces=streams())
        def judge(pieces: list[bytes]) -> None:
            judged, reason = compare(site, pieces)
            counts["streams"] += 1
            counts["requests"] += judged
            counts["requests taken"] += len(site.taken)
            if reason is not None:
                counts[reason] += 1

        try:
            judge()
        except BaseException:
            print(f"in the round of HTTP_SEED={seed}")
            raise
        if counts["requests"] >= REQUESTS:
            break

    print(f"HTTP_SEED={SEED} to {seed}")
    for what, number in counts.most_common():
        print(f"{number:9,} {STRICTER.get(what, what)}")
    for what, why in STRICTER.items():
        if what not in counts:
            print(f"        0 {why}")


def test_the_oracle_and_we_agree_on_a_plain_stream(site: Site) -> None:
    """So that the test above does not pass because nothing is ever taken."""
    data = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" * 2
    data += b"PUT /b HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n!"
    data += b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"

    expected = [(b"POST", b"/a", b"hi"), (b"POST", b"/a", b"hi"), (b"PUT", b"/b", b"!"), (b"POST", b"/c", b"hi")]
    assert ask_h11(data) == expected
    assert site.ask([data[:50], data[50:]]) == (expected, None)

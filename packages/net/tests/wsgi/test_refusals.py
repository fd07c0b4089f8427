"""What is refused: answered with an error, the connection closed, and what follows never looked at."""

from __future__ import annotations

from typing import Any

import pytest

from hublet.net.wsgi import Limits

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
HOST = b"Host: a\r\n"


def request(line: bytes = b"GET / HTTP/1.1", *fields: bytes, host: bytes = HOST, body: bytes = b"") -> bytes:
    return line + b"\r\n" + host + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def chunked(body: bytes) -> bytes:
    return request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", body=body)


HEADS = {
    "two differing Content-Length": request(b"POST / HTTP/1.1", b"Content-Length: 5", b"Content-Length: 6", body=b"hello"),
    "two equal Content-Length": request(b"POST / HTTP/1.1", b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "a list of Content-Length": request(b"POST / HTTP/1.1", b"Content-Length: 5, 5", body=b"hello"),
    "Content-Length with Transfer-Encoding": request(
        b"POST / HTTP/1.1", b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "Transfer-Encoding with Content-Length": request(
        b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"
    ),
    "Content-Length +5": request(b"POST / HTTP/1.1", b"Content-Length: +5", body=b"hello"),
    "Content-Length 0_5": request(b"POST / HTTP/1.1", b"Content-Length: 0_5", body=b"hello"),
    "Content-Length empty": request(b"POST / HTTP/1.1", b"Content-Length:", body=b""),
    "Content-Length blank": request(b"POST / HTTP/1.1", b"Content-Length:  ", body=b""),
    "Content-Length negative": request(b"POST / HTTP/1.1", b"Content-Length: -5", body=b"hello"),
    "Content-Length hexadecimal": request(b"POST / HTTP/1.1", b"Content-Length: 0x5", body=b"hello"),
    "Content-Length with a fraction": request(b"POST / HTTP/1.1", b"Content-Length: 5.0", body=b"hello"),
    "Content-Length of foreign digits": request(b"POST / HTTP/1.1", b"Content-Length: \xb2", body=b"he"),
    "Content-Length that overflows": request(b"POST / HTTP/1.1", b"Content-Length: 18446744073709551621", body=b"hello"),
    "an unknown transfer coding": request(b"POST / HTTP/1.1", b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "a transfer coding before chunked": request(b"POST / HTTP/1.1", b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked not last": request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "chunked twice in a field": request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "chunked in two fields": request(
        b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "chunked and another field": request(
        b"POST / HTTP/1.1", b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "an empty transfer coding": request(b"POST / HTTP/1.1", b"Transfer-Encoding:", body=b"0\r\n\r\n"),
    "chunked with a vertical tab": request(b"POST / HTTP/1.1", b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "chunked in HTTP/1.0": request(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "no Host": request(host=b""),
    "two Hosts": request(host=b"Host: a\r\nHost: b\r\n"),
    "two equal Hosts": request(host=b"Host: a\r\nHost: a\r\n"),
    "a Host with a space": request(host=b"Host: a b\r\n"),
    "a Host with a path": request(host=b"Host: a/b\r\n"),
    "a Host with a user": request(host=b"Host: b@a\r\n"),
    "two Hosts in HTTP/1.0": request(b"GET / HTTP/1.0", host=b"Host: a\r\nHost: b\r\n"),
    "NUL in a value": request(b"GET / HTTP/1.1", b"A: b\0c"),
    "NUL in a name": request(b"GET / HTTP/1.1", b"A\0: b"),
    "CR in a value": request(b"GET / HTTP/1.1", b"A: b\rc"),
    "CR before a value's end": request(b"GET / HTTP/1.1", b"A: b\r"),
    "LF in a value": request(b"GET / HTTP/1.1", b"A: b\nTransfer-Encoding: chunked"),
    "a line that ends with LF": b"GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
    "a request line that ends with LF": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a head that ends with LF LF": b"GET / HTTP/1.1\r\nHost: a\n\n",
    "nothing but LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "a control character": request(b"GET / HTTP/1.1", b"A: b\x01c"),
    "DEL": request(b"GET / HTTP/1.1", b"A: b\x7fc"),
    "a space before the colon": request(b"GET / HTTP/1.1", b"A : b"),
    "a tab before the colon": request(b"GET / HTTP/1.1", b"A\t: b"),
    "a space before Transfer-Encoding's colon": request(b"POST / HTTP/1.1", b"Transfer-Encoding : chunked"),
    "a space within a name": request(b"GET / HTTP/1.1", b"A B: c"),
    "an empty name": request(b"GET / HTTP/1.1", b": b"),
    "no colon": request(b"GET / HTTP/1.1", b"A"),
    "a name that is no token": request(b"GET / HTTP/1.1", b"A(: b"),
    "a name that is not ASCII": request(b"GET / HTTP/1.1", b"\xc4: b"),
    "folding with a space": request(b"GET / HTTP/1.1", b"A: b\r\n c"),
    "folding with a tab": request(b"GET / HTTP/1.1", b"A: b\r\n\tc"),
    "folding of the first line": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "a blank line that is not empty": b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n",
    "repeated Content-Type": request(b"POST / HTTP/1.1", b"Content-Type: a/b", b"Content-Type: c/d"),
    "repeated Authorization": request(b"GET / HTTP/1.1", b"Authorization: a", b"Authorization: b"),
    "a URI that is no path": request(b"GET foo HTTP/1.1"),
    "a URI with a space": request(b"GET /a b HTTP/1.1"),
    "a URI with a tab": request(b"GET /a\tb HTTP/1.1"),
    "a URI with two spaces before it": request(b"GET  / HTTP/1.1"),
    "a URI with a fragment": request(b"GET /a#b HTTP/1.1"),
    "a URI that is not ASCII": request(b"GET /\xc3\xa4 HTTP/1.1"),
    "a URI with a broken escape": request(b"GET /a%zz HTTP/1.1"),
    "a URI with a cut escape": request(b"GET /a%4 HTTP/1.1"),
    "a URI of another scheme": request(b"GET ftp://a/ HTTP/1.1"),
    "a URI without a host": request(b"GET http:///b HTTP/1.1"),
    "a URI with a user": request(b"GET http://u:p@a/b HTTP/1.1"),
    "an asterisk for GET": request(b"GET * HTTP/1.1"),
    "no URI": request(b"GET HTTP/1.1"),
    "no version": b"GET /\r\n\r\n",
    "a version in lower case": request(b"GET / http/1.1"),
    "a version of another protocol": request(b"GET / RTSP/1.0"),
    "a long version": request(b"GET / HTTP/1.10"),
    "something after the version": request(b"GET / HTTP/1.1 "),
    "a method that is no token": request(b"G(T / HTTP/1.1"),
    "an empty line first": b"\r\n" + request(),
    "two empty lines first": b"\r\n\r\n" + request(),
    "TLS": b"\x16\x03\x01\x00\x05hello\n",
}

OTHERS = {
    "a method nobody knows": (request(b"FOO / HTTP/1.1"), b"501"),
    "a method in lower case": (request(b"get / HTTP/1.1"), b"501"),
    "CONNECT": (request(b"CONNECT a:80 HTTP/1.1"), b"501"),
    "HTTP/2": (request(b"GET / HTTP/2.0"), b"505"),
    "HTTP/1.2": (request(b"GET / HTTP/1.2"), b"505"),
    "HTTP/0.9": (request(b"GET / HTTP/0.9"), b"505"),
    "an expectation nobody knows": (request(b"GET / HTTP/1.1", b"Expect: 200-ok"), b"417"),
}

CHUNKS = {
    "a size that overflows 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size of many zeros": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size with a plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "a size with a minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size with an underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "a size with a space before": b" 5\r\nhello\r\n0\r\n\r\n",
    "a size with a space after": b"5 \r\nhello\r\n0\r\n\r\n",
    "a size with a tab after": b"5\t\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "only an extension": b";a=b\r\nhello\r\n0\r\n\r\n",
    "a size that is no number": b"g\r\nhello\r\n0\r\n\r\n",
    "a size that ends with LF": b"5\nhello\r\n0\r\n\r\n",
    "a size that ends with CR": b"5\rhello\r\n0\r\n\r\n",
    "a size with CR CR LF": b"5\r\r\nhello\r\n0\r\n\r\n",
    "an extension with LF": b"5;a\nhello\r\n0\r\n\r\n",
    "an extension with NUL": b"5;\0\r\nhello\r\n0\r\n\r\n",
    "an extension that is endless": b"5;" + b"a" * 2000 + b"\r\nhello\r\n0\r\n\r\n",
    "data longer than its size": b"4\r\nhello\r\n0\r\n\r\n",
    "data shorter than its size": b"6\r\nhello\r\n0\r\n\r\n",
    "data that ends with LF": b"5\r\nhello\n0\r\n\r\n",
    "data that ends with CR": b"5\r\nhello\r0\r\n\r\n",
    "data that ends with nothing": b"5\r\nhello0\r\n\r\n",
    "a trailer with a space before the colon": b"5\r\nhello\r\n0\r\nA : b\r\n\r\n",
    "a trailer without a colon": b"5\r\nhello\r\n0\r\nA\r\n\r\n",
    "a folded trailer": b"5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
    "a trailer that ends with LF": b"5\r\nhello\r\n0\r\nA: b\n\r\n",
    "a trailer with NUL": b"5\r\nhello\r\n0\r\nA: \0\r\n\r\n",
}


def check(answer: bytes, status: bytes) -> None:
    assert answer.startswith(b"HTTP/1.1 " + status + b" "), answer[:200]
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1, "something else was answered"


@pytest.mark.parametrize("name", HEADS)
def test_a_malformed_head_is_400_and_the_end(site: Any, name: str) -> None:
    answer = site.exchange(HEADS[name] + SMUGGLED)

    check(answer, b"400")
    assert site.calls == []


@pytest.mark.parametrize("name", HEADS)
def test_a_malformed_head_is_400_however_it_arrives(site: Any, name: str) -> None:
    data = HEADS[name]

    answer = site.exchange(*(data[i : i + 7] for i in range(0, len(data), 7)))

    check(answer, b"400")
    assert site.calls == []


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_supported_is_an_error_and_the_end(site: Any, name: str) -> None:
    data, status = OTHERS[name]

    answer = site.exchange(data + SMUGGLED)

    check(answer, status)
    assert site.calls == []


@pytest.mark.parametrize("name", CHUNKS)
def test_a_malformed_chunk_is_400_and_the_end(echoing: Any, name: str) -> None:
    answer = echoing.exchange(chunked(CHUNKS[name]) + SMUGGLED)

    check(answer, b"400")
    assert "/smuggled" not in echoing.calls


@pytest.mark.parametrize("name", CHUNKS)
def test_behind_a_malformed_chunk_that_nobody_read_nothing_is_answered(site: Any, name: str) -> None:
    answer = site.exchange(chunked(CHUNKS[name]) + SMUGGLED)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert site.calls == ["/"]


def test_an_application_that_hides_a_malformed_chunk_does_not_keep_the_connection(serve: Any) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        for _ in range(3):
            try:
                environ["wsgi.input"].read(100)
            except OSError:
                pass
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"fine"]

    site = serve(application)

    answer = site.exchange(chunked(b"x\r\n\r\n0\r\n\r\n") + SMUGGLED)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert site.calls == ["/"]


def test_a_long_request_line_is_414(serve: Any) -> None:
    site = serve(limits=Limits(request_line=100, linger=0.2))

    check(site.exchange(request(b"GET /" + b"a" * 100 + b" HTTP/1.1") + SMUGGLED), b"414")
    check(site.exchange(b"GET /" + b"a" * 1000), b"414")
    assert site.exchange(request(b"GET /" + b"a" * 86 + b" HTTP/1.1", b"Connection: close")).startswith(b"HTTP/1.1 200 ")


def test_many_header_fields_are_431(serve: Any) -> None:
    site = serve(limits=Limits(header_count=10, linger=0.2))

    check(site.exchange(request(b"GET / HTTP/1.1", *[b"A: b"] * 10) + SMUGGLED), b"431")
    assert site.exchange(request(b"GET / HTTP/1.1", *[b"A: b"] * 8, b"Connection: close")).startswith(b"HTTP/1.1 200 ")


def test_a_large_header_is_431(serve: Any) -> None:
    site = serve(limits=Limits(header_bytes=1000, linger=0.2))

    check(site.exchange(request(b"GET / HTTP/1.1", b"A: " + b"b" * 1000) + SMUGGLED), b"431")
    check(site.exchange(b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000), b"431")
    assert site.exchange(request(b"GET / HTTP/1.1", b"A: " + b"b" * 900, b"Connection: close")).startswith(b"HTTP/1.1 200 ")


def test_a_body_longer_than_the_limit_is_413_before_the_application_is_called(serve: Any) -> None:
    site = serve(limits=Limits(body=4, linger=0.2))

    check(site.exchange(request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"hello") + SMUGGLED), b"413")
    assert site.calls == []


def test_chunks_beyond_the_limit_are_413(serve: Any, echo: Any) -> None:
    site = serve(echo, limits=Limits(body=4, linger=0.2))

    check(site.exchange(chunked(b"4\r\nfull\r\n1\r\n!\r\n0\r\n\r\n") + SMUGGLED), b"413")
    check(site.exchange(chunked(b"ffffffffffffffff\r\nfull") + SMUGGLED), b"413")


def test_many_trailer_fields_are_431(echoing: Any) -> None:
    check(echoing.exchange(chunked(b"0\r\n" + b"A: b\r\n" * 101 + b"\r\n") + SMUGGLED), b"431")
    check(echoing.exchange(chunked(b"0\r\nA: " + b"b" * 40_000 + b"\r\n\r\n") + SMUGGLED), b"431")


def test_a_refusal_is_logged(site: Any) -> None:
    site.exchange(request(b"GET /fine HTTP/1.1") + b'GET /"\\ HTTP/1.1 \r\n\r\n')
    site.server.log.flush()

    fine, refused = site.log.getvalue().splitlines()
    assert fine.endswith('] "GET /fine HTTP/1.1" 200 9')
    assert refused.startswith("127.0.0.1 - - [")
    assert refused.endswith('] "GET /\\x22\\x5c HTTP/1.1 " 400 39')

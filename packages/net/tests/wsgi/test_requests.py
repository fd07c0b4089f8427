"""What the application gets to see of a request, and how requests follow one another."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hublet.core import spawn
from hublet.core.testing import wait_all_parked
from hublet.net.wsgi import Limits


def get(path: bytes = b"/", *fields: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET " + path + b" HTTP/" + version + b"\r\nHost: a\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def post(body: bytes, *fields: bytes, path: bytes = b"/") -> bytes:
    fields = (*fields, b"Content-Length: %d" % len(body))
    return b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def chunked(*chunks: bytes, trailer: bytes = b"", fields: bytes = b"") -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + fields + b"\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"


@pytest.fixture
def environ_of(serve: Any) -> Any:
    """Send a request and return the environ that it makes."""
    seen: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    site = serve(application)

    def environ_of(request: bytes) -> dict[str, Any]:
        site.requests(request)
        return seen.pop()

    environ_of.site = site  # type: ignore[attr-defined]
    return environ_of


# Environs ------------------------------------------------------------------------------------------------------------


def test_the_environ_has_what_pep_3333_asks_for(environ_of: Any) -> None:
    environ = environ_of(post(b"hello", b"Content-Type: text/x", b"X-Y: z", path=b"/a%20b/c%C3%A4?d=e%20f"))

    server = environ_of.site.server
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["SCRIPT_NAME"] == ""
    assert environ["PATH_INFO"] == "/a b/c\xc3\xa4"
    assert environ["QUERY_STRING"] == "d=e%20f"
    assert environ["REQUEST_URI"] == environ["RAW_URI"] == "/a%20b/c%C3%A4?d=e%20f"
    assert environ["CONTENT_TYPE"] == "text/x"
    assert environ["CONTENT_LENGTH"] == "5"
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(server.server_port)
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["HTTP_HOST"] == "a"
    assert environ["HTTP_X_Y"] == "z"
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is environ["wsgi.run_once"] is False
    assert environ["wsgi.input_terminated"] is True
    assert type(environ) is dict


def test_header_names_with_an_underscore_are_dropped(environ_of: Any) -> None:
    environ = environ_of(get(b"/", b"X-User: checked", b"X_User: forged", b"Content_Length: 5"))

    assert environ["HTTP_X_USER"] == "checked"
    assert "CONTENT_LENGTH" not in environ


def test_values_of_one_name_are_joined(environ_of: Any) -> None:
    environ = environ_of(get(b"/", b"A: b", b"a:  c  ", b"Cookie: d=e", b"Cookie: f=g"))

    assert environ["HTTP_A"] == "b,c"
    assert environ["HTTP_COOKIE"] == "d=e; f=g"


def test_values_are_latin_1(environ_of: Any) -> None:
    assert environ_of(get(b"/", b"A: \xe4\xff"))["HTTP_A"] == "\xe4\xff"


def test_an_absolute_uri_names_the_host(environ_of: Any) -> None:
    environ = environ_of(get(b"http://b:81/c?d"))

    assert (environ["HTTP_HOST"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("b:81", "/c", "d")
    assert environ_of(get(b"http://b?d"))["PATH_INFO"] == "/"


def test_options_of_the_server_itself_has_no_path(environ_of: Any) -> None:
    environ = environ_of(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")

    assert (environ["PATH_INFO"], environ["REQUEST_URI"]) == ("", "*")


def test_http_1_0_needs_no_host(environ_of: Any) -> None:
    environ = environ_of(b"GET / HTTP/1.0\r\n\r\n")

    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert "HTTP_HOST" not in environ


def test_the_environ_argument_is_added(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["my.key"].encode()]

    site = serve(application, environ={"my.key": "value", "SERVER_NAME": "example"})

    assert site.requests(get())[0][2] == b"value"


def test_names_that_clients_invent_are_not_kept_for_ever(environ_of: Any) -> None:
    from hublet.net.wsgi import _head

    for i in range(12):
        environ_of(get(b"/", *(b"X-%d-%d: y" % (i, j) for j in range(90))))

    assert 0 < _head.count_kept_names() <= 512


# One after the other -------------------------------------------------------------------------------------------------


def test_a_connection_brings_many_requests(site: Any) -> None:
    with site.connect() as sock:
        for i in range(3):
            sock.sendall(get(b"/%d" % i))
            assert b"GET /%d" % i in sock.recv(1000)

    assert site.calls == ["/0", "/1", "/2"]


def test_pipelined_requests_are_answered_in_order(echoing: Any) -> None:
    answers = echoing.requests(post(b"one"), get(b"/"), chunked(b"t", b"wo"), post(b""), post(b"three"))

    assert [body for _, _, body in answers] == [b"one", b"", b"two", b"", b"three"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_it_does_not_matter_where_the_stream_is_cut(echoing: Any, size: int) -> None:
    data = post(b"one") + chunked(b"tw", b"o", trailer=b"A: b\r\n") + post(b"three", b"Connection: close")

    answer = echoing.exchange(*(data[i : i + size] for i in range(0, len(data), size)))

    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [b"one", b"two", b"three"]


def test_an_empty_line_after_a_body_is_no_request_and_ends_the_connection(site: Any) -> None:
    answers = site.exchange(get() + b"\r\n" + get())

    assert re.findall(rb"HTTP/1.1 \d+", answers) == [b"HTTP/1.1 200", b"HTTP/1.1 400"]


def test_the_connection_ends_when_the_client_asks_for_it(site: Any) -> None:
    answer = site.exchange(get(b"/", b"Connection: x, Close") + get())

    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"\r\nConnection: close\r\n" in answer


def test_http_1_0_ends_the_connection(site: Any) -> None:
    answer = site.exchange(get(version=b"1.0") + get())

    assert answer.count(b"HTTP/1.1 200") == 1


def test_http_1_0_keeps_the_connection_when_asked(site: Any) -> None:
    answers = site.requests(get(b"/", b"Connection: Keep-Alive", version=b"1.0"), get(b"/", b"Connection: close"))

    assert answers[0][1]["connection"] == "keep-alive"


def test_a_connection_ends_after_the_last_request_that_it_may_bring(serve: Any) -> None:
    site = serve(limits=Limits(requests=2, linger=0.2))

    answer = site.exchange(get() * 3)

    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.count(b"\r\nConnection: close\r\n") == 1


# Bodies --------------------------------------------------------------------------------------------------------------


def test_a_body_in_chunks_is_put_together(echoing: Any) -> None:
    body = chunked(b"a" * 70_000, b"b", b"c" * 10, fields=b"Content-Type: text/x\r\n")

    assert echoing.requests(body)[0][2] == b"a" * 70_000 + b"b" + b"c" * 10


def test_chunk_extensions_are_ignored(echoing: Any) -> None:
    request = b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n'

    assert echoing.requests(request)[0][2] == b"hello"


def test_trailers_do_not_reach_the_application(environ_of: Any) -> None:
    environ = environ_of(chunked(b"hello", trailer=b"X-User: forged\r\nContent-Length: 5\r\n"))

    assert "HTTP_X_USER" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_an_unread_body_is_skipped(site: Any) -> None:
    answers = site.requests(post(b"GET /smuggled HTTP/1.1\r\n\r\n"), chunked(b"x" * 1000), get(b"/last"))

    assert [status for status, _, _ in answers] == [200, 200, 200]
    assert site.calls == ["/", "/", "/last"]


def test_a_long_unread_body_ends_the_connection(serve: Any) -> None:
    site = serve(limits=Limits(discard=100, linger=0.2))

    assert site.exchange(post(b"x" * 101) + get(b"/last")).count(b"HTTP/1.1 ") == 1
    assert site.exchange(chunked(b"x" * 101) + get(b"/last")).count(b"HTTP/1.1 ") == 1
    assert site.exchange(post(b"x" * 100) + get(b"/last", b"Connection: close")).count(b"HTTP/1.1 ") == 2


def reading(how: Any) -> Any:
    """Return an application that answers with the repr of what *how* returns for the input."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = repr(how(environ["wsgi.input"])).encode()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]

    return application


BODY = b"one\ntwo\n\nthree"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (lambda stream: stream.read(), BODY),
        (lambda stream: stream.read(None), BODY),
        (lambda stream: (stream.read(0), stream.read(5), stream.read(100), stream.read(1)), (b"", BODY[:5], BODY[5:], b"")),
        (lambda stream: list(stream), [b"one\n", b"two\n", b"\n", b"three"]),
        (lambda stream: stream.readlines(), [b"one\n", b"two\n", b"\n", b"three"]),
        (lambda stream: (stream.readlines(5), stream.read()), ([b"one\n", b"two\n"], b"\nthree")),
        (lambda stream: [stream.readline() for _ in range(6)], [b"one\n", b"two\n", b"\n", b"three", b"", b""]),
        (lambda stream: [stream.readline(2) for _ in range(5)], [b"on", b"e\n", b"tw", b"o\n", b"\n"]),
        (lambda stream: (stream.readline(4), stream.readline(100), stream.readline(0)), (b"one\n", b"two\n", b"")),
        (lambda stream: (stream.read(2), stream.readline(), stream.read(2), stream.readline()), (b"on", b"e\n", b"tw", b"o\n")),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 100])
def test_the_input_is_read_as_a_file_is(serve: Any, how: Any, expected: Any, step: int) -> None:
    site = serve(reading(how), validated=False)
    chunks = chunked(*(BODY[i : i + step] for i in range(0, len(BODY), step)))

    assert eval(site.requests(post(BODY))[0][2]) == expected
    assert eval(site.requests(chunks)[0][2]) == expected


def test_the_input_of_a_request_without_a_body_is_empty(serve: Any) -> None:
    site = serve(reading(lambda stream: (stream.read(), stream.readline(), list(stream))), validated=False)

    assert eval(site.requests(get())[0][2]) == (b"", b"", [])


def test_a_client_that_goes_away_in_a_body_is_told_to_the_application_and_not_to_the_log(serve: Any) -> None:
    from hublet.net.wsgi import ClientDisconnected

    seen = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read(100)
        except ClientDisconnected as error:
            seen.append(error)
            raise
        return []

    site = serve(application)
    with site.connect() as sock:
        sock.sendall(post(b"hello")[:-1])
        wait_all_parked()
    wait_all_parked()

    assert len(seen) == 1
    assert len(site.server._serving) == 0


# Expect: 100-continue ------------------------------------------------------------------------------------------------


WAITING = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"


def test_a_client_that_waits_is_told_to_continue_once_when_the_body_is_read(serve: Any) -> None:
    site = serve(reading(lambda stream: [stream.read(1) for _ in range(6)]), validated=False)

    with site.connect() as sock:
        sock.sendall(WAITING)
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello" + get(b"/", b"Connection: close"))
        answer = b""
        while piece := sock.recv(1000):
            answer += piece

    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"100 Continue" not in answer


def test_a_client_that_waits_for_nothing_is_not_kept(site: Any) -> None:
    with site.connect() as sock:
        sock.sendall(WAITING)
        answer = sock.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer
        sock.sendall(b"hello" + get())
        assert sock.recv(1000) == b""

    assert len(site.calls) == 1


def test_an_http_1_0_client_is_not_told_to_continue(echoing: Any) -> None:
    answer = echoing.exchange(WAITING.replace(b"HTTP/1.1", b"HTTP/1.0") + b"hello")

    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_nobody_is_told_to_continue_once_the_response_has_begun(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"begun"
        yield environ["wsgi.input"].read(5)

    site = serve(application)

    with site.connect() as sock:
        sock.sendall(WAITING)
        sender = spawn(sock.sendall, b"hello")
        answer = b""
        while piece := sock.recv(1000):
            answer += piece
        sender.join()

    assert b"100 Continue" not in answer
    assert answer.endswith(b"5\r\nbegun\r\n5\r\nhello\r\n0\r\n\r\n")

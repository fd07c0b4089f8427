"""How what the application returns is sent, and what becomes of its mistakes."""

from __future__ import annotations

import re
import sys
import time
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from hublet.core import Timeout, idle, sleep
from hublet.net.wsgi import _clock

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GET_10 = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
TEXT = ("Content-Type", "text/plain")


def returning(result: Any, status: str = "200 OK", *headers: tuple[str, str]) -> Any:
    """Return an application that answers so, except for the path /last."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/last":
            start_response("200 OK", [TEXT, ("Content-Length", "4")])
            return [b"last"]
        start_response(status, [*headers])
        return result() if callable(result) else result

    return application


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


# What is sent --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", [[b"hello"], (b"hello",), [b"he", b"", b"llo"], [bytearray(b"hello")], {b"hello"}])
def test_what_has_a_known_length_is_sent_with_it(serve: Any, result: Any) -> None:
    site = serve(returning(result), validated=False)

    (status, headers, body), _ = site.requests(GET, LAST)

    assert (status, body) == (200, b"hello")
    assert headers["content-length"] == "5"
    assert "transfer-encoding" not in headers


def test_a_response_is_dated_unless_the_application_has_done_so(serve: Any) -> None:
    site = serve(returning([b""]), validated=False)
    dated = serve(returning([b""], "200 OK", ("Date", "yesterday")), validated=False)

    date = parsedate_to_datetime(site.requests(GET)[0][1]["date"]).timestamp()

    assert abs(date - time.time()) < 3
    assert dated.requests(GET)[0][1]["date"] == "yesterday"


def test_the_date_is_worked_out_once_a_second() -> None:
    dates = [_clock.date_header() for _ in range(1000)]

    began = parsedate_to_datetime(dates[0].decode().partition(": ")[2])
    ended = parsedate_to_datetime(dates[-1].decode().partition(": ")[2])
    assert len({id(date) for date in dates}) <= (ended - began).seconds + 1


def test_an_iterator_is_sent_in_chunks_to_the_rest(serve: Any) -> None:
    site = serve(returning(lambda: iter([b"", b"he", b"", b"llo"])), validated=False)

    (_, headers, body), last = site.requests(GET, LAST)

    assert body == b"hello"
    assert headers["transfer-encoding"] == "chunked"
    assert last[2] == b"last"


def test_an_iterator_is_ended_with_the_connection_for_http_1_0(serve: Any) -> None:
    site = serve(returning(lambda: iter([b"he", b"llo"])), validated=False)

    answer = site.exchange(GET_10 + LAST)

    assert body_of(answer) == b"hello"
    assert b"\r\nConnection: close\r\n" in answer
    assert b"chunked" not in answer


def test_an_iterator_with_a_length_of_its_own_is_sent_as_it_is(serve: Any) -> None:
    site = serve(returning(lambda: iter([b"he", b"llo"]), "200 OK", ("Content-Length", "5")), validated=False)

    (_, headers, body), last = site.requests(GET, LAST)

    assert (headers["content-length"], body, last[2]) == ("5", b"hello", b"last")


def test_each_piece_is_sent_before_the_next_is_asked_for(serve: Any) -> None:
    received = []

    def pieces() -> Any:
        yield b"one"
        received.append(sock.recv(1000)[-8:])
        yield b"two"
        received.append(sock.recv(1000)[-8:])

    site = serve(returning(pieces), validated=False)
    with site.connect() as sock:
        sock.sendall(GET)
        while len(received) < 2:
            idle()

        assert received == [b"3\r\none\r\n", b"3\r\ntwo\r\n"]
        assert sock.recv(1000) == b"0\r\n\r\n"


def test_a_large_list_is_sent_whole(serve: Any) -> None:
    pieces = [bytes([i]) * 100_000 for i in range(30)]
    site = serve(returning(pieces), validated=False)

    (_, headers, body), last = site.requests(GET, LAST)

    assert body == b"".join(pieces)
    assert headers["content-length"] == "3000000"
    assert last[2] == b"last"


def test_large_chunks_are_sent_whole(serve: Any) -> None:
    pieces = [bytes([i]) * 300_000 for i in range(10)]
    site = serve(returning(lambda: iter(pieces)), validated=False)

    (_, headers, body), last = site.requests(GET, LAST)

    assert body == b"".join(pieces)
    assert last[2] == b"last"


def test_write_sends_pieces_before_those_that_are_returned(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [TEXT])
        write(b"one ")
        write(b"")
        write(b"two ")
        return [b"three"]

    site = serve(application)

    assert [body for _, _, body in site.requests(GET, GET)] == [b"one two three"] * 2


@pytest.mark.parametrize("result", [[b"hello"], (b"hel", b"lo")])
def test_head_is_answered_with_the_length_and_no_body(serve: Any, result: Any) -> None:
    site = serve(returning(result), validated=False)

    (_, headers, body), last = site.requests(HEAD, LAST)

    assert (headers["content-length"], body, last[2]) == ("5", b"", b"last")


def test_head_of_something_of_unknown_length_has_no_body_either(serve: Any) -> None:
    site = serve(returning(lambda: iter([b"he", b"llo"])), validated=False)
    silent = serve(returning([], "200 OK", ("Content-Length", "5")), validated=False)

    (_, headers, body), last = site.requests(HEAD, LAST)
    assert (body, last[2]) == (b"", b"last")
    assert "content-length" not in headers

    (_, headers, body), last = silent.requests(HEAD, LAST)
    assert (headers["content-length"], body, last[2]) == ("5", b"", b"last")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("result", [[], [b""], lambda: iter(())])
def test_some_responses_have_no_body(serve: Any, status: str, result: Any) -> None:
    site = serve(returning(result, status), validated=False)

    answer = site.exchange(GET + LAST)

    first, _, rest = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 " + status.encode())
    assert b"Content-Length" not in first and b"Transfer-Encoding" not in first
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_304_may_tell_the_length_of_what_it_does_not_send(serve: Any) -> None:
    site = serve(returning([], "304 Not Modified", ("Content-Length", "5")), validated=False)

    answer = site.exchange(GET + LAST)

    assert b"Content-Length: 5\r\n\r\nHTTP/1.1 200 OK" in answer


def test_the_application_may_end_the_connection(serve: Any) -> None:
    site = serve(returning([b""], "200 OK", ("Connection", "close"), ("Keep-Alive", "x")), validated=False)

    answer = site.exchange(GET + LAST)

    assert answer.count(b"HTTP/1.1") == answer.count(b"Connection: close") == 1
    assert b"Keep-Alive" not in answer


def test_the_result_is_closed_whatever_happens(serve: Any) -> None:
    closed = []

    class Result:
        def __init__(self, pieces: Any) -> None:
            self.pieces = pieces

        def __iter__(self) -> Any:
            yield from self.pieces()

        def close(self) -> None:
            closed.append(self)

    def fail() -> Any:
        yield b"begun"
        raise RuntimeError("the application fails")

    fine = serve(returning(lambda: Result(lambda: [b"hello"])), validated=False)
    failing = serve(returning(lambda: Result(fail)), validated=False)

    fine.requests(GET)
    failing.exchange(GET)

    assert len(closed) == 2
    assert "the application fails" in failing.errors()


# Files ---------------------------------------------------------------------------------------------------------------


def wrapping(make: Any, *headers: tuple[str, str]) -> Any:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/last":
            start_response("200 OK", [TEXT, ("Content-Length", "4")])
            return [b"last"]
        start_response("200 OK", [TEXT, *headers])
        return environ["wsgi.file_wrapper"](make(), 1000)

    return application


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)
    return path


@pytest.mark.parametrize("offset", [0, 1000])
def test_a_file_is_sent_by_sendfile_from_where_it_stands(
    serve: Any, path: Path, offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []

    def make() -> Any:
        file = path.open("rb")
        file.seek(offset)
        files.append(file)
        monkeypatch.setattr("hublet.net.wsgi.FileWrapper.__next__", None)  # not to be read by Python
        return file

    site = serve(wrapping(make), validated=False)

    (_, headers, body), last = site.requests(GET, LAST)

    assert body == path.read_bytes()[offset:]
    assert headers["content-length"] == str(len(body))
    assert last[2] == b"last"
    assert files[0].closed


def test_no_more_of_a_file_is_sent_than_was_announced(serve: Any, path: Path) -> None:
    site = serve(wrapping(lambda: path.open("rb"), ("Content-Length", "1000")), validated=False)

    (_, headers, body), last = site.requests(GET, LAST)

    assert (body, last[2]) == (path.read_bytes()[:1000], b"last")


def test_head_of_a_file_has_its_length(serve: Any, path: Path) -> None:
    site = serve(wrapping(lambda: path.open("rb")), validated=False)

    (_, headers, body), last = site.requests(HEAD, LAST)

    assert (headers["content-length"], body, last[2]) == ("1024000", b"", b"last")


def test_what_is_no_file_on_disk_is_read(serve: Any) -> None:
    site = serve(wrapping(lambda: BytesIO(b"hello" * 1000)), validated=False)

    assert [body for _, _, body in site.requests(GET, LAST)] == [b"hello" * 1000, b"last"]


def test_a_file_shorter_than_announced_is_an_error(serve: Any, path: Path) -> None:
    site = serve(wrapping(lambda: path.open("rb"), ("Content-Length", "2000000")), validated=False)

    answer = site.exchange(GET + LAST)

    assert answer.startswith(b"HTTP/1.1 500 ") and answer.count(b"HTTP/1.1 ") == 1
    assert "Content-Length is 2000000" in site.errors()


# Mistakes ------------------------------------------------------------------------------------------------------------


def calling(*calls: Any, result: Any = (b"",)) -> Any:
    """Return an application that calls start_response with each of *calls*."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/last":
            start_response("200 OK", [TEXT, ("Content-Length", "4")])
            return [b"last"]
        for call in calls:
            start_response(*call)
        return result

    return application


MISTAKES = {
    "LF in a value": (calling(("200 OK", [("A", "b\nSet-Cookie: c")])), "ValueError"),
    "CR LF in a value": (calling(("200 OK", [("A", "b\r\n\r\nHTTP/1.1 200 OK")])), "ValueError"),
    "CR in a value": (calling(("200 OK", [("A", "b\rc")])), "ValueError"),
    "NUL in a value": (calling(("200 OK", [("A", "b\0c")])), "ValueError"),
    "CR LF in a name": (calling(("200 OK", [("A\r\nB", "c")])), "ValueError"),
    "a space in a name": (calling(("200 OK", [("A B", "c")])), "ValueError"),
    "a colon in a name": (calling(("200 OK", [("A:", "c")])), "ValueError"),
    "an empty name": (calling(("200 OK", [("", "c")])), "ValueError"),
    "CR LF in the status": (calling(("200 OK\r\nA: b", [])), "ValueError"),
    "a status of two digits": (calling(("20 OK", [])), "ValueError"),
    "a status without a phrase": (calling(("200", [])), "ValueError"),
    "a status that is a number": (calling((200, [])), "TypeError"),
    "an interim status": (calling(("100 Continue", [])), "ApplicationError"),
    "a name of bytes": (calling(("200 OK", [(b"A", "b")])), "TypeError"),
    "a value of bytes": (calling(("200 OK", [("A", b"b")])), "TypeError"),
    "a value that is a number": (calling(("200 OK", [("A", 1)])), "TypeError"),
    "a value beyond latin-1": (calling(("200 OK", [("A", "\u20ac")])), "UnicodeEncodeError"),
    "headers that are a dict": (calling(("200 OK", {"A": "b"})), "TypeError"),
    "headers that are no pairs": (calling(("200 OK", ["ABC"])), "ValueError"),
    "start_response twice": (calling(("200 OK", []), ("200 OK", [])), "ApplicationError"),
    "no start_response": (calling(), "ApplicationError"),
    "Transfer-Encoding": (calling(("200 OK", [("Transfer-Encoding", "chunked")])), "ApplicationError"),
    "two Content-Lengths": (calling(("200 OK", [("Content-Length", "0"), ("content-length", "0")])), "ApplicationError"),
    "Content-Length +5": (calling(("200 OK", [("Content-Length", "+5")]), result=[b"hello"]), "ValueError"),
    "a list longer than announced": (calling(("200 OK", [("Content-Length", "4")]), result=[b"hello"]), "ApplicationError"),
    "a list shorter than announced": (calling(("200 OK", [("Content-Length", "6")]), result=[b"hello"]), "ApplicationError"),
    "a body on a 304": (calling(("304 Not Modified", []), result=[b"hello"]), "ApplicationError"),
    "a body on a 204": (calling(("204 No Content", []), result=[b"hello"]), "ApplicationError"),
    "a body of str": (calling(("200 OK", []), result=["hello"]), "TypeError"),
    "a result of str": (calling(("200 OK", []), result="hello"), "TypeError"),
    "a result of None": (calling(("200 OK", []), result=None), "TypeError"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_logged_and_answered_with_500(serve: Any, name: str) -> None:
    application, error = MISTAKES[name]
    site = serve(application, validated=False)

    answer = site.exchange(GET + LAST)

    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    text = site.errors()
    assert '"GET / HTTP/1.1" from (' in text and error in text


def test_an_exception_is_logged_with_its_traceback_and_not_shown(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        raise KeyError("secret")

    site = serve(application)

    answer = site.exchange(GET)

    assert answer.startswith(b"HTTP/1.1 500 ") and b"secret" not in answer
    assert re.search(r"Traceback.*in application\n.*KeyError: 'secret'", site.errors(), re.DOTALL)


def test_a_timeout_that_the_application_lets_through_is_an_error_as_others(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        with Timeout(0.001):
            sleep(10)

    site = serve(application)

    assert site.exchange(GET).startswith(b"HTTP/1.1 500 ")
    assert "Timeout: 0.001 seconds" in site.errors()


def test_start_response_with_exc_info_replaces_what_is_not_sent(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("X-First", "1"), TEXT])
        try:
            raise RuntimeError
        except RuntimeError:
            start_response("503 Service Unavailable", [TEXT], sys.exc_info())
        return [b"sorry"]

    site = serve(application)

    status, headers, body = site.requests(GET)[0]

    assert (status, body) == (503, b"sorry")
    assert "x-first" not in headers


def test_start_response_with_exc_info_raises_it_once_the_head_is_sent(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [TEXT])(b"begun")
        try:
            raise RuntimeError("too late")
        except RuntimeError:
            start_response("503 Service Unavailable", [TEXT], sys.exc_info())
        return [b"never"]

    site = serve(application)

    answer = site.exchange(GET + LAST)

    assert body_of(answer) == b"5\r\nbegun\r\n"
    assert "too late" in site.errors()


@pytest.mark.parametrize(
    ("headers", "sent"), [([], b"5\r\nbegun\r\n"), ([("Content-Length", "10")], b"begun")], ids=["chunked", "announced"]
)
def test_an_error_after_the_first_piece_ends_the_connection_without_an_end(serve: Any, headers: Any, sent: bytes) -> None:
    def fail() -> Any:
        yield b"begun"
        raise RuntimeError("the application fails")

    site = serve(returning(fail, "200 OK", *headers), validated=False)

    answer = site.exchange(GET + LAST)

    assert body_of(answer) == sent
    assert "the application fails" in site.errors()


def test_a_body_longer_than_announced_is_cut_and_logged(serve: Any) -> None:
    site = serve(returning(lambda: iter([b"he", b"llo!"]), "200 OK", ("Content-Length", "5")), validated=False)

    answer = site.exchange(GET + LAST)

    assert body_of(answer) == b"he"
    assert "Content-Length is 5, but the body has at least 6 bytes" in site.errors()


def test_a_body_shorter_than_announced_ends_the_connection_and_is_logged(serve: Any) -> None:
    site = serve(returning(lambda: iter([b"he", b"ll"]), "200 OK", ("Content-Length", "5")), validated=False)

    answer = site.exchange(GET + LAST)

    assert body_of(answer) == b"hell"
    assert "Content-Length is 5, but the body has 4 bytes" in site.errors()


def test_what_is_kept_of_a_response_cannot_write_into_the_next(serve: Any) -> None:
    kept = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        for start, write in kept:
            with pytest.raises(Exception, match="after the response had ended"):
                write(b"stray")
            with pytest.raises(Exception, match="after the response had ended"):
                start("200 OK", [])
        kept.append((start_response, start_response("200 OK", [TEXT])))
        return [b"fine"]

    site = serve(application, validated=False)

    assert [body for _, _, body in site.requests(GET, GET)] == [b"fine", b"fine"]

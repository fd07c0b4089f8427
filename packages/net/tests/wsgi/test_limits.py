"""Clients that are too slow, and what the limits may be.  Time is faked: it passes when nothing else can happen."""

from __future__ import annotations

from typing import Any

import pytest

from hublet.core import sleep, spawn
from hublet.net.wsgi import Limits

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def receive_all(sock: Any) -> bytes:
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def drip(sock: Any, data: bytes, pause: float) -> None:
    """Send *data* byte by byte, as attackers do, until it is not taken any more."""
    try:
        for i in range(len(data)):
            sock.sendall(data[i : i + 1])
            sleep(pause)
    except OSError:
        pass


def test_a_client_that_says_nothing_is_cut_off(clock: Any, serve: Any) -> None:
    site = serve(limits=Limits(header_timeout=5.0))
    began = clock.now()

    with site.connect(None) as sock:
        assert receive_all(sock) == b""

    assert clock.now() - began == pytest.approx(5.0)


def test_a_head_that_drips_in_is_cut_off_with_408(clock: Any, serve: Any) -> None:
    site = serve(limits=Limits(header_timeout=5.0))
    began = clock.now()

    with site.connect(None) as sock:
        dripping = spawn(drip, sock, GET, 1.0)
        answer = receive_all(sock)
        assert clock.now() - began == pytest.approx(5.0, abs=1.0)
    dripping.join()

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_the_second_head_has_its_own_time(clock: Any, serve: Any) -> None:
    site = serve(limits=Limits(header_timeout=5.0, idle_timeout=50.0))

    with site.connect(None) as sock:
        sock.sendall(GET)
        assert b"200 OK" in sock.recv(1000)
        sleep(40.0)
        dripping = spawn(drip, sock, GET, 1.0)
        began = clock.now()
        answer = receive_all(sock)
        assert clock.now() - began == pytest.approx(5.0, abs=1.0)
    dripping.join()

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_ended_without_a_word(clock: Any, serve: Any) -> None:
    site = serve(limits=Limits(idle_timeout=7.0))

    with site.connect(None) as sock:
        sock.sendall(GET)
        assert b"200 OK" in sock.recv(1000)
        began = clock.now()
        assert receive_all(sock) == b""

    assert clock.now() - began == pytest.approx(7.0)


def body(length: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length


def test_a_body_that_does_not_come_is_cut_off_with_408(clock: Any, serve: Any, echo: Any) -> None:
    site = serve(echo, limits=Limits(body_timeout=5.0))

    with site.connect(None) as sock:
        sock.sendall(body(10) + b"hello")
        began = clock.now()
        answer = receive_all(sock)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert clock.now() - began == pytest.approx(5.0, abs=0.1)


def test_a_body_that_drips_in_is_cut_off_with_408(clock: Any, serve: Any, echo: Any) -> None:
    site = serve(echo, limits=Limits(body_timeout=5.0, min_rate=10))
    began = clock.now()

    with site.connect(None) as sock:
        sock.sendall(body(1000))
        dripping = spawn(drip, sock, b"x" * 1000, 1.0)
        answer = receive_all(sock)
        # One second's worth for each ten bytes that have come.
        assert clock.now() - began == pytest.approx(5.5, abs=1.5)
    dripping.join()

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_is_slow_but_steady_is_served(clock: Any, serve: Any, echo: Any) -> None:
    site = serve(echo, limits=Limits(body_timeout=5.0, min_rate=10))

    with site.connect(None) as sock:
        sock.sendall(body(1000))
        for _ in range(50):
            sleep(1.0)
            sock.sendall(b"x" * 20)
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_the_time_that_the_application_takes_is_not_the_client_s(clock: Any, serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        read = 0
        while piece := environ["wsgi.input"].read(1):
            sleep(10.0)
            read += len(piece)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"%d" % read]

    site = serve(application, limits=Limits(body_timeout=5.0, min_rate=10))

    with site.connect(None) as sock:
        sock.sendall(body(20) + b"x" * 20)
        assert b"20" in sock.recv(1000)


def streaming(count: int, size: int, ends: list[Any]) -> Any:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])

        def pieces() -> Any:
            try:
                for _ in range(count):
                    yield b"x" * size
            except BaseException as error:
                ends.append(error)
                raise
            ends.append(None)

        return pieces()

    return application


def test_a_client_that_does_not_read_is_cut_off(clock: Any, serve: Any) -> None:
    ends: list[Any] = []
    site = serve(streaming(1000, 1_000_000, ends), limits=Limits(write_timeout=5.0, min_rate=None), validated=False)

    with site.connect(None) as sock:
        sock.sendall(GET)
        began = clock.now()
        while not ends:
            sleep(1.0)
        assert clock.now() - began == pytest.approx(5.0, abs=1.1)

    assert isinstance(ends[0], GeneratorExit)
    assert site.server._serving == {}


def test_a_client_that_reads_a_little_now_and_then_is_cut_off(clock: Any, serve: Any) -> None:
    ends: list[Any] = []
    limits = Limits(write_timeout=5.0, min_rate=10_000_000)
    site = serve(streaming(100_000, 100_000, ends), limits=limits, validated=False)

    with site.connect(None) as sock:
        sock.sendall(GET)
        began = clock.now()
        while not ends:
            sleep(2.0)
            sock.recv(1_000_000)
        assert clock.now() - began < 100.0

    assert isinstance(ends[0], GeneratorExit)


def test_a_client_that_reads_slowly_but_steadily_is_served(clock: Any, serve: Any) -> None:
    ends: list[Any] = []
    site = serve(streaming(100, 100_000, ends), limits=Limits(write_timeout=30.0, min_rate=1000), validated=False)

    received = 0
    with site.connect(None) as sock:
        sock.sendall(GET)
        while received < 10_000_000:
            sleep(1.0)
            piece = sock.recv(1_000_000)
            assert piece, "cut off"
            received += len(piece)

    assert ends == [None]


def test_no_more_connections_are_served_at_once_than_allowed(clock: Any, serve: Any) -> None:
    site = serve(limits=Limits(connections=2))

    with site.connect(None) as one, site.connect(None) as two, site.connect(None) as three:
        for sock in (one, two, three):
            sock.sendall(GET)
        assert b"200 OK" in one.recv(1000)
        assert b"200 OK" in two.recv(1000)
        sleep(1.0)
        assert len(site.server._serving) == 2
        one.close()
        assert b"200 OK" in three.recv(1000)


def test_lingering_ends_when_its_time_is_over(clock: Any, serve: Any) -> None:
    site = serve(limits=Limits(linger=3.0))

    with site.connect(None) as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        dripping = spawn(drip, sock, b"x" * 1000, 0.5)
        assert receive_all(sock).startswith(b"HTTP/1.1 400 ")
        began = clock.now()
        while site.server._serving:
            sleep(0.1)
        assert clock.now() - began == pytest.approx(3.0, abs=0.6)
    dripping.kill()


@pytest.mark.parametrize("name", ["request_line", "header_count", "body", "header_timeout", "min_rate", "connections"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_would_let_nothing_through_is_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"Limits.{name} must be greater than 0"):
        Limits(**{name: value})


@pytest.mark.parametrize("value", ["5", None, True, 1.5])
def test_a_limit_of_the_wrong_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="Limits.request_line must be int"):
        Limits(request_line=value)


def test_not_to_discard_and_not_to_linger_is_allowed(serve: Any) -> None:
    site = serve(limits=Limits(discard=0, linger=0))

    assert site.exchange(body(5) + b"hello" + GET).count(b"HTTP/1.1 ") == 1

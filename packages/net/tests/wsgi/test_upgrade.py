"""Connections that are handed over, and WebSockets by `simple-websocket`, unpatched."""

from __future__ import annotations

import copy
import selectors
from typing import Any

import pytest

from hublet.core import idle, spawn
from hublet.core.lowlevel import ParkingLot, call_in_thread, deadline_in, wait_readable

UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def shouting(environ: dict[str, Any], start_response: Any) -> Any:
    """Speak a protocol of its own once the client has asked for it."""
    if "hublet_net.upgrade" not in environ:
        start_response("426 Upgrade Required", [("Upgrade", "shout"), ("Connection", "Upgrade")])
        return [b"shout, please"]
    sock = environ["hublet_net.upgrade"]()
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
    while data := sock.recv(100):
        sock.sendall(data.upper())
    return []


def test_a_connection_is_handed_over(serve: Any) -> None:
    site = serve(shouting, validated=False)

    with site.connect() as sock:
        sock.sendall(UPGRADE)
        assert sock.recv(1000).startswith(b"HTTP/1.1 101 ")
        sock.sendall(b"hello")
        assert sock.recv(1000) == b"HELLO"
        sock.sendall(GET)
        assert sock.recv(1000) == GET.upper()
        sock.shutdown(1)
        assert sock.recv(1000) == b""


def test_an_upgrade_that_nobody_takes_is_an_ordinary_request(serve: Any, site: Any) -> None:
    answers = site.requests(UPGRADE, GET)

    assert [status for status, _, _ in answers] == [200, 200]


def test_to_copy_and_to_print_an_environ_takes_nothing_over(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        repr(environ), copy.copy(environ["werkzeug.socket"]), callable(environ["werkzeug.socket"])
        assert not hasattr(environ["werkzeug.socket"], "__html__")
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]

    assert serve(application).requests(UPGRADE)[0][::2] == (200, b"ok")


def test_the_first_use_of_the_socket_takes_the_connection_over(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        environ["werkzeug.socket"].sendall(b"mine")
        raise ConnectionError  # as Flask-Sock does, so that no response follows

    assert serve(application).exchange(UPGRADE) == b"mine"


@pytest.mark.parametrize(
    "request_",
    [
        GET,
        UPGRADE.replace(b"Upgrade: shout\r\n", b""),
        UPGRADE.replace(b"Connection: Upgrade\r\n", b""),
        UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"),
        UPGRADE.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\nx"),
        UPGRADE + b"early",
    ],
    ids=["no upgrade", "no Upgrade", "no Connection", "HTTP/1.0", "a body", "early data"],
)
def test_nothing_is_handed_over_unless_it_is_safe(serve: Any, request_: bytes) -> None:
    site = serve(shouting, validated=False)

    status, headers, _ = site.requests(request_)[0]

    assert status == 426
    assert headers["upgrade"] == "shout"


def test_what_was_handed_over_is_closed_with_the_application_and_its_errors_are_logged(serve: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        environ["hublet_net.upgrade"]().sendall(b"mine")
        raise ValueError("on purpose")

    site = serve(application)

    assert site.exchange(UPGRADE + b"") == b"mine"
    assert "on purpose" in site.errors()


def test_a_connection_is_not_handed_over_once_the_response_has_begun(serve: Any) -> None:
    kept = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        kept.append(environ["hublet_net.upgrade"])
        start_response("200 OK", [("Content-Type", "text/plain")])(b"begun")
        with pytest.raises(RuntimeError, match="cannot be taken over"):
            environ["hublet_net.upgrade"]()
        return []

    site = serve(application)
    site.requests(UPGRADE)

    with pytest.raises(RuntimeError, match="cannot be taken over"):
        kept[0]()


class GreenThread:
    """As much of `threading.Thread` as simple-websocket uses."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.name = "thread"

    def start(self) -> None:
        spawn(self.target)


class GreenEvent:
    """As much of `threading.Event` as simple-websocket uses."""

    def __init__(self) -> None:
        self.flag = False
        self.lot = ParkingLot()

    def set(self) -> None:
        self.flag = True
        self.lot.unpark_all()

    def clear(self) -> None:
        self.flag = False

    def wait(self, timeout: float | None = None) -> bool:
        return self.flag or self.lot.park(deadline_in(timeout))


class GreenSelector(selectors.SelectSelector):
    """Waits for one descriptor without blocking the others."""

    def select(self, timeout: float | None = None) -> Any:
        (key,) = self.get_map().values()
        return [(key, selectors.EVENT_READ)] if wait_readable(key.fd, deadline_in(timeout)) else []


GREEN = {"thread_class": GreenThread, "event_class": GreenEvent, "selector_class": GreenSelector}


def test_simple_websocket_serves_websockets(serve: Any) -> None:
    from simple_websocket import Client, ConnectionClosed, Server

    ended = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        websocket = Server.accept(environ, ping_interval=5, **GREEN)
        try:
            while True:
                websocket.send(websocket.receive().upper())
        except ConnectionClosed as error:
            ended.append(error.message)
        return []

    site = serve(application, validated=False)
    url = "ws://{}:{}/chat".format(*site.server.address)

    def talk() -> list[str]:
        client = Client.connect(url)
        client.send("hello")
        answers = [client.receive(timeout=5)]
        client.send("x" * 100_000)
        answers.append(client.receive(timeout=5))
        client.close(message="bye")
        return answers

    # In a native thread: the client blocks.
    assert call_in_thread(talk) == ["HELLO", "X" * 100_000]
    while site.server._serving:
        idle()

    assert ended == ["bye"]
    site.server.log.flush()
    assert '"GET /chat HTTP/1.1" 101' in site.log.getvalue()


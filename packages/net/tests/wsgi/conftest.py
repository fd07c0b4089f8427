"""What the tests of the HTTP server share: a server on loopback, and clients that send bytes as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase, StringIO
from typing import Any
from wsgiref.validate import validator

import pytest

from hublet.core import idle
from hublet.net import socket
from hublet.net.wsgi import Limits, WSGIServer

Application = Callable[[dict[str, Any], Any], Any]


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Say hello, and what was asked for."""
    body = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}".encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Send the body back."""
    body = environ["wsgi.input"].read(-1)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


class Site:
    """A server under test, and what it has logged."""

    def __init__(self, application: Application, validated: bool, **options: Any) -> None:
        self.log = StringIO()
        self.error_log = StringIO()
        self.calls: list[str] = []

        def counting(environ: dict[str, Any], start_response: Any) -> Any:
            self.calls.append(environ.get("PATH_INFO", ""))
            return application(environ, start_response)

        served = validator(counting) if validated else counting
        options.setdefault("limits", Limits(linger=0.2))
        options.setdefault("log", self.log)
        options.setdefault("error_log", self.error_log)
        self.server = WSGIServer(options.pop("listener", ("127.0.0.1", 0)), served, **options)
        self.server.start()

    def connect(self, timeout: float = 10.0) -> socket.socket:
        """Return a connection to it."""
        sock = socket.socket(self.server.family, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(self.server.address)
        return sock

    def exchange(self, *pieces: bytes) -> bytes:
        """Send *pieces*, one after the other has been taken, and return all that comes back until the end."""
        with self.connect() as sock:
            for piece in pieces:
                sock.sendall(piece)
                idle()
            return receive_all(sock)

    def requests(self, *requests: bytes) -> list[tuple[int, dict[str, str], bytes]]:
        """Send *requests* on one connection at once; return status, header fields by lower-case name and body of each answer."""
        with self.connect() as sock:
            sock.sendall(b"".join(requests))
            return [receive_response(sock, data.startswith(b"HEAD ")) for data in requests]

    def errors(self) -> str:
        """Return what was written to the error log, and forget it."""
        text = self.error_log.getvalue()
        self.error_log.truncate(0)
        self.error_log.seek(0)
        return text


def receive_all(sock: socket.socket) -> bytes:
    """Return all that *sock* receives until its peer has ended or reset the connection."""
    pieces = []
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def receive_response(sock: socket.socket, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
    """Return the next response that *sock* receives, read by the standard library."""
    response = HTTPResponse(_Unbuffered(sock), method="HEAD" if head_only else "GET")  # type: ignore[arg-type]
    response.begin()
    body = response.read()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, body


class _Unbuffered(RawIOBase):
    """Lets the standard library read a response, and not a byte of what follows."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> BufferedReader:
        return BufferedReader(self, 1)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    """Start a server for an application, which is wrapped in `wsgiref.validate` unless *validated* is false."""
    sites: list[Site] = []

    def serve(application: Application = hello, validated: bool = True, **options: Any) -> Site:
        site = Site(application, validated, **options)
        sites.append(site)
        return site

    yield serve
    for site in sites:
        site.server.stop(1.0)
        assert site.error_log.getvalue() == "", "in the error log, and not expected by the test"


@pytest.fixture
def site(serve: Callable[..., Site]) -> Site:
    """A server that says hello."""
    return serve(hello)


@pytest.fixture
def echoing(serve: Callable[..., Site]) -> Site:
    """A server that sends bodies back."""
    return serve(_echo)


@pytest.fixture
def echo() -> Application:
    """The application that sends bodies back."""
    return _echo

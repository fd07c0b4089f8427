"""The server as a whole: its life, its logs, and what may be put in place of its parts."""

from __future__ import annotations

import logging
import os
import re
import stat
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from hublet.core import Timeout, sleep, spawn
from hublet.core.lowlevel import ParkingLot, deadline_in
from hublet.core.testing import wait_all_parked
from hublet.net import socket
from hublet.net.wsgi import LoggingLogAdapter, SecureEnviron, WSGIHandler, WSGISecureEnviron, WSGIServer

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


class Gate:
    """An application that waits until it is opened."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.lot = ParkingLot()
        self.entered = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.entered += 1
        self.lot.park()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"done"]


# Its end -------------------------------------------------------------------------------------------------------------


def test_drain_finishes_what_is_under_way_and_says_that_the_connection_ends(serve: Any) -> None:
    gate = Gate()
    site = serve(gate)
    with site.connect() as sock:
        sock.sendall(GET)
        wait_all_parked()
        draining = spawn(site.server.drain, None)
        wait_all_parked()
        assert not draining.ready()
        with pytest.raises(ConnectionRefusedError):
            site.connect()
        gate.lot.unpark()
        answer = b""
        while piece := sock.recv(1000):
            answer += piece

    assert b"\r\nConnection: close\r\n" in answer and answer.endswith(b"done")
    assert draining.get() is True


def test_drain_ends_idle_connections(serve: Any) -> None:
    site = serve()
    with site.connect() as used, site.connect() as fresh:
        used.sendall(GET)
        assert b"200 OK" in used.recv(1000)

        assert site.server.drain(deadline_in(5.0)) is True

        assert used.recv(1000) == b""
        assert fresh.recv(1000) == b""


def test_drain_answers_what_has_arrived_before(serve: Any) -> None:
    site = serve()
    with site.connect() as sock:
        sock.sendall(GET)

        assert site.server.drain(deadline_in(5.0)) is True

        assert b"\r\nConnection: close\r\n" in sock.recv(1000)


def test_what_is_left_at_the_deadline_is_killed(serve: Any) -> None:
    gate = Gate()
    site = serve(gate)
    with site.connect() as sock:
        sock.sendall(GET)
        wait_all_parked()

        assert site.server.drain(deadline_in(0.05)) is False

        assert sock.recv(1000) == b""
    assert site.server._serving == {}


def test_stop_lets_what_is_under_way_finish(serve: Any) -> None:
    gate = Gate()
    site = serve(gate)
    with site.connect() as sock:
        sock.sendall(GET)
        wait_all_parked()
        stopping = spawn(site.server.stop, 5.0)
        wait_all_parked()
        gate.lot.unpark()
        stopping.get()

        assert b"\r\nConnection: close\r\n" in sock.recv(1000)


def test_serve_forever_returns_when_it_is_stopped(serve: Any) -> None:
    site = serve()
    serving = spawn(site.server.serve_forever)
    wait_all_parked()

    site.server.stop()

    serving.get(timeout=5.0)


def test_a_client_that_resets_its_connection_harms_nobody(serve: Any) -> None:
    site = serve()
    for data in (b"", b"GET /", GET, GET + b"GET"):
        sock = site.connect()
        sock.sendall(data)
        wait_all_parked()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        wait_all_parked()

    assert site.requests(GET)[0][0] == 200


# Its listeners -------------------------------------------------------------------------------------------------------


def test_it_serves_a_unix_socket(serve: Any, tmp_path: Path) -> None:
    environs = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environs.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"hi"]

    path = str(tmp_path / "socket")
    site = serve(application, listener=path)
    site.server.log.flush()

    assert stat.S_ISSOCK(os.stat(path).st_mode)
    assert site.requests(GET)[0][2] == b"hi"
    assert (environs[0]["REMOTE_ADDR"], environs[0]["SERVER_NAME"], environs[0]["SERVER_PORT"]) == ("", "localhost", "80")
    site.server.log.flush()
    assert site.log.getvalue().startswith("- - - [")


def test_it_serves_a_socket_that_is_given(serve: Any) -> None:
    site = serve(listener=socket.create_server(("127.0.0.1", 0)))

    assert site.requests(GET)[0][0] == 200


def test_small_answers_are_not_held_back_for_acknowledgements(serve: Any) -> None:
    options = []

    class Handler(WSGIHandler):
        def handle_one_request(self) -> bool:
            options.append(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            return super().handle_one_request()

    serve(handler_class=Handler).requests(GET)

    assert options[0] == 1


# One system call -----------------------------------------------------------------------------------------------------


class Counting(socket.socket):
    """Counts what is sent."""

    sends: list[int] = []

    def send(self, *args: Any) -> int:
        sent = super().send(*args)
        self.sends.append(sent)
        return sent


@pytest.mark.parametrize("result", [[b"hello"], [b"he", b"llo"], (b"hello",)])
def test_a_small_response_is_one_system_call(serve: Any, result: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return result

    site = serve(application, validated=False)
    one, other = socket.socketpair()
    counting = Counting(fileno=one.detach())
    Counting.sends = []
    serving = spawn(site.server.handle, counting, ("127.0.0.1", 1))

    other.sendall(GET * 2)
    wait_all_parked()

    assert len(Counting.sends) == 2
    other.close()
    serving.join()
    counting.close()


@pytest.mark.parametrize("result", [[b"hello"], None], ids=["a list", "an iterator"])
def test_one_connection_is_never_held_back_for_forty_milliseconds(serve: Any, result: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return result or iter([b"hel", b"lo"])

    site = serve(application, validated=False)
    begun = time.monotonic()

    with site.connect() as sock:
        for _ in range(200):
            sock.sendall(GET)
            answer = b""
            while not answer.endswith((b"hello", b"0\r\n\r\n")):
                answer += sock.recv(1000)

    assert time.monotonic() - begun < 4.0, "two hundred waits for an acknowledgement are eight seconds"


# Its arguments -------------------------------------------------------------------------------------------------------


def test_without_httptools_the_error_names_what_to_install() -> None:
    code = "import sys; sys.modules['httptools'] = None; import hublet.net.wsgi"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "install it with: pip install 'hublet-net[http]'" in done.stderr


def test_what_is_no_application_is_refused() -> None:
    with pytest.raises(TypeError, match="a WSGI application is a callable"):
        WSGIServer(("127.0.0.1", 0), "application")


def test_pywsgi_s_arguments_are_taken_in_its_order() -> None:
    log, error_log = StringIO(), StringIO()

    class Handler(WSGIHandler):
        def __init__(self, sock: Any, address: Any, server: Any, rfile: Any = None) -> None:
            super().__init__(sock, address, server, rfile)

    server = WSGIServer(("127.0.0.1", 0), hello, 50, 7, log, error_log, Handler, {"mine": "x"})

    assert (server.application, server.backlog, server.pool.size) == (hello, 50, 7)
    assert (server.log.stream, server.error_log) == (log, error_log)
    assert (server.handler_class, server.environ["mine"]) == (Handler, "x")


def test_a_handler_reads_from_nothing_but_its_socket(serve: Any) -> None:
    with pytest.raises(TypeError, match="rfile must be None"):
        WSGIHandler(socket.socket(), ("127.0.0.1", 1), serve().server, StringIO())


def test_the_handler_class_makes_environs_and_log_lines(serve: Any) -> None:
    class Handler(WSGIHandler):
        def get_environ(self) -> Any:
            environ = super().get_environ()
            environ["PATH_INFO"] = "/mine"
            return environ

        def format_request(self) -> str:
            return f"{self.requestline} {self.status} {self.response_length} {self.requests}"

    site = serve(handler_class=Handler)

    assert site.requests(GET)[0][2] == b"GET /mine"
    site.server.log.flush()
    assert site.log.getvalue() == "GET / HTTP/1.1 200 OK 9 1\n"


def test_the_handler_class_runs_the_application(serve: Any) -> None:
    class Handler(WSGIHandler):
        def run_application(self) -> None:
            with Timeout(0.01, False):
                super().run_application()
                return
            self.response.send_error("503 Service Unavailable", "")

    site = serve(Gate(), handler_class=Handler)

    assert site.requests(GET)[0][0] == 503


def test_environs_are_of_the_class_that_is_asked_for(serve: Any) -> None:
    class Server(WSGIServer):
        environ_class = WSGISecureEnviron

    shown = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        shown.append(repr(environ))
        start_response("200 OK", [])
        return [b""]

    server = Server(("127.0.0.1", 0), application, log=None)
    server.start()
    with socket.create_connection(server.address) as sock:
        sock.sendall(GET.replace(b"\r\n\r\n", b"\r\nAuthorization: secret\r\n\r\n"))
        sock.recv(1000)
    server.stop()

    assert "secret" not in shown[0]
    assert "'PATH_INFO': '/'" in shown[0]


def test_a_secure_environ_shows_what_it_is_told_to() -> None:
    class Open(SecureEnviron):
        secure_repr = False

    class Listed(SecureEnviron):
        whitelist_keys = ("a",)

    values = {"a": 1, "b": 2}
    assert repr(SecureEnviron(values)) == "{'a': '<MASKED>', 'b': '<MASKED>'}"
    assert repr(Listed(values).copy()) == "{'a': 1, 'b': '<MASKED>'}"
    assert str(Open(values)) == "{'a': 1, 'b': 2}"


# Its logs ------------------------------------------------------------------------------------------------------------


def test_the_access_log_is_in_the_common_format(site: Any) -> None:
    site.requests(b"GET /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    site.server.log.flush()

    line = site.log.getvalue()
    pattern = r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a\?b HTTP/1\.1" 200 6\n'
    assert re.fullmatch(pattern, line)


def test_the_access_log_is_written_within_a_second(clock: Any, serve: Any) -> None:
    site = serve()
    site.requests(GET)
    site.requests(GET)
    assert site.log.getvalue() == ""

    sleep(1.1)

    assert site.log.getvalue().count("\n") == 2


def test_the_access_log_is_written_when_there_is_much(serve: Any) -> None:
    site = serve()
    written = []
    site.server.log._room = 100
    site.server.log.stream = StringIO()
    site.server.log.stream.write = written.append  # type: ignore[method-assign]

    site.requests(*[GET] * 3)

    assert len(written) == 1


def test_the_access_log_is_written_at_the_end(serve: Any) -> None:
    site = serve()
    site.requests(GET)

    site.server.stop()

    assert site.log.getvalue().count("\n") == 1


def test_logs_may_be_loggers(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise RuntimeError("on purpose")

    site = serve(application, log=logging.getLogger("access"), error_log=logging.getLogger("errors"))

    with caplog.at_level(logging.INFO):
        site.requests(GET)

    records = {record.name: record for record in caplog.records}
    assert records["access"].levelno == logging.INFO and '"GET / HTTP/1.1" 500' in records["access"].getMessage()
    assert records["errors"].levelno == logging.ERROR and "on purpose" in records["errors"].getMessage()


def test_a_logging_adapter_has_the_attributes_of_its_logger() -> None:
    adapter = LoggingLogAdapter(logging.getLogger("access"))

    adapter.writelines(["", "\n"])
    adapter.flush()

    assert adapter.name == "access"


def test_without_a_log_nothing_is_formatted(serve: Any) -> None:
    class Handler(WSGIHandler):
        def format_request(self) -> str:
            raise AssertionError

    assert serve(log=None, handler_class=Handler).requests(GET)[0][0] == 200


def test_the_default_log_is_standard_error(capsys: pytest.CaptureFixture[str], serve: Any) -> None:
    site = serve(log="default", error_log=sys.stderr)
    site.requests(GET)
    site.server.stop()

    assert '"GET / HTTP/1.1" 200' in capsys.readouterr().err


def test_a_log_that_fails_is_reported_and_ends_no_connection(serve: Any, reports: Any) -> None:
    class Full(StringIO):
        def write(self, text: str) -> int:
            raise OSError("no space left")

    site = serve(log=Full())
    site.server.log._size = site.server.log._room = 1

    assert [status for status, _, _ in site.requests(GET, GET)] == [200, 200]
    assert [str(error) for error in reports.take_errors()] == ["no space left"] * 2

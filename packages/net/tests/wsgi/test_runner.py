"""`python -m hublet.net.wsgi`, as processes of its own."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from hublet.net.wsgi import Limits, _load, _runner

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX signals and fork")

SITE = """
import os, time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        from hublet.core import sleep
        open("begun", "w").close()
        sleep(0.5)
    if environ["PATH_INFO"] == "/never":
        from hublet.core import sleep
        open("begun", "w").close()
        sleep(1000)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d %s" % (os.getpid(), str(environ["wsgi.multiprocess"]).encode())]
def factory():
    return app
class Site:
    application = staticmethod(app)
nothing = 5
"""


class Running:
    """A runner and what it prints."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hublet.net.wsgi", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = 0

    def wait_until_it_listens(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("listening at "):
            raise AssertionError(f"it printed {line!r}, {self.process.communicate(timeout=10)}")
        if "http://" in line:
            self.port = int(line.split()[2].rpartition(":")[2])
        return line

    def get(self, path: str = "/") -> str:
        with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
            return ask(sock, path)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Signal it; return its exit status and what it wrote to standard error."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err


def ask(sock: socket.socket, path: str = "/") -> str:
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := sock.recv(65536):
        answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK"), answer
    return answer.partition(b"\r\n\r\n")[2].decode()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    (tmp_path / "site_under_test.py").write_text(SITE)
    started: list[Running] = []

    def run(*arguments: str) -> Running:
        running = Running(tmp_path, *arguments)
        started.append(running)
        return running

    yield run
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate(timeout=20)


@pytest.mark.parametrize(
    "spec", ["site_under_test:app", "site_under_test", "site_under_test:factory()", "site_under_test:Site.application"]
)
def test_it_serves_what_is_named_until_it_is_told_to_end(run: Any, spec: str) -> None:
    running = run(spec, "--bind", "127.0.0.1:0")
    running.wait_until_it_listens()

    assert running.get() == f"{running.process.pid} False"
    status, err = running.end()

    assert status == 0
    assert '"GET / HTTP/1.1" 200' in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_under_way_is_answered_before_it_ends(run: Any, tmp_path: Path, number: int, workers: str) -> None:
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--no-log", "--workers", workers)
    running.wait_until_it_listens()
    with socket.create_connection(("127.0.0.1", running.port), 10) as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)

        status, err = running.end(number)

        assert (status, err) == (0, "")
        assert b"\r\nConnection: close\r\n" in sock.recv(65536)


def test_a_second_signal_ends_it_at_once(run: Any, tmp_path: Path) -> None:
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--no-log")
    running.wait_until_it_listens()
    with socket.create_connection(("127.0.0.1", running.port), 10) as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)

        status, _ = running.end()

    assert status == -signal.SIGTERM


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_exit_status_tells_that_requests_were_cut_off(run: Any, tmp_path: Path, workers: str) -> None:
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--no-log", "--stop-timeout", "0.1", "--workers", workers)
    running.wait_until_it_listens()
    with socket.create_connection(("127.0.0.1", running.port), 10) as sock:
        sock.sendall(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)

        assert running.end()[0] == 1

        assert sock.recv(1000) == b""


def test_the_access_log_goes_to_a_file(run: Any, tmp_path: Path) -> None:
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--log", "access.log")
    running.wait_until_it_listens()
    running.get("/logged")

    assert running.end() == (0, "")
    assert '"GET /logged HTTP/1.1" 200 ' in (tmp_path / "access.log").read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_https(run: Any, tmp_path: Path, workers: str) -> None:
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--no-log", "--certfile", "both.pem", "--workers", workers)
    line = running.wait_until_it_listens()
    context = ssl.create_default_context()
    authority.configure_trust(context)

    assert line.startswith("listening at https://127.0.0.1:")
    with socket.create_connection(("127.0.0.1", int(line.split()[2].rpartition(":")[2])), 10) as sock:
        with context.wrap_socket(sock, server_hostname="localhost") as wrapped:
            assert ask(wrapped)
    assert running.end() == (0, "")


def test_several_workers_share_an_address(run: Any) -> None:
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--no-log", "--workers", "2")
    assert running.wait_until_it_listens().endswith(" with 2 workers\n")

    answers = {running.get() for _ in range(60)}

    assert len(answers) == 2
    assert all(answer.endswith(" True") for answer in answers)
    assert running.end() == (0, "")


def test_a_worker_that_dies_is_replaced(run: Any) -> None:
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--no-log", "--workers", "2")
    running.wait_until_it_listens()
    victim = int(running.get().split()[0])

    os.kill(victim, signal.SIGKILL)
    assert running.process.stderr.readline() == f"worker {victim} has ended with status -9 and is replaced\n"
    deadline = time.monotonic() + 10
    pids: set[str] = set()
    while len(pids) < 2 and time.monotonic() < deadline:
        try:
            pids.add(running.get())
        except OSError:
            pass  # it was in the dead one's queue

    assert len(pids) == 2
    assert running.end()[0] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_listens_at_a_unix_socket(run: Any, tmp_path: Path, workers: str) -> None:
    path = str(tmp_path / "socket")
    running = run("site_under_test:app", "--bind", f"unix:{path}", "--no-log", "--workers", workers)
    assert f"unix:{path}" in running.wait_until_it_listens()

    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        assert ask(sock)

    assert running.end() == (0, "")


def test_it_starts_anew_when_a_file_changes_and_keeps_its_address(run: Any, tmp_path: Path) -> None:
    running = run("site_under_test:app", "--bind", "127.0.0.1:0", "--no-log", "--reload")
    running.wait_until_it_listens()
    before = running.get()

    (tmp_path / "site_under_test.py").write_text("def app(environ, start_response): oops\n)")
    assert "has changed: starting anew" in running.process.stderr.readline()
    while "waiting for a file to change" not in (line := running.process.stderr.readline()):
        assert line
    (tmp_path / "site_under_test.py").write_text(SITE.replace("%d %s", "new %d %s"))

    assert running.get() == "new " + before
    assert running.end()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["site_under_test:app", "--bind", "nowhere"], "is no address to listen at"),
        (["site_under_test:app", "--workers", "0"], "--workers must be at least 1"),
        (["site_under_test:app", "--workers", "2", "--reload"], "--reload is for one worker"),
        (["site_under_test:app", "--limit", "body"], "--limit body: there are"),
        (["site_under_test:app", "--limit", "body=x"], "'x' is no number"),
        (["site_under_test:app", "--limit", "body=-1"], "Limits.body must be greater than 0"),
        (["site_under_test:app", "--limit", "request_line=none"], "Limits.request_line must be int"),
    ],
)
def test_wrong_arguments_are_explained(run: Any, arguments: list[str], message: str) -> None:
    running = run(*arguments)

    _, err = running.process.communicate(timeout=20)

    assert running.process.returncode == 2
    assert message in err


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("site_under_test:missing", "the module 'site_under_test' has no 'missing'"),
        ("site_under_test:nothing", "is 5, and a WSGI application is a callable"),
        ("nowhere_to_be_found:app", "there is no module 'nowhere_to_be_found'"),
        ("what is this", "names no application"),
    ],
)
def test_what_is_no_application_is_explained(run: Any, spec: str, message: str, workers: str) -> None:
    running = run(spec, "--bind", "127.0.0.1:0", "--workers", workers)

    out, err = running.process.communicate(timeout=20)

    assert running.process.returncode == 3
    assert out == ""
    assert message in err


def test_an_address_in_use_is_explained(run: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = run("site_under_test:app", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")

        _, err = running.process.communicate(timeout=20)

    assert running.process.returncode == 3
    assert "cannot listen at" in err


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_every_limit_can_be_set(name: str) -> None:
    assert getattr(_runner._parse_limits([f"{name}=7"]), name) == 7


def test_limits_are_read() -> None:
    limits = _runner._parse_limits(["body=10", "idle_timeout=2.5", "min_rate=none"])

    assert (limits.body, limits.idle_timeout, limits.min_rate) == (10, 2.5, None)


def test_an_import_that_fails_inside_the_module_is_not_taken_for_a_missing_module(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "importing_module.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        _load.load_application("importing_module:app")

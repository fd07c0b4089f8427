"""Each example runs, and says what its docstring promises.

The crawler gets a small site on loopback that is wrong in every way we know.  The site runs in native threads of this
process, and the examples in processes of their own: nothing here is patched.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60  # seconds; only what hangs takes so long
PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.lower() not in PROXIES}

Handler = Callable[[socket.socket], None]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with *arguments* to its end."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python with *arguments* while the block runs."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def crawl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the crawler, cooperative, to its end."""
    return python("-m", "hublet.monkey", "examples/crawl.py", *arguments)


class Site:
    """A web site on loopback: handlers by path, each in a native thread, and a count of what was asked for."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self.handlers = handlers
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Accept until closed."""
        while True:
            connection, _ = self._listener.accept()
            if self.closing.is_set():
                connection.close()
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                path = connection.recv(65536).split(b" ")[1].decode()
                self.asked[path] += 1
                handler = self.handlers.get(path) or self.handlers.get("*") or page("", "404 Not Found")
                handler(connection)
            except (OSError, IndexError):
                pass  # the client went away, as it may

    def close(self) -> None:
        """Accept no more."""
        self.closing.set()
        socket.create_connection(self._listener.getsockname()).close()  # so that `accept` returns
        self._listener.close()


@contextmanager
def served(handlers: dict[str, Handler]) -> Iterator[Site]:
    """Serve a site while the block runs."""
    site = Site(handlers)
    thread = threading.Thread(target=site.serve)
    thread.start()
    try:
        yield site
    finally:
        site.close()
        thread.join()


def raw(response: bytes) -> Handler:
    """Answer with exactly that."""
    return lambda connection: connection.sendall(response)


def page(
    html: str | bytes, status: str = "200 OK", kind: str = "text/html", extra: str = "", length: int = -1
) -> Handler:
    """Answer with a page."""
    body = html if isinstance(html, bytes) else html.encode()
    size = len(body) if length < 0 else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n{extra}\r\n"
    return raw(head.encode() + body)


def redirect(target: str) -> Handler:
    """Send the client elsewhere."""
    return page("", "302 Found", extra=f"Location: {target}\r\n")


def links(*targets: str) -> str:
    """Write a page with these links."""
    return "<!doctype html>" + "".join(f'<a href="{target}">x</a>\n' for target in targets)


def reset(connection: socket.socket) -> None:
    """Break the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stay_silent(connection: socket.socket) -> None:
    """Never answer; wait until the client gives up."""
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    """Send a little, again and again, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def figures(output: str) -> dict[str, str]:
    """Read the table that ends a crawl."""
    return dict(re.findall(r"^(\w[\w ]*?)  +([\d.,]+)(?: s)?$", output, re.M))


def errors(output: str) -> dict[str, str]:
    """Read the table of errors: what is wrong, by address."""
    return dict(re.findall(r"^(https?://\S+)  +(.+)$", output, re.M))


# The seed programs


def test_three_greenlets_sleep_three_seconds_in_three_seconds() -> None:
    run = python("examples/sleepers.py")

    assert run.returncode == 0, run.stderr
    *_, last = run.stdout.splitlines()
    assert 2.9 <= float(last.split()[-2]) < 4.5


def test_waiters_are_done_after_the_setter_when_the_event_is_set_at_the_end() -> None:
    run = python("examples/event.py", "at-the-end")

    assert run.stdout.splitlines() == [
        "setter start",
        "waiter1 start",
        "waiter2 start",
        "waiter3 start",
        "setter done",
        "waiter1 done",
        "waiter2 done",
        "waiter3 done",
    ]


def test_waiters_are_done_before_the_setter_when_the_event_is_set_at_the_start() -> None:
    run = python("examples/event.py", "at-the-start")

    lines = run.stdout.splitlines()
    assert lines[0] == "setter start"
    assert lines[-1] == "setter done"
    assert sorted(lines[1:-1]) == [f"waiter{number} {what}" for number in (1, 2, 3) for what in ("done", "start")]


def test_the_echo_server_answers_a_hundred_clients() -> None:
    with started("examples/echo_server.py", "0") as server:
        assert server.stdout is not None
        port = server.stdout.readline().split()[-1]

        client = python("examples/echo_client.py", port)

    assert client.stdout == "100 answers, of which the last is: hello from client 100\n", client.stderr


def test_the_wsgi_server_greets_a_hundred_clients_in_the_time_of_one() -> None:
    with started("examples/wsgi_hello.py", "0") as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[-1])
        begun = time.monotonic()
        clients = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(100)]
        for number, client in enumerate(clients):
            client.sendall(f"GET /{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answers = []
        for client in clients:
            with client, client.makefile("rb") as answer:
                answers.append(answer.read().rpartition(b"\r\n\r\n")[2])
        took = time.monotonic() - begun

    assert answers == [b"Hello, %d!\n" % number for number in range(100)]
    assert took < 20, "one after the other would have been 100 seconds"


# The crawler


def test_the_crawl_reads_each_page_of_the_start_hosts_once() -> None:
    everything = links("/", "/a", "/b?x=1", "/b?x=1#part", "/a b/ä", "http://elsewhere.invalid/", "mailto:x@y")
    handlers = {path: page(everything) for path in ("/", "/a", "/b?x=1", "/a%20b/%C3%A4")}
    with served(handlers) as site:
        run = crawl(site.address)

    assert run.returncode == 0, run.stderr
    assert site.asked == dict.fromkeys(handlers, 1)
    assert figures(run.stdout).items() >= {"pages": "4", "links found": "28", "errors": "0"}.items()
    assert set(figures(run.stdout)) == {"pages", "bytes", "links found", "errors", "wall time", "CPU time"}


def test_as_many_pages_as_allowed_are_read_at_once_and_no_more() -> None:
    together = threading.Barrier(7)
    lock = threading.Lock()
    current = most = 0

    def answer_seven_at_once(connection: socket.socket) -> None:
        nonlocal current, most
        with lock:
            current += 1
            most = max(most, current)
        together.wait(PATIENCE / 2)
        with lock:
            current -= 1
        page(links())(connection)

    targets = [f"/{number}" for number in range(14)]
    with served({"/": page(links(*targets)), "*": answer_seven_at_once}) as site:
        run = crawl(site.address, "--concurrency", "7")

    assert figures(run.stdout)["pages"] == "15", run.stderr
    assert most == 7


def test_the_crawl_asks_for_no_more_than_the_limit() -> None:
    with served({"*": page(links(*(f"/{number}" for number in range(100))))}) as site:
        run = crawl(site.address, "--limit", "10")

    assert figures(run.stdout)["pages"] == "10", run.stderr
    assert site.asked.total() == 10


BROKEN = {
    "/missing": (page("", "404 Not Found"), "404 Not Found"),
    "/failing": (page("", "500 Internal Server Error"), "500 Internal Server Error"),
    "/picture": (page(b"\x89PNG", kind="image/png"), "not HTML but image/png"),
    "/not-utf-8": (page(b"<p>caf\xe9</p><a href='/behind-not-utf-8'>"), "'utf-8' codec can't decode byte 0xe9"),
    "/unknown-encoding": (page("x", kind="text/html; charset=klingon"), "unknown encoding: klingon"),
    "/no-text-encoding": (page("x", kind="text/html; charset=hex"), "'hex' is not a text encoding"),
    "/cut-off": (page("too little", length=1000), "IncompleteRead(10 bytes read, 990 more expected)"),
    "/reset": (reset, "Connection reset by peer"),
    "/closed": (lambda connection: None, "Remote end closed connection without response"),
    "/no-http": (raw(b"What?\r\n\r\n"), "BadStatusLine"),
    "/bad-chunks": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "IncompleteRead",
    ),
    "/silent": (stay_silent, "no complete answer within 2 s"),
    "/drip": (drip, "no complete answer within 2 s"),
    "/away": (redirect("http://elsewhere.invalid/"), "leads away, to http://elsewhere.invalid/"),
    "/nowhere": (page("", "302 Found"), "302 Found"),
    "/itself": (redirect("/itself"), "redirects in a circle"),
}


def test_whatever_is_wrong_with_a_page_is_a_row_and_the_rest_is_read() -> None:
    handlers = {path: handler for path, (handler, _) in BROKEN.items()}
    handlers["/"] = page(links(*BROKEN, "/fine"))
    handlers["/fine"] = handlers["/behind-not-utf-8"] = page(links())
    with served(handlers) as site:
        run = crawl(site.address, "--concurrency", "50", "--timeout", "2")

    assert run.returncode == 0
    assert "Traceback" not in run.stdout + run.stderr
    rows = errors(run.stdout)
    assert set(rows) == {site.address + path for path in BROKEN}
    for path, (_, what) in BROKEN.items():
        assert what in rows[site.address + path]
    assert figures(run.stdout)["errors"] == str(len(BROKEN))
    assert site.asked == dict.fromkeys(handlers, 1)


def test_an_unreachable_host_is_a_row() -> None:
    with socket.socket() as unused, served({"/": page(links())}) as site:
        unused.bind(("127.0.0.1", 0))
        unreachable = f"http://127.0.0.1:{unused.getsockname()[1]}/"

        run = crawl(site.address, unreachable)

    assert run.returncode == 0, run.stderr
    assert errors(run.stdout) == {unreachable: "Connection refused"}
    assert figures(run.stdout)["pages"] == "1"


def test_a_crawl_without_a_single_page_has_failed() -> None:
    with served({}) as site:
        run = crawl(site.address)

    assert run.returncode == 1
    assert errors(run.stdout) == {f"{site.address}/": "404 Not Found"}


def test_a_circle_of_redirects_ends_and_is_a_row() -> None:
    handlers = {
        "/": page(links("/a", "/b", "/into")),
        "/a": redirect("/b"),
        "/b": redirect("/a"),
        "/into": redirect("/a"),
    }
    with served(handlers) as site:
        run = crawl(site.address, "--concurrency", "1")

    assert errors(run.stdout) == {f"{site.address}/b": "redirects in a circle"}
    assert site.asked == dict.fromkeys(handlers, 1)


def test_what_a_server_says_cannot_command_the_terminal() -> None:
    with served({"/": page("", "404 \x1b[2JGone")}) as site:
        run = crawl(site.address)

    assert errors(run.stdout) == {f"{site.address}/": "404 ?[2JGone"}


def test_garbage_instead_of_html_does_not_hide_the_links_before_it() -> None:
    garbage = b"<![bogus]><!<<>\x00&#xfffffffff;</</a href=<a href='http://[x'><!-- " + bytes(range(256))
    handlers = {"/": page(links("/behind").encode() + garbage), "/behind": page(links())}
    with served(handlers) as site:
        run = crawl(site.address)

    assert run.returncode == 0, run.stderr
    assert figures(run.stdout)["pages"] == "2"
    assert set(errors(run.stdout)) == {f"{site.address}/"}


def test_what_is_no_address_is_refused_with_an_example() -> None:
    run = crawl("example.org")

    assert run.returncode == 2
    assert "'example.org' is no address to start from; one looks like http://example.org/" in run.stderr


def test_a_crawler_that_is_not_patched_says_so_and_works() -> None:
    with served({"/": page(links("/a")), "/a": page(links())}) as site:
        run = python("examples/crawl.py", site.address)

    assert "python -m hublet.monkey examples/crawl.py" in run.stderr
    assert figures(run.stdout)["pages"] == "2"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("busy", [False, True], ids=["waiting", "busy"])
def test_ctrl_c_stops_at_once_with_the_partial_table(busy: bool) -> None:
    """Both where every greenlet waits and where one always runs, which is another one that gets the interrupt."""
    number = iter(range(10**9))

    def endless(connection: socket.socket) -> None:
        page(links(*(f"/{next(number)}" for _ in range(50))) + "<p>word</p>" * 1000)(connection)

    handlers: dict[str, Handler] = {"/": page(links("/1", "/2")), "*": endless if busy else stay_silent}
    with served(handlers) as site:
        arguments = ("examples/crawl.py", site.address, "--timeout", str(PATIENCE), "--limit", "1000000")
        with started("-m", "hublet.monkey", *arguments) as process:
            assert process.stderr is not None
            process.stderr.readline()  # that it has come so far

            process.send_signal(signal.SIGINT)
            interrupted = time.monotonic()
            output, complaints = process.communicate(timeout=PATIENCE)

    assert process.returncode == 130
    assert time.monotonic() - interrupted < 2
    assert "Traceback" not in output + complaints
    assert int(figures(output)["pages"].replace(",", "")) >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_gets_a_bar_and_the_table_goes_to_standard_output() -> None:
    pytest.importorskip("rich")
    terminal, inner = os.openpty()
    with served({"/": page(links("/a")), "/a": page(links())}) as site:
        command = [sys.executable, "-m", "hublet.monkey", "examples/crawl.py", site.address]
        run = subprocess.run(
            command,
            cwd=ROOT,
            env={**ENVIRONMENT, "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=inner,
            text=True,
            timeout=PATIENCE,
        )
    os.close(inner)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)

    assert "addresses" in drawn
    assert "\x1b[" in drawn
    assert figures(run.stdout)["pages"] == "2"

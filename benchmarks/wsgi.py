"""Answer "Hello, World!" over HTTP with several servers, in turn, and print requests a second and CPU time per request.

`wrk` makes the requests, on keep-alive connections; install it with ``apt-get install wrk``.  Every server is a process of
its own, with one worker and no access log.  CPU time is the server's alone, user and system: it is what a machine pays for,
and what other work on it changes least.  The figures are medians of the rounds, which go through the servers in turn.

    python benchmarks/wsgi.py --rounds 5 --seconds 3 --connections 100

The last column is of one connection on which a client of Python asks for --seconds, and counts the answers that took more than
30 ms: where a server waits for delayed acknowledgements, they take 40.  (wrk corrects its percentiles for what it could not ask
meanwhile, so that on one connection one pause of the machine looks like many.)

Servers that are not installed are left out: ``pip install gevent gunicorn uvicorn uvloop httptools bjoern granian``.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

APPLICATION = """
BODY = b"Hello, World!\\n"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [BODY]
"""

ASGI = """
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain"), (b"content-length", b"14")]}
BODY = {"type": "http.response.body", "body": b"Hello, World!\\n"}
async def app(scope, receive, send):
    await send(START)
    await send(BODY)
"""

PYWSGI = """
from gevent.pywsgi import WSGIHandler, WSGIServer
import socket
class Handler(WSGIHandler):
    def __init__(self, sock, *rest):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, *rest)
"""

SERVERS = {
    "hublet": APPLICATION
    + """
from hublet.net.wsgi import WSGIServer
WSGIServer(("127.0.0.1", PORT), app, log=None).serve_forever()
""",
    "gevent.pywsgi": APPLICATION + PYWSGI + 'WSGIServer(("127.0.0.1", PORT), app, log=None).serve_forever()\n',
    "gevent.pywsgi, TCP_NODELAY": APPLICATION
    + PYWSGI
    + 'WSGIServer(("127.0.0.1", PORT), app, log=None, handler_class=Handler).serve_forever()\n',
    "gunicorn -k gevent": APPLICATION
    + """
from gunicorn.app.base import BaseApplication
class Site(BaseApplication):
    def load_config(self):
        for name, value in dict(bind=f"127.0.0.1:{PORT}", worker_class="gevent", workers=1, loglevel="critical").items():
            self.cfg.set(name, value)
    def load(self):
        return app
Site().run()
""",
    "uvicorn, uvloop, httptools": ASGI
    + """
import uvicorn
uvicorn.run(app, host="127.0.0.1", port=PORT, loop="uvloop", http="httptools", access_log=False, log_level="critical")
""",
    "bjoern": APPLICATION + 'import bjoern; bjoern.run(app, "127.0.0.1", PORT)\n',
    # It loads what it serves by name.
    "granian": "",
}
STALL = 0.030  # seconds
GRANIAN = "import sys; sys.argv[1:] = ARGS; from granian.cli import entrypoint; entrypoint()"


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def processes(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                for child in file.read().split():
                    yield from processes(int(child))
    except OSError:
        return


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its descendants have used."""
    ticks = 0
    for each in processes(pid):
        with open(f"/proc/{each}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(name: str, port: int, folder: str) -> Iterator[int]:
    """Run a server; the value is its process id."""
    code = f"PORT = {port}\n" + SERVERS[name]
    if name == "granian":
        with open(os.path.join(folder, "granian_site.py"), "w") as file:
            file.write(APPLICATION)
        args = ["granian_site:app", "--interface", "wsgi", "--port", str(port), "--workers", "1", "--no-log"]
        code = GRANIAN.replace("ARGS", repr(args))
    server = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for _ in range(100):
            if server.poll() is not None:
                assert server.stderr is not None
                raise RuntimeError(server.stderr.read().decode(errors="replace").strip().rpartition("\n")[2])
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def load(port: int, connections: int, seconds: int) -> tuple[int, float, str]:
    """Make requests; return how many were answered, how many a second, and the longest latency."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if failed:
        raise RuntimeError(f"{failed[1]} requests failed")
    count, rate = re.search(r"(\d+) requests in", out), re.search(r"Requests/sec:\s+([\d.]+)", out)
    latency = re.search(r"^\s+99%\s+(\S+)$", out, re.MULTILINE)
    assert count and rate and latency, out
    return int(count[1]), float(rate[1]), latency[1]


def ask_one_by_one(port: int, seconds: int) -> tuple[int, int]:
    """Make requests, one at a time, for *seconds*; return how many, and how many took more than `STALL`."""
    count = stalled = 0
    now = time.monotonic()
    end = now + seconds
    while now < end:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer = b""
            while now < end and b"\r\nConnection: close\r\n" not in answer:
                asked = time.monotonic()
                sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = b""
                while not answer.endswith(b"Hello, World!\n"):
                    piece = sock.recv(65536)
                    if not piece:
                        raise OSError(f"the connection has ended after {answer!r}")
                    answer += piece
                now = time.monotonic()
                count += 1
                stalled += now - asked > STALL
    return count, stalled


def main() -> None:
    """Measure what the command line asks for, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="*", default=list(SERVERS), choices=list(SERVERS), metavar="SERVER")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=100)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("This needs wrk, which is not installed: apt-get install wrk, or see https://github.com/wg/wrk")
    figures: dict[str, list[tuple[float, float, str]]] = {name: [] for name in options.servers}
    stalls: dict[str, list[tuple[int, int]]] = {name: [] for name in options.servers}
    folder = os.path.join("/tmp", f"benchmark-wsgi-{os.getpid()}")
    os.makedirs(folder)
    for _ in range(options.rounds):
        for name in list(figures):
            port = free_port()
            try:
                with running(name, port, folder) as pid:
                    load(port, options.connections, 1)  # warm
                    before = cpu_seconds(pid)
                    count, rate, latency = load(port, options.connections, options.seconds)
                    figures[name].append((rate, (cpu_seconds(pid) - before) / count * 1e6, latency))
                    stalls[name].append(ask_one_by_one(port, options.seconds))
            except (RuntimeError, OSError) as error:
                print(f"{name}: left out: {error}", file=sys.stderr)
                del figures[name]
    shutil.rmtree(folder)
    own = statistics.median(cpu for _, cpu, _ in figures["hublet"]) if figures.get("hublet") else float("nan")
    heading = f"CPython {platform.python_version()}, connections: {options.connections}"
    print(f"| {heading} | requests/s | CPU µs | ÷ hublet | 99 % | over 30 ms |")
    print("|---|---|---|---|---|---|")
    for name, rounds in figures.items():
        rate = statistics.median(each[0] for each in rounds)
        cpu = statistics.median(each[1] for each in rounds)
        latency = sorted(rounds)[len(rounds) // 2][2]
        count, stalled = map(sum, zip(*stalls[name]))
        print(f"| {name} | {rate:,.0f} | {cpu:.1f} | {cpu / own:.2f} | {latency} | {stalled:,} of {count:,} |")


if __name__ == "__main__":
    main()

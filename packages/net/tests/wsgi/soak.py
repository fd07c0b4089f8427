"""Serve clients that are slow, gone or mad, and check that nothing is left of them.

    python packages/net/tests/wsgi/soak.py --seconds 60

The clients are greenlets of the same process.  Half of the time is for warming up; after it, neither memory nor descriptors may
grow, and at the end no descriptor, greenlet or deadline is left.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import time
from collections import Counter
from typing import Any

from hublet.core import Timeout, get_hub, sleep, spawn
from hublet.core.lowlevel import deadline_in
from hublet.net import socket
from hublet.net.wsgi import Limits, WSGIServer

GET = b"GET /%d HTTP/1.1\r\nHost: a\r\nCookie: c=%d\r\n\r\n"
LIMITS = Limits(
    header_timeout=0.5, body_timeout=0.5, write_timeout=0.5, idle_timeout=0.5, min_rate=100_000, linger=0.1, connections=400
)


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Do what the path says."""
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise RuntimeError("on purpose")
    body = environ["wsgi.input"].read() if path == "/read" else b"unread"
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/large":
        return (b"x" * 50_000 for _ in range(200))
    return [body]


def polite(sock: Any) -> None:
    for i in range(random.randrange(1, 20)):
        sock.sendall(GET % (i, random.randrange(10**6)))
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def pipelining(sock: Any) -> None:
    sock.sendall(b"".join(GET % (i, i) for i in range(50)))
    sleep(random.random() * 0.1)
    sock.recv(65536)


def uploading(sock: Any) -> None:
    body = os.urandom(random.randrange(1, 300_000))
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    sock.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
    answer = b""
    while piece := sock.recv(65536):
        answer += piece
    assert answer.endswith(body)


def half_sent(sock: Any) -> None:
    sock.sendall((GET % (1, 1))[: random.randrange(1, 40)])
    sleep(random.random())


def half_body(sock: Any) -> None:
    sock.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
    sleep(random.random())


def half_closed(sock: Any) -> None:
    sock.sendall(GET % (1, 1))
    sock.shutdown(socket.SHUT_WR)
    sock.recv(65536)


def never_reading(sock: Any) -> None:
    sock.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    sleep(random.random() * 2)


def slowly_reading(sock: Any) -> None:
    sock.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in range(10):
        sleep(0.1)
        sock.recv(1000)


def resetting(sock: Any) -> None:
    sock.sendall(random.choice([b"", b"GET", GET % (1, 1), b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"]))
    sleep(random.random() * 0.05)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def mad(sock: Any) -> None:
    sock.sendall(os.urandom(random.randrange(1, 5000)))
    sock.recv(1000)


def failing(sock: Any) -> None:
    sock.sendall(b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 500 ")


def silent(sock: Any) -> None:
    sleep(random.random())


CLIENTS = [
    *(polite, pipelining, uploading, half_sent, half_body, half_closed),
    *(never_reading, slowly_reading, resetting, mad, failing, silent),
]


def be_clients(address: Any, until: float, counts: Counter[str]) -> None:
    """Be one client after the other until the time is over."""
    while time.monotonic() < until:
        client = random.choice(CLIENTS)
        with Timeout(20), socket.socket() as sock:
            sock.connect(address)
            try:
                client(sock)
            except OSError:
                counts["cut off"] += 1
        counts[client.__name__] += 1


def resident() -> int:
    """Return the resident memory in KiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def descriptors() -> int:
    """Return how many descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


def main() -> int:
    """Run, print what happened, and return 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=100)
    options = parser.parse_args()
    hub = get_hub()
    sleep(0)
    before = descriptors()
    server = WSGIServer(("127.0.0.1", 0), application, log=None, error_log=None, limits=LIMITS)
    server.start()
    counts: Counter[str] = Counter()
    until = time.monotonic() + options.seconds
    clients = [spawn(be_clients, server.address, until, counts) for _ in range(options.clients)]
    seen = []
    for _ in range(10):
        sleep(options.seconds / 10)
        gc.collect()
        seen.append(resident())
    for client in clients:
        client.get()
    drained = server.drain(deadline_in(10.0))
    sleep(0.1)
    gc.collect()
    print(f"{sum(counts.values()) - counts['cut off']:,} clients: {dict(sorted(counts.items()))}")
    print(f"resident memory in KiB, ten times: {seen}")
    # The first half warms up caches and the allocator; the peak of the second half against that of the first.
    grown = max(seen[5:]) - max(seen[:5])
    print(f"grown by {grown} KiB; descriptors before {before}, after {descriptors()}; waits left: {hub.loop.waiting}")
    failed = not drained or grown > 4096 or descriptors() != before or bool(hub.loop.waiting) or bool(server._serving)
    print("lost something" if failed else "nothing was lost")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

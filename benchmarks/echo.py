"""What does a server pay for an echo, beside gevent, asyncio, uvloop and C?

    python benchmarks/echo.py [--rounds 5] [--seconds 2] [--rows "TCP, 100 connections" ...] [--servers hublet gevent ...]

Each server is a process of its own; the client is a C program, compiled first with `cc`, that keeps one message under way on
each connection.  A figure is the server's CPU time, user and system, in microseconds per message, whatever the client pays;
the median of the rounds, in which the servers take turns, each round beginning with another, so that what disturbs the machine
disturbs all of them.  The last row is the server's resident memory per connection that waits for its next message, in bytes.
Linux only.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent / "echo"

# Row -> the client's kind, connections and bytes; and which of a server's kinds it asks.
ROWS = {
    "TCP, 1 connection, 64 bytes": ("tcp", 1, 64),
    "TCP, 1 connection, 4 KiB": ("tcp", 1, 4096),
    "TCP, 100 connections, 64 bytes": ("tcp", 100, 64),
    "TCP, 1,000 connections, 64 bytes": ("tcp", 1000, 64),
    "TLS, 100 connections, 64 bytes": ("tls", 100, 64),
    "UDP, 100 clients, 64 bytes": ("udp", 100, 64),
    "bytes an idle connection, 10,000": ("idle", 10_000, 64),
}

# Server -> script and its arguments, by the client's kind; a kind that is not there is not measured.
SERVERS = {
    "hublet": {"tcp": ("on_hublet.py", "stream"), "tls": ("on_hublet.py", "tls"), "udp": ("on_hublet.py", "udp")},
    "hublet, plain sockets": {"tcp": ("on_hublet.py", "plain")},
    "gevent": {"tcp": ("on_gevent.py", "stream"), "tls": ("on_gevent.py", "tls"), "udp": ("on_gevent.py", "udp")},
    "asyncio streams": {"tcp": ("on_asyncio.py", "streams"), "tls": ("on_asyncio.py", "streams_tls")},
    "asyncio protocol": {
        "tcp": ("on_asyncio.py", "protocol"),
        "tls": ("on_asyncio.py", "protocol_tls"),
        "udp": ("on_asyncio.py", "udp"),
    },
    "uvloop streams": {"tcp": ("on_asyncio.py", "streams", "uvloop"), "tls": ("on_asyncio.py", "streams_tls", "uvloop")},
    "uvloop protocol": {
        "tcp": ("on_asyncio.py", "protocol", "uvloop"),
        "tls": ("on_asyncio.py", "protocol_tls", "uvloop"),
        "udp": ("on_asyncio.py", "udp", "uvloop"),
    },
    "C": {"tcp": ("tcp",), "udp": ("udp",)},
}


def compile_all(folder: Path) -> None:
    """Compile client and server into *folder*; the client with TLS if OpenSSL's headers are there."""
    subprocess.run(["cc", "-O2", "-o", folder / "server", HERE / "server.c"], check=True)
    command = ["cc", "-O2", "-o", folder / "load", HERE / "load.c"]
    tls = subprocess.run([*command, "-DWITH_TLS", "-lssl", "-lcrypto"], capture_output=True, check=False)
    if tls.returncode != 0:
        print("without OpenSSL's headers there is no row for TLS", file=sys.stderr)
        subprocess.run(command, check=True)


def measure(folder: Path, server: tuple[str, ...], row: tuple[str, int, int], seconds: float) -> float | None:
    """Start a server, ask it, end it; return microseconds of CPU time or bytes.  `None` if it cannot be measured."""
    kind, connections, size = row
    first = [sys.executable, HERE / server[0]] if server[0].endswith(".py") else [folder / "server", server[0]]
    process = subprocess.Popen([*first, *server[1:]], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port:
            return None
        arguments = [process.pid, "127.0.0.1", port, kind, connections, size, seconds]
        asked = subprocess.run([folder / "load", *map(str, arguments)], capture_output=True, text=True, check=False)
        if asked.returncode != 0:
            print(f"{server} {row}: {asked.stderr.strip()}", file=sys.stderr)
            return None
        found = json.loads(asked.stdout)
        if kind == "idle":
            return float(found["after"] - found["before"]) / connections
        return float(found["cpu"] / found["operations"] * 1e6)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> int:
    """Parse the arguments, run, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), help="a part of the name is enough")
    parser.add_argument("--servers", nargs="+", default=list(SERVERS))
    options = parser.parse_args()
    rows = [row for row in ROWS if any(part in row for part in options.rows)]
    figures: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        compile_all(Path(name))
        for i in range(options.rounds):
            first = i % len(options.servers)
            for row in rows:
                kind = ROWS[row][0]
                for server in options.servers[first:] + options.servers[:first]:
                    command = SERVERS[server].get("tcp" if kind == "idle" else kind)
                    figure = None if command is None else measure(Path(name), command, ROWS[row], options.seconds)
                    if figure is not None:
                        figures.setdefault((row, server), []).append(figure)
    print(f"CPython {platform.python_version()}, {platform.machine()}\n")
    print("| | " + " | ".join(options.servers) + " |")
    print("|---" * (1 + len(options.servers)) + "|")
    for row in rows:
        cells = []
        for server in options.servers:
            if (row, server) not in figures:
                cells.append("–")
                continue
            median = statistics.median(figures[row, server])
            cells.append(f"{median:,.0f}" if ROWS[row][0] == "idle" else f"{median:.2f}")
        print(f"| {row} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

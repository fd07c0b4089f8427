#!/usr/bin/env python3
"""Measure what TLS costs a server: CPU time per echo and per handshake, beside gevent, asyncio and uvloop, in one run.

    python benchmarks/tls.py                      everything that is installed
    python benchmarks/tls.py hublet gevent        these only
    python benchmarks/tls.py --seconds 1 --rounds 3

Each server is a process of its own.  The load comes from this process, from one thread over epoll, the same for all; what
is measured is the CPU time of the server alone (`/proc/PID/task/*/schedstat`, hence Linux), divided by the answers that
arrived.  The rounds take turns, and the least of each counts.  Needs `trustme`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Servers -------------------------------------------------------------------------------------------------------------


def greenlet_server(listener: socket.socket, context: ssl.SSLContext, make: Callable, spawn: Callable) -> None:
    def serve(connection):
        try:
            tls = context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        try:
            while data := tls.recv(16384):
                tls.sendall(data)
        except OSError:
            pass
        finally:
            tls.close()

    ours = make(fileno=listener.detach())
    while True:
        connection, _ = ours.accept()
        spawn(serve, connection)


def on_hublet(listener: socket.socket, certificate: str) -> None:
    from hublet.core import spawn
    from hublet.net import socket as our_socket
    from hublet.net import ssl as our_ssl

    greenlet_server(listener, load(our_ssl, certificate), our_socket.socket, spawn)


def on_gevent(listener: socket.socket, certificate: str) -> None:
    import gevent.socket
    import gevent.ssl

    greenlet_server(listener, load(gevent.ssl, certificate), gevent.socket.socket, gevent.spawn)


def on_asyncio(listener: socket.socket, certificate: str, run: Callable | None = None) -> None:
    import asyncio

    async def echo(reader, writer):
        try:
            while data := await reader.read(16384):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve():
        server = await asyncio.start_server(echo, sock=listener, ssl=load(ssl, certificate))
        await server.serve_forever()

    (run or asyncio.run)(serve())


def on_asyncio_protocol(listener: socket.socket, certificate: str, run: Callable | None = None) -> None:
    import asyncio

    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(data)

    async def serve():
        server = await asyncio.get_running_loop().create_server(Echo, sock=listener, ssl=load(ssl, certificate))
        await server.serve_forever()

    (run or asyncio.run)(serve())


def on_uvloop(listener: socket.socket, certificate: str) -> None:
    import uvloop

    on_asyncio(listener, certificate, uvloop.run)


def on_uvloop_protocol(listener: socket.socket, certificate: str) -> None:
    import uvloop

    on_asyncio_protocol(listener, certificate, uvloop.run)


def on_epoll(listener: socket.socket, certificate: str) -> None:
    """The limit for Python: what is readable is read and answered, with nothing between the two."""
    context, poller, connections = load(ssl, certificate), select.epoll(), {}
    poller.register(listener, select.EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == listener.fileno():
                tls = context.wrap_socket(listener.accept()[0], server_side=True)
                tls.setblocking(False)
                connections[tls.fileno()] = tls
                poller.register(tls, select.EPOLLIN)
                continue
            tls = connections[fd]
            try:
                data = tls.recv(16384)
                if data:
                    tls.sendall(data)
                    continue
            except ssl.SSLWantReadError:
                continue
            except OSError:
                pass
            connections.pop(fd).close()


def load(module, certificate: str) -> ssl.SSLContext:
    context = module.SSLContext(module.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


SERVERS = {
    "plain epoll": (on_epoll, "select"),
    "hublet": (on_hublet, "hublet.net"),
    "gevent": (on_gevent, "gevent"),
    "asyncio streams": (on_asyncio, "asyncio"),
    "asyncio protocol": (on_asyncio_protocol, "asyncio"),
    "uvloop streams": (on_uvloop, "uvloop"),
    "uvloop protocol": (on_uvloop_protocol, "uvloop"),
}


@contextmanager
def running(name: str, certificate: str) -> Iterator[tuple[int, tuple[str, int]]]:
    """Run a server; yield its process number and its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        address = listener.getsockname()
        command = [sys.executable, __file__, "--serve", name, str(listener.fileno()), certificate]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
    try:
        yield process.pid, address
    finally:
        process.kill()
        process.wait()


def cpu(pid: int) -> float:
    """Return the seconds of CPU time that a process has used, in all its threads."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


# The load ------------------------------------------------------------------------------------------------------------


def connect(address: tuple[str, int], context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(address)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="localhost")


def echo(address, context: ssl.SSLContext, pid: int, seconds: float, connections: int, size: int) -> float:
    """Return microseconds of the server's CPU for each message that came back."""
    message = b"x" * size
    poller = select.epoll()
    clients = {}
    for _ in range(connections):
        client = connect(address, context)
        client.setblocking(False)
        clients[client.fileno()] = [client, 0]
        poller.register(client, select.EPOLLIN)
    for client, _ in clients.values():
        client.send(message)
    answers = 0
    begun = measured = None
    while True:
        for fd, _ in poller.poll():
            state = clients[fd]
            try:
                while True:
                    state[1] += len(state[0].recv(65536))
                    if state[1] == size:
                        state[1] = 0
                        answers += 1
                        state[0].send(message)
            except ssl.SSLWantReadError:
                pass
        if begun is None:
            if answers > 5 * connections:  # it is warm
                begun, measured, answers = time.monotonic(), cpu(pid), 0
        elif time.monotonic() - begun > seconds:
            break
    used = cpu(pid) - measured
    for client, _ in clients.values():
        client.close()
    return used / answers * 1e6


def handshakes(address, context: ssl.SSLContext, pid: int, seconds: float) -> float:
    """Return microseconds of the server's CPU for each connection: accept, handshake, one echo, close."""
    for warm in (True, False):
        begun, measured, count = time.monotonic(), cpu(pid), 0
        while time.monotonic() - begun < (0.2 if warm else seconds):
            with connect(address, context) as client:
                client.sendall(b"x")
                client.recv(1)
            count += 1
    return (cpu(pid) - measured) / count * 1e6


QUESTIONS = {
    "echo, 1 connection, 64 B": lambda *args: echo(*args, 1, 64),
    "echo, 1 connection, 4 KiB": lambda *args: echo(*args, 1, 4096),
    "echo, 100 connections, 64 B": lambda *args: echo(*args, 100, 64),
    "echo, 100 connections, 4 KiB": lambda *args: echo(*args, 100, 4096),
    "connection with a full handshake": handshakes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("servers", nargs="*", help=", ".join(SERVERS))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    names = options.servers or [name for name, (_, module) in SERVERS.items() if importlib.util.find_spec(module)]

    import trustme

    best: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        authority, certificate = trustme.CA(), os.path.join(folder, "server.pem")
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(context)
        for _ in range(options.rounds):
            for question, measure in QUESTIONS.items():
                for name in names:
                    with running(name, certificate) as (pid, address):
                        took = measure(address, context, pid, options.seconds)
                    key = question, name
                    best[key] = min(took, best.get(key, took))
    print(f"CPython {sys.version.split()[0]}, {ssl.OPENSSL_VERSION}; microseconds of server CPU per operation")
    print()
    by_gevent = "gevent" in names and "hublet" in names
    print("| |", " | ".join(names), "|" + (" hublet ÷ gevent |" if by_gevent else ""))
    print("|---|" + "---|" * (len(names) + by_gevent))
    for question in QUESTIONS:
        row = [f"{best[question, name]:.1f}" for name in names]
        if by_gevent:
            row.append(f"{best[question, 'hublet'] / best[question, 'gevent']:.2f}")
        print(f"| {question} |", " | ".join(row), "|")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _, _, server, number, pem = sys.argv
        SERVERS[server][0](socket.socket(fileno=int(number)), pem)
    else:
        main()

"""``python -m hublet.net.wsgi``: serve an application from the command line.

SIGTERM and Ctrl-C end it gracefully: it stops accepting, finishes what is under way, and exits with 0.  A second one, or
the end of ``--stop-timeout``, ends it at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from hublet.core import get_hub, spawn
from hublet.core.lowlevel import deadline_in

from .. import socket as _socket
from .._address import parse_address
from ._limits import Limits
from ._load import LoadError, load_application
from ._reload import INHERITED, Sources, start_anew
from ._server import WSGIServer
from ._workers import CANNOT_START, Supervisor

__all__ = ["main"]

_LOOK_EVERY = 0.5  # seconds between looks for changed files


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve what *arguments* say, by default those of the command line; return the exit status.  Parks, or blocks."""
    options = _parse(arguments)
    if options.workers > 1:
        return _run_workers(options)
    listener, inherited = _take_inherited()
    return _serve(options, listener or options.bind, None if inherited else lambda address: _announce(address, options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m hublet.net.wsgi",
        description="Serve a WSGI application over HTTP/1.1.",
        epilog="To make what the application calls cooperative: python -m hublet.monkey -m hublet.net.wsgi module:application",
    )
    parser.add_argument("application", help="module:name, module:factory(), or a module that has 'application' or 'app'")
    parser.add_argument(
        "--bind", default="127.0.0.1:8000", metavar="ADDRESS", help="host:port, [ipv6]:port or unix:/path (%(default)s)"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="how many processes serve (%(default)s)")
    parser.add_argument("--reload", action="store_true", help="start anew when a source file changes; for development")
    parser.add_argument("--log", default="-", metavar="FILE", help="where the access log goes; - is standard error")
    parser.add_argument("--no-log", action="store_true", help="keep no access log")
    parser.add_argument(
        "--stop-timeout", type=float, default=30.0, metavar="SECONDS", help="for what is under way at the end (%(default)s)"
    )
    parser.add_argument("--certfile", metavar="FILE", help="serve HTTPS with this certificate, in PEM")
    parser.add_argument("--keyfile", metavar="FILE", help="its key, if it is not in the same file")
    names = ", ".join(field.name for field in dataclasses.fields(Limits))
    parser.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE", help=f"a limit, once or more; 'none' is none: {names}"
    )
    options = parser.parse_args(arguments)
    try:
        parse_address(options.bind)
        options.limits = _parse_limits(options.limit)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    if options.workers < 1:
        parser.error("--workers must be at least 1")
    if options.workers > 1 and options.reload:
        parser.error("--reload is for one worker")
    if options.keyfile and not options.certfile:
        parser.error("--keyfile needs --certfile")
    return options


def _parse_limits(given: Sequence[str]) -> Limits:
    types = {field.name: str(field.type) for field in dataclasses.fields(Limits)}
    values: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or name not in types:
            raise ValueError(f"--limit {each}: there are {', '.join(types)}, each with = and a number")
        try:
            values[name] = None if text == "none" else (float if "float" in types[name] else int)(text)
        except ValueError:
            raise ValueError(f"--limit {each}: {text!r} is no number") from None
    return Limits(**values)


def _announce(address: Any, options: argparse.Namespace) -> None:
    scheme = "http" if options.certfile is None else "https"
    if isinstance(address, tuple):
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        where = f"{scheme}://{host}:{address[1]}"
    else:
        where = f"unix:{os.fsdecode(address)}"
    processes = f" with {options.workers} workers" if options.workers > 1 else ""
    print(f"listening at {where}{processes}", flush=True)


# One process ---------------------------------------------------------------------------------------------------------


def _serve(
    options: argparse.Namespace,
    listener: Any,
    on_ready: Callable[[Any], None] | None,
    reuse_port: bool | None = None,
    environ: dict[str, Any] | None = None,
) -> int:
    """Serve in this process until a signal ends it; return the exit status."""
    log = None if options.no_log else sys.stderr if options.log == "-" else _open_log(options.log)
    application = _load(options.application, listener, options.reload)
    if application is None:
        return CANNOT_START
    try:
        tls = {"certfile": options.certfile, "keyfile": options.keyfile} if options.certfile else {}
        server = WSGIServer(
            listener, application, log=log, environ=environ, limits=options.limits, reuse_port=reuse_port, **tls
        )
    except OSError as error:
        print(f"cannot use the certificate {options.certfile}: {error}", file=sys.stderr)
        return CANNOT_START
    try:
        server.start()
    except OSError as error:
        print(f"cannot listen at {options.bind}: {error}", file=sys.stderr)
        return CANNOT_START
    ending = _Ending(server, options.stop_timeout)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ending.on_signal)
    if on_ready is not None:
        on_ready(server.address)
    if options.reload:
        spawn(_reload_on_change, server)
    server.serve_forever(options.stop_timeout)
    return 0 if ending.finished else 1


class _Ending:
    """What signals do to a server: the first drains it, the second ends the program."""

    def __init__(self, server: WSGIServer, timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        self._begun = False
        self._hub = get_hub()
        self.finished = True
        """Whether everything that was under way was answered."""

    def on_signal(self, number: int, frame: object) -> None:
        if self._begun:
            # Now, whatever is still under way; the default action says in the exit status what it was.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self._begun = True
        self._hub.call_soon_threadsafe(spawn, self._drain)

    def _drain(self) -> None:
        self.finished = self._server.drain(deadline_in(self._timeout))


def _open_log(path: str) -> Any:
    return open(path, "a", encoding="utf-8")


def _load(spec: str, listener: Any, wait_for_change: bool) -> Any:
    """Return the application; `None`, with the reason on standard error, if there is none."""
    sources = Sources()
    sources.find_changed()
    try:
        return load_application(spec)
    except LoadError as error:
        print(error, file=sys.stderr, flush=True)
        return None
    except Exception as error:
        traceback.print_exc()
        if not wait_for_change:
            return None
        frames = traceback.extract_tb(error.__traceback__)
        for path in [frame.filename for frame in frames] + [str(getattr(error, "filename", ""))]:
            if path.endswith(".py"):
                sources.add(path)
    print("waiting for a file to change", file=sys.stderr, flush=True)
    sources.wait(_LOOK_EVERY)
    start_anew(listener.fileno() if isinstance(listener, _socket.socket) else -1)
    return None


# Starting anew -------------------------------------------------------------------------------------------------------


def _take_inherited() -> tuple[Any, bool]:
    """Return the listener that the program had before it started anew, and whether there is one."""
    number = os.environ.pop(INHERITED, None)
    if number is None or int(number) < 0:
        return None, False
    os.set_inheritable(int(number), False)
    return _socket.socket(fileno=int(number)), True


def _reload_on_change(server: WSGIServer) -> None:
    sources = Sources()
    sources.find_changed()
    changed = sources.wait(_LOOK_EVERY)
    print(f"{changed} has changed: starting anew", file=sys.stderr, flush=True)
    server.stop_accepting()
    fd = os.dup(server.socket.fileno())
    server.stop(1.0)
    start_anew(fd)


# Several processes ---------------------------------------------------------------------------------------------------


def _run_workers(options: argparse.Namespace) -> int:
    if not hasattr(os, "fork"):
        print("--workers needs fork(), which this system does not have", file=sys.stderr)
        return 2
    family, address = parse_address(options.bind)
    shared = None
    try:
        if family != getattr(_socket, "AF_UNIX", None) and hasattr(_socket, "SO_REUSEPORT"):
            # Each worker listens for itself, and the kernel spreads connections over them.  This socket only keeps the
            # port: bound and never listening, it gets none.
            kept = _socket.socket(family, _socket.SOCK_STREAM)
            kept.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            kept.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, 1)
            if family == _socket.AF_INET6:
                kept.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, int(address[0] not in ("", "::")))
            kept.bind(address)
            address = kept.getsockname()
        else:
            kept = shared = WSGIServer.get_listener(options.bind)
    except OSError as error:
        print(f"cannot listen at {options.bind}: {error}", file=sys.stderr)
        return CANNOT_START

    def work(tell_ready: Callable[[], None]) -> int:
        environ = {"wsgi.multiprocess": True}
        if shared is not None:
            return _serve(options, shared, lambda address: tell_ready(), environ=environ)
        return _serve(options, address, lambda address: tell_ready(), reuse_port=True, environ=environ)

    status = Supervisor(options.workers, work, options.stop_timeout).run(lambda: _announce(address, options))
    kept.close()
    return status

"""A web site to crawl: what `pydoc` writes about the standard library, served on loopback.

    python examples/pydoc_site.py --delay 0.05

Writes all pages into memory first, says how far it is, and then prints the address.  `/` links to every module, and
`/sample.html` to a few, evenly spread.  Each answer is held back for a while, as answers from far away are.

The server is a hublet program too: a greenlet for each connection, and no end of connections.  It ends with its
standard input, so that it never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import pkgutil
import pydoc
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from types import ModuleType

from hublet.core import sleep, spawn
from hublet.net import socket

# What draws windows, opens a browser, prints a poem, or fills a hundred pages with the same words; and tests.
SKIPPED = {"antigravity", "encodings", "idlelib", "test", "tests", "this", "tkinter", "turtle", "turtledemo"}


def modules(names: list[str], prefix: str = "") -> Iterator[ModuleType]:
    """Import the public modules among *names*, and all below them, in alphabetical order; pass by what is not there."""
    for name in sorted(names):
        if name.startswith("_") or name in SKIPPED:
            continue
        try:
            module = importlib.import_module(prefix + name)
        except ImportError:
            continue  # of another platform, or not installed with this Python
        yield module
        below = pkgutil.iter_modules(getattr(module, "__path__", []))
        yield from modules([each.name for each in below], f"{prefix}{name}.")


def page(title: str, names: list[str]) -> str:
    """Write a page that links to the pages of *names*."""
    items = "\n".join(f'<li><a href="{name}.html">{name}</a></li>' for name in names)
    return f"<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n<ul>\n{items}\n</ul>\n"


def write_pages(sample: int) -> Iterator[tuple[str, str]]:
    """Yield the path of each page and its HTML, and say how far it is."""
    # Where a docstring is missing pydoc looks for comments, which takes half of all the time.
    inspect.getcomments = lambda object: None
    warnings.simplefilter("ignore")  # of modules that are about to go
    found = {module.__name__: module for module in modules(list(sys.stdlib_module_names))}
    names = list(found)
    yield "/", page("Modules", names)
    yield "/sample.html", page("Some modules", names[:: max(1, len(names) // sample)][:sample])

    def keep_link(match: re.Match[str]) -> str:
        return match[0] if match[1] in found else match[0].replace("href", "data-missing")

    for done, (name, module) in enumerate(found.items()):
        if done % 20 == 0:
            print(f"{done} of {len(found)} pages written", flush=True)
        html = pydoc.html.page(name, pydoc.html.document(module, name))
        yield f"/{name}.html", re.sub(r'href="([\w.]+)\.html', keep_link, html)


def response(status: str, html: str) -> bytes:
    """Return a complete HTTP response."""
    body = html.encode(errors="replace")
    return b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (
        status.encode(),
        len(body),
        body,
    )


def answer(connection: socket.socket, responses: dict[str, bytes], delay: float) -> None:
    """Answer one request after another, until the client asks for no more."""
    with connection:
        request = b""
        while received := connection.recv(65536):
            request += received
            while b"\r\n\r\n" in request:
                head, _, request = request.partition(b"\r\n\r\n")
                path = head.split(b" ")[1].decode(errors="replace") if b" " in head else ""
                sleep(delay)
                connection.sendall(responses.get(path) or responses["missing"])
                if b"\nconnection: close" in head.lower():
                    return


def serve(listener: socket.socket, responses: dict[str, bytes], delay: float) -> None:
    """Answer everybody, for ever."""
    while True:
        connection, _ = listener.accept()
        spawn(answer, connection, responses, delay)


def end_with_standard_input() -> None:
    """End this process when whoever started it has gone, or wants it to."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Write, listen and serve."""
    parser = argparse.ArgumentParser(description="Serve the documentation of the standard library on loopback.")
    parser.add_argument("--delay", type=float, default=0.05, metavar="SECONDS", help="hold back each answer so long")
    parser.add_argument("--sample", type=int, default=48, metavar="PAGES", help="/sample.html links to so many")
    parser.add_argument("--port", type=int, default=0, help="listen on this one; 0 is any that is free")
    options = parser.parse_args()
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    responses = {path: response("200 OK", html) for path, html in write_pages(options.sample)}
    responses["missing"] = response("404 Not Found", page("There is no such page", []))
    listener = socket.create_server(("127.0.0.1", options.port), backlog=1024)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    serve(listener, responses, options.delay)


if __name__ == "__main__":
    main()

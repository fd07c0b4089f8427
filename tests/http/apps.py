"""Serve Flask, Django and an upload of one GiB with `python -m hublet.monkey -m hublet.net.wsgi`, and look at the answers.

    python tests/http/apps.py [--upload BYTES]

Prints what it has done; the exit status is 1 if something was wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLASK = '''
import hashlib, os, time
from flask import Flask, Response, abort, redirect, request, send_file, session

application = Flask(__name__)
application.secret_key = "for the test"


@application.get("/")
def index():
    return "Hello from Flask"


@application.get("/slow")
def slow():
    time.sleep(0.5)
    return "slow"


@application.post("/form")
def form():
    session["name"] = request.form["name"]
    return redirect("/name")


@application.get("/name")
def name():
    return {"name": session["name"]}


@application.get("/stream")
def stream():
    return Response(f"{i}\\n" for i in range(1000))


@application.get("/file")
def file():
    return send_file(__file__, mimetype="text/plain", conditional=True)


@application.get("/fail")
def fail():
    raise RuntimeError("on purpose")


@application.post("/upload")
def upload():
    digest, size = hashlib.sha256(), 0
    for piece in iter(lambda: request.files["file"].stream.read(1 << 20), b""):
        digest.update(piece)
        size += len(piece)
    return {"size": size, "sha256": digest.hexdigest()}


@application.post("/raw")
def raw():
    digest, size = hashlib.sha256(), 0
    for piece in iter(lambda: request.stream.read(1 << 16), b""):
        digest.update(piece)
        size += len(piece)
    return {"size": size, "sha256": digest.hexdigest()}
'''

DJANGO = '''
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(SECRET_KEY="for the test", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], DEBUG=False)


def index(request):
    return HttpResponse("Hello from Django")


def form(request):
    return JsonResponse({"name": request.POST["name"], "query": request.GET.get("q"), "host": request.get_host()})


def stream(request):
    return StreamingHttpResponse(f"{i}\\n" for i in range(1000))


def file(request):
    return FileResponse(open(__file__, "rb"))


def fail(request):
    raise RuntimeError("on purpose")


urlpatterns = [
    path("", index), path("form", form), path("stream", stream), path("file", file), path("fail", fail),
]
application = get_wsgi_application()
'''

Answer = tuple[int, dict[str, str], bytes]


class Site:
    """A server that runs, and its clients."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Make a request on a connection of its own; return status, headers by lower-case name, and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        connection.close()
        return answer

    def peak_memory(self) -> int:
        """Return the most memory that the server has had, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@contextmanager
def served(name: str, source: str, *options: str) -> Iterator[Site]:
    """Serve an application; end it gracefully, which must succeed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{name}_site.py").write_text(source)
        command = [sys.executable, "-m", "hublet.monkey", "-m", "hublet.net.wsgi", f"{name}_site", "--bind", "127.0.0.1:0"]
        process = subprocess.Popen(
            [*command, "--no-log", *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening at http://"), (line, process.communicate())
            yield Site(process, int(line.rpartition(":")[2]))
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
            assert process.returncode == 0, err
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def flask() -> None:
    """Pages, forms, sessions, streams, files and errors; and a hundred slow requests at once."""
    with served("flask", FLASK) as site:
        assert site.ask("GET", "/")[2] == b"Hello from Flask"
        status, headers, _ = site.ask("POST", "/form", "name=hublet", Content_Type="application/x-www-form-urlencoded")
        assert (status, headers["location"]) == (302, "/name")
        cookie = headers["set-cookie"].partition(";")[0]
        assert json.loads(site.ask("GET", "/name", Cookie=cookie)[2]) == {"name": "hublet"}
        assert site.ask("GET", "/stream")[2] == b"".join(b"%d\n" % i for i in range(1000))
        status, headers, body = site.ask("GET", "/file")
        assert body.decode() == FLASK
        assert site.ask("GET", "/file", If_None_Match=headers["etag"])[0::2] == (304, b"")
        assert site.ask("HEAD", "/")[1]["content-length"] == "16"
        assert site.ask("GET", "/fail")[0] == 500
        assert site.ask("GET", "/nowhere")[0] == 404
        begun = time.monotonic()
        with ThreadPoolExecutor(100) as pool:
            assert set(pool.map(lambda _: site.ask("GET", "/slow")[2], range(100))) == {b"slow"}
        print(f"flask: a hundred requests of half a second took {time.monotonic() - begun:.1f} s")


def django() -> None:
    """Pages, forms, streams, files and errors."""
    with served("django", DJANGO) as site:
        assert site.ask("GET", "/")[2] == b"Hello from Django"
        form = site.ask("POST", "/form?q=1", "name=hublet", Content_Type="application/x-www-form-urlencoded")
        # Django wants a token against forged forms, which a client like this one does not have.
        assert form[0] in (200, 403)
        assert site.ask("GET", "/stream")[2] == b"".join(b"%d\n" % i for i in range(1000))
        assert site.ask("GET", "/file")[2].decode() == DJANGO
        assert site.ask("GET", "/fail")[0] == 500
        assert site.ask("GET", "/nowhere")[0] == 404
    print("django: pages, forms, streams, files and errors")


def upload(size: int) -> None:
    """A file in a form, and a body in chunks, of *size* bytes each."""
    block = bytes(range(256)) * 4096
    count = size // len(block)
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(block)
    before = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
    after = b"\r\n--frontier--\r\n"

    def pieces(wrapped: bool) -> Iterator[bytes]:
        yield from [before] if wrapped else []
        for _ in range(count):
            yield block
        yield from [after] if wrapped else []

    with served("flask", FLASK, "--limit", "body=none") as site:
        site.ask("GET", "/")
        idle = site.peak_memory()
        for path, wrapped, headers in (
            ("/raw", False, {}),  # in chunks, as its length is not told
            (
                "/upload",
                True,
                {
                    "Content_Length": str(count * len(block) + len(before) + len(after)),
                    "Content_Type": "multipart/form-data; boundary=frontier",
                },
            ),
        ):
            begun = time.monotonic()
            status, _, body = site.ask("POST", path, pieces(wrapped), **headers)
            assert status == 200, (status, body)
            assert json.loads(body) == {"size": count * len(block), "sha256": digest.hexdigest()}
            peak = site.peak_memory()
            took = time.monotonic() - begun
            print(f"upload to {path}: {count * len(block):,} bytes in {took:.1f} s; peak memory {idle} -> {peak} MiB")
            assert peak < idle + 64, "a body is kept in memory"


def main() -> int:
    """Run what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upload", type=int, default=1 << 30, metavar="BYTES")
    options = parser.parse_args()
    checks: list[Callable[[], None]] = [flask, django, lambda: upload(options.upload)]
    for check in checks:
        check()
    return 0


if __name__ == "__main__":
    sys.exit(main())

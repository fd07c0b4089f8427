"""HTTP in both directions with the standard library's own client and server, patched, in one native thread."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(find_spec("hublet.net") is None, reason="hublet-net is not installed")

SERVER = """
from hublet.monkey import patch_all
patch_all()
import http.client, http.server, sys, time, urllib.request
from hublet.core import joinall, spawn, getcurrent

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body):
        time.sleep(0.05)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(self.path.encode() * 1000)
    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"]))[::-1])
    def log_message(self, *args):
        pass

class Server(http.server.HTTPServer):
    request_queue_size = 200
    def process_request(self, request, address):
        spawn(self.work, request, address)
    def work(self, request, address):
        try:
            self.finish_request(request, address)
        finally:
            self.shutdown_request(request)
    def serve(self):
        while True:
            self.process_request(*self.get_request())

server = Server(("localhost", 0), Handler)
serving = spawn(server.serve)
port = server.server_address[1]
"""


def test_a_hundred_requests_at_once_take_about_as_long_as_one(script):
    printed = script(
        SERVER
        + """
def fetch(number):
    with urllib.request.urlopen(f"http://localhost:{port}/{number}", timeout=10) as response:
        return response.read() == f"/{number}".encode() * 1000
started = time.monotonic()
fetching = joinall([spawn(fetch, number) for number in range(100)], raise_error=True)
print(all(each.value for each in fetching), len(fetching), time.monotonic() - started < 2.5)
"""
    )

    assert printed == "True 100 True"


def test_a_connection_is_kept_and_carries_much_data_both_ways(script):
    printed = script(
        SERVER
        + """
data = bytes(range(256)) * 8192
def post():
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    answers = []
    for _ in range(3):
        connection.request("POST", "/", data)
        answers.append(connection.getresponse().read() == data[::-1])
    connection.close()
    return answers
posting = joinall([spawn(post) for _ in range(5)], raise_error=True)
print([each.value for each in posting] == [[True] * 3] * 5)
"""
    )

    assert printed == "True"


def test_a_client_that_gives_up_does_not_disturb_the_server(script):
    printed = script(
        SERVER
        + """
try:
    urllib.request.urlopen(f"http://localhost:{port}/", timeout=0.001)
except OSError as error:
    print(type(getattr(error, "reason", error)).__name__)
print(len(urllib.request.urlopen(f"http://localhost:{port}/x", timeout=10).read()))
"""
    )

    assert printed.splitlines() == ["TimeoutError", "2000"]


def test_a_threading_server_in_native_threads_serves_greenlets(script):
    printed = script(
        """
        import threading
        from hublet.monkey import patch_all
        patch_all(thread=False, select=False, selectors=False)
        import http.server, time, urllib.request
        from hublet.core import joinall, spawn

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.path.encode())
            def log_message(self, *args):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            def fetch(number):
                with urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}/{number}") as response:
                    return response.read().decode()
            fetching = joinall([spawn(fetch, number) for number in range(20)], raise_error=True)
            server.shutdown()
            thread.join()
        print(sorted(each.value for each in fetching) == sorted(f"/{number}" for number in range(20)))
        """
    )

    assert printed == "True"

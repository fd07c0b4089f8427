"""`ssl` patched: in place, so that what a program has made or imported before becomes cooperative too."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("trustme")

BEGIN = """
import os, socket, ssl, sys
authority, certificate = "ca.pem", "server.pem"
"""

SERVE = """
from hublet.core import joinall, sleep, spawn
from hublet.core.testing import wait_all_parked

def serve(listener, context, times):
    for _ in range(times):
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(tls.recv(100).upper())

def ask(address, context):
    with socket.create_connection(address, timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"hello")
            return type(tls).__module__, tls.recv(100)

def contexts():
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=authority)
    return server, client
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    import trustme

    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder


def run(folder: Path, code: str) -> str:
    code = BEGIN + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def test_contexts_made_before_become_cooperative(folder):
    printed = run(
        folder,
        SERVE
        + """
server, client = contexts()
from hublet import monkey
monkey.patch_all()
listener = socket.create_server(("127.0.0.1", 0))
serving = spawn(serve, listener, server, 2)
print(*[spawn(ask, listener.getsockname(), client).get() for _ in range(2)])
""",
    )

    assert printed == "('hublet.net.ssl', b'HELLO') ('hublet.net.ssl', b'HELLO')"


def test_names_imported_before_mean_the_same_after(folder):
    printed = run(
        folder,
        """
from ssl import SSLContext, SSLSocket, create_default_context, get_server_certificate
from hublet import monkey
monkey.patch_all()
assert ssl.SSLContext is SSLContext and ssl.SSLSocket is SSLSocket
"""
        + SERVE
        + """
server, client = contexts()
listener = socket.create_server(("127.0.0.1", 0))
serving = spawn(serve, listener, server, 2)
print(get_server_certificate(listener.getsockname()).startswith("-----BEGIN"))
with socket.create_connection(listener.getsockname()) as plain:
    with client.wrap_socket(plain, server_hostname="localhost") as tls:
        print(isinstance(tls, SSLSocket), isinstance(tls, socket.socket))
        tls.sendall(b"hello")
        print(tls.recv(10))
""",
    )

    assert printed.split() == ["True", "True", "True", "b'HELLO'"]


def test_classes_derived_before_keep_their_methods_and_become_cooperative(folder):
    printed = run(
        folder,
        """
class Socket(ssl.SSLSocket):
    def recv(self, *args):
        return super().recv(*args) + b"!"

class Context(ssl.SSLContext):
    sslsocket_class = Socket

from hublet import monkey
monkey.patch_all()
"""
        + SERVE
        + """
server, _ = contexts()
client = Context(ssl.PROTOCOL_TLS_CLIENT)
client.load_verify_locations(authority)
listener = socket.create_server(("127.0.0.1", 0))
serving = spawn(serve, listener, server, 1)
with socket.create_connection(listener.getsockname()) as plain:
    with client.wrap_socket(plain, server_hostname="localhost") as tls:
        assert isinstance(tls, Socket) and type(tls).__name__ == "Socket"
        reading = spawn(tls.recv, 10)
        wait_all_parked()
        tls.sendall(b"hello")
        print(reading.get())
""",
    )

    assert printed == "b'HELLO!'"


@pytest.mark.parametrize("early", [True, False])
def test_patched_late_or_twice_nothing_calls_itself_for_ever(folder, early):
    printed = run(
        folder,
        f"""
from hublet import monkey
if {early}:
    monkey.patch_ssl()
else:
    import asyncio, http.client, urllib.request
    monkey.patch_all()
monkey.patch_ssl()
context = ssl.create_default_context()
context.minimum_version = ssl.TLSVersion.TLSv1_2
context.options |= ssl.OP_NO_COMPRESSION
context.verify_flags |= ssl.VERIFY_X509_STRICT
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
import hublet.net.ssl
hublet.net.ssl.create_default_context().options |= ssl.OP_NO_TICKET
print(monkey.is_module_patched("ssl"), monkey.get_original("ssl:SSLContext", "sslsocket_class"))
""",
    )

    assert printed == "True <class 'ssl.SSLSocket'>"


def test_only_ssl_patched_the_rest_is_left_alone(folder):
    printed = run(
        folder,
        """
from hublet import monkey
plain = socket.socket
monkey.patch_ssl()
assert socket.socket is plain and not monkey.is_module_patched("socket")
"""
        + SERVE
        + """
import threading
server, client = contexts()
listener = socket.create_server(("127.0.0.1", 0))
thread = threading.Thread(target=serve, args=(listener, server, 1))
thread.start()
print(ask(listener.getsockname(), client))
thread.join()
""",
    )

    assert printed == "('hublet.net.ssl', b'HELLO')"


def test_https_by_the_standard_librarys_client_and_server(folder):
    printed = run(
        folder,
        """
from hublet import monkey
monkey.patch_all()
import http.server, time, urllib.request
"""
        + SERVE
        + """
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.2)
        body = self.path.encode() * 10_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

server_context, client_context = contexts()
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)

def serve_one(connection, address):
    with server_context.wrap_socket(connection, server_side=True) as tls:
        server.finish_request(tls, address)

def serve():
    while True:
        spawn(serve_one, *server.get_request())

def fetch(number):
    url = f"https://localhost:{server.server_address[1]}/{number}"
    with urllib.request.urlopen(url, context=client_context, timeout=20) as response:
        return response.read() == f"/{number}".encode() * 10_000

serving = spawn(serve)
begun = time.monotonic()
fetching = joinall([spawn(fetch, number) for number in range(20)], raise_error=True)
print(all(each.value for each in fetching), time.monotonic() - begun < 3)
""",
    )

    assert printed == "True True"


CONNECTED = """
server, client = contexts()
one, other = socket.socketpair()
import threading
shaking = threading.Thread(target=lambda: globals().update(theirs=server.wrap_socket(other, server_side=True)))
shaking.start()
ours = client.wrap_socket(one, server_hostname="localhost")
shaking.join()
"""


def test_tls_sockets_made_before_park(folder):
    printed = run(
        folder,
        SERVE
        + CONNECTED
        + """
from hublet import monkey
monkey.patch_all()
reading = spawn(ours.recv, 100)
sleep(0)
print(reading.ready())
theirs.sendall(b"one")
print(reading.get())
big = b"x" * 5_000_000
writing = spawn(theirs.sendall, big)
sleep(0)
print(writing.ready())
got = 0
while got < len(big):
    got += len(ours.recv(1 << 16))
writing.get()
ending = spawn(ours.unwrap)
sleep(0)
print(ending.ready(), theirs.recv(1), ours.version(), ours.pending())
theirs.unwrap()
ending.get()
print(ours.version())
""",
    )

    assert printed.splitlines() == ["False", "b'one'", "False", "False b'' TLSv1.3 0", "None"]


def test_timeouts_of_tls_sockets_made_before_hold(folder):
    printed = run(
        folder,
        SERVE
        + CONNECTED
        + """
ours.settimeout(0.02)
from hublet import monkey
monkey.patch_all()
beside = spawn(sleep, 0.001)
try:
    ours.recv(1)
except TimeoutError as error:
    print(error, beside.ready(), ours.gettimeout())
ours.setblocking(False)
try:
    ours.recv(1)
except ssl.SSLWantReadError:
    print("not yet")
""",
    )

    assert printed.splitlines() == ["The read operation timed out True 0.02", "not yet"]


def test_tls_sockets_made_before_and_connected_after_park(folder):
    printed = run(
        folder,
        SERVE
        + """
server, client = contexts()
early = client.wrap_socket(socket.socket(), server_hostname="localhost")
listening = server.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
from hublet import monkey
monkey.patch_all()
def answer():
    with listening.accept()[0] as connection:
        connection.sendall(connection.recv(10).upper())
answering = spawn(answer)
sleep(0)
early.connect(listening.getsockname())
early.sendall(b"hello")
print(early.recv(10), type(early) is ssl.SSLSocket)
""",
    )

    assert printed == "b'HELLO' True"

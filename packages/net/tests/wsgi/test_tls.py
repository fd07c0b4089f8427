"""The server over TLS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from hublet.core.lowlevel import deadline_in
from hublet.net import socket, ssl

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The server's certificate and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    issued = authority.issue_cert("localhost")
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def connect(authority: trustme.CA) -> Callable[[Any], Any]:
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def connect(site: Any) -> Any:
        sock = socket.create_connection(site.server.address, 10.0)
        return context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False)

    return connect


def application(environ: dict[str, Any], start_response: Any) -> Any:
    body = environ["wsgi.input"].read(-1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/file":
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    return iter([environ["wsgi.url_scheme"].encode(), b" ", body])


@pytest.fixture
def site(serve: Any, files: tuple[str, str]) -> Any:
    return serve(application, validated=False, certfile=files[0], keyfile=files[1])


def test_requests_follow_one_another_over_tls(site: Any, connect: Any) -> None:
    with connect(site) as sock:
        for _ in range(3):
            sock.sendall(GET)
            answer = b""
            while not answer.endswith(b"0\r\n\r\n"):
                answer += sock.recv(65536)
            assert b"\r\nhttps\r\n" in answer


def test_large_bodies_go_both_ways(site: Any, connect: Any) -> None:
    body = bytes(range(256)) * 8000
    with connect(site) as sock:
        sock.sendall(b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece

    assert answer.endswith(b"https " + body)


def test_a_file_is_read_and_sent(site: Any, connect: Any) -> None:
    with connect(site) as sock:
        sock.sendall(b"GET /file HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := sock.recv(65536):  # and its end is no ragged one
            answer += piece

    assert answer.endswith(Path(__file__).read_bytes())


def test_a_refusal_arrives_although_more_was_sent(site: Any, connect: Any) -> None:
    with connect(site) as sock:
        sock.sendall(b"nonsense\r\n\r\n" + b"x" * 100_000)
        assert sock.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_drain_ends_idle_connections(site: Any, connect: Any) -> None:
    with connect(site) as sock:
        sock.sendall(GET)
        answer = b""
        while not answer.endswith(b"0\r\n\r\n"):
            answer += sock.recv(65536)

        assert site.server.drain(deadline_in(5.0)) is True

        assert sock.recv(1000) == b""


def test_a_context_serves_as_well(serve: Any, files: tuple[str, str], connect: Any) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    site = serve(application, validated=False, ssl_context=context)

    with connect(site) as sock:
        sock.sendall(GET)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")

    with pytest.raises(TypeError, match="either an ssl_context or certfile"):
        serve(application, ssl_context=context, certfile=files[0])
    with pytest.raises(TypeError, match="without a certfile"):
        serve(application, keyfile=files[1])


def test_pywsgi_s_arguments_for_tls_are_taken(serve: Any, files: tuple[str, str], connect: Any, authority: Any) -> None:
    client, ca_certs = authority.issue_cert("client"), f"{files[0]}.authority"
    authority.cert_pem.write_to_path(ca_certs)
    site = serve(
        application,
        validated=False,
        certfile=files[0],
        keyfile=files[1],
        server_side=True,
        cert_reqs=ssl.CERT_REQUIRED,
        ca_certs=ca_certs,
        ssl_version=ssl.PROTOCOL_TLS,
        ciphers="ECDHE+AESGCM",
        do_handshake_on_connect=True,
        suppress_ragged_eofs=True,
    )
    context = ssl.create_default_context()
    authority.configure_trust(context)
    client.configure_cert(context)

    with context.wrap_socket(site.connect(), server_hostname="localhost") as sock:
        sock.sendall(GET)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(OSError, match="(?i)certificate|reset"), connect(site) as nobody:
        nobody.recv(1000)  # TLS 1.3: only now is the client told

    assert "no TLS with" in site.errors()


def test_one_version_of_tls_may_be_asked_for(serve: Any, files: tuple[str, str], connect: Any) -> None:
    with pytest.warns(DeprecationWarning):
        site = serve(application, validated=False, certfile=files[0], keyfile=files[1], ssl_version=ssl.PROTOCOL_TLSv1_2)

    with connect(site) as sock:
        assert sock.version() == "TLSv1.2"
        sock.sendall(GET)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_server_is_no_client(serve: Any, files: tuple[str, str]) -> None:
    with pytest.raises(TypeError, match="server_side cannot be false"):
        serve(application, certfile=files[0], keyfile=files[1], server_side=False)


def test_a_client_that_speaks_no_tls_is_a_line_in_the_log(site: Any, connect: Any) -> None:
    with site.connect() as plain:
        plain.sendall(GET)
        try:
            assert b"HTTP/1.1" not in plain.recv(1000)
        except ConnectionResetError:
            pass
    with connect(site) as sock:
        sock.sendall(GET)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")

    (line,) = site.errors().splitlines()
    assert "no TLS with <hublet.net.socket.socket" in line

"""TLS sockets: as `ssl`, and whoever waits lets the others run."""

from __future__ import annotations

import errno
import gc
import inspect
import os
import socket as stdlib
import ssl as stdlib_ssl
import warnings

import pytest

from hublet.core import ConcurrentObjectUseError, GreenletExit, Timeout, getcurrent, joinall, sleep, spawn
from hublet.core.lowlevel import READ, ParkingLot, get_hub, handle_for
from hublet.core.testing import wait_all_parked
from hublet.net import socket, ssl

MEGABYTE = bytes(range(256)) * 4096


def error_of(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except BaseException as error:
        return error


def read_exactly(sock, count):
    chunks = []
    while count:
        chunks.append(sock.recv(count))
        assert chunks[-1], "the end came early"
        count -= len(chunks[-1])
    return b"".join(chunks)


def fill_raw(sock):
    """Fill the buffers below TLS with rubbish, for a peer that never looks at it."""
    fd = sock.fileno()
    total = 0
    try:
        while True:
            total += os.write(fd, bytes(65536))
    except BlockingIOError:
        return total


def drain_raw(fd, count):
    """Take *count* bytes from below TLS."""
    while count:
        socket.wait_read(fd)
        count -= len(os.read(fd, min(count, 1 << 20)))


# Talking


def test_data_goes_both_ways_at_once(tls):
    client, server = tls

    def echo():
        while data := server.recv(10_000):
            server.sendall(data)

    echoing = spawn(echo)
    sending = spawn(client.sendall, MEGABYTE)

    assert read_exactly(client, len(MEGABYTE)) == MEGABYTE
    sending.get()
    client.close()
    echoing.get()


def test_a_greenlet_that_waits_for_tls_lets_others_run(tls):
    client, server = tls
    order = []
    reading = spawn(lambda: order.append(client.recv(10)))
    wait_all_parked()
    order.append("meanwhile")

    server.sendall(b"hello")
    reading.get()

    assert order == ["meanwhile", b"hello"]


def test_many_handshakes_go_on_at_once(listener, client_context, server_context):
    def serve():
        serving = []
        for _ in range(20):
            connection, _ = listener.accept()
            serving.append(spawn(answer, connection))
        joinall(serving, raise_error=True)

    def answer(connection):
        with server_context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(tls.recv(100)[::-1])

    def ask(number):
        with socket.create_connection(listener.getsockname()) as plain:
            with client_context.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(b"%05d" % number)
                return tls.recv(100)

    serving = spawn(serve)
    asking = [spawn(ask, number) for number in range(20)]

    assert [each.get() for each in asking] == [(b"%05d" % number)[::-1] for number in range(20)]
    serving.get()


def test_every_way_to_read_and_write(tls):
    client, server = tls
    buf = bytearray(10)

    client.send(b"one")
    assert server.recv(10) == b"one"
    client.write(b"two")
    assert server.read(10) == b"two"
    client.sendall(memoryview(b"three"))
    assert server.recv_into(buf) == 5 and buf[:5] == b"three"
    client.sendall(bytearray(b"four"))
    assert server.read(2, buf) == 2 and server.pending() == 2 and server.recv(10) == b"ur"
    client.sendall(b"line\n")
    assert server.makefile("rb").readline() == b"line\n"


def test_nothing_is_read_or_written_without_waiting(tls):
    client, _ = tls

    assert client.recv(0) == b""
    assert client.sendall(b"") is None
    with pytest.raises(ValueError, match="negative"):
        client.recv(-1)


def test_reading_into_what_has_no_room_does_not_wait(tls):
    client, server = tls
    server.sendall(b"x")
    assert client.recv(1) == b"x", "so that it looks first whether there is more"

    assert client.recv_into(bytearray()) == 0
    with pytest.raises(TypeError, match="read-write"):
        client.recv_into(b"read-only")


def test_a_file_is_sent(tls, tmp_path):
    client, server = tls
    path = tmp_path / "file"
    path.write_bytes(MEGABYTE)

    with path.open("rb") as file:
        sending = spawn(client.sendfile, file, 100)
        assert read_exactly(server, len(MEGABYTE) - 100) == MEGABYTE[100:]

    assert sending.get() == len(MEGABYTE) - 100


@pytest.mark.parametrize("call", ["recvfrom", "recvfrom_into", "sendto"])
def test_what_makes_no_sense_with_tls_is_refused_as_in_the_original(tls, call):
    client, _ = tls
    args = {"recvfrom": (1,), "recvfrom_into": (bytearray(1),), "sendto": (b"x", ("127.0.0.1", 1))}[call]

    with pytest.raises(ValueError, match="not allowed"):
        getattr(client, call)(*args)
    for refused in (client.dup, lambda: client.recvmsg(1), lambda: client.sendmsg([b""])):
        with pytest.raises(NotImplementedError):
            refused()
    for with_flags in (lambda: client.recv(1, 1), lambda: client.send(b"x", 1), lambda: client.sendall(b"x", 1)):
        with pytest.raises(ValueError, match="non-zero flags"):
            with_flags()


# What it is


def test_it_is_a_socket_of_both(tls):
    client, _ = tls

    assert isinstance(client, ssl.SSLSocket)
    assert isinstance(client, stdlib_ssl.SSLSocket)
    assert isinstance(client, socket.socket)
    assert type(client).__module__ == "hublet.net.ssl"
    assert client.context.sslsocket_class is ssl.SSLSocket


def test_contexts_are_ours_however_they_are_made(authority):
    made = [
        ssl.create_default_context(),
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl._create_unverified_context(),
        ssl._create_stdlib_context(),
        ssl._create_default_https_context(),
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    ]

    assert {type(each) for each in made} == {ssl.SSLContext}
    assert {each.sslsocket_class for each in made} == {ssl.SSLSocket}
    made[0].minimum_version = ssl.TLSVersion.TLSv1_3
    made[0].options |= ssl.OP_NO_TICKET
    assert made[0].minimum_version is ssl.TLSVersion.TLSv1_3
    assert stdlib_ssl.SSLContext.sslsocket_class is not ssl.SSLSocket, "importing must not patch"


def test_everything_in_ssl_is_there():
    missing = [name for name in vars(stdlib_ssl) if not hasattr(ssl, name)]

    assert missing == []
    assert ssl.MemoryBIO is stdlib_ssl.MemoryBIO and ssl.SSLObject is stdlib_ssl.SSLObject
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        ssl.nonsense  # noqa: B018


@pytest.mark.parametrize("ours", [True, False])
def test_it_is_made_of_our_sockets_and_of_the_standard_librarys(handshake, ours):
    with stdlib.create_server(("127.0.0.1", 0)) as listener:
        one = stdlib.create_connection(listener.getsockname())
        other, _ = listener.accept()
    one.settimeout(20.0)
    pair = [socket.socket(fileno=each.detach()) if ours else each for each in (one, other)]
    if ours:
        pair[0].settimeout(20.0)

    client, server = handshake(pair)

    assert [each.fileno() for each in pair] == [-1, -1]
    assert (client.gettimeout(), server.gettimeout()) == (20.0, None)
    client.sendall(b"hello")
    assert server.recv(10) == b"hello"


def test_only_stream_sockets_can_be_wrapped(client_context):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(NotImplementedError):
            client_context.wrap_socket(datagrams, server_hostname="localhost")
    with pytest.raises(TypeError, match="public constructor"):
        ssl.SSLSocket()


# Negotiating


def test_a_protocol_is_agreed_on(handshake, client_context, server_context):
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    server_context.set_alpn_protocols(["http/1.1"])

    client, server = handshake()

    assert client.selected_alpn_protocol() == server.selected_alpn_protocol() == "http/1.1"
    assert client.version() == server.version() == "TLSv1.3"
    assert client.cipher() == server.cipher()


def test_the_servers_callback_sees_the_name_and_chooses_the_context(handshake, authority, server_context):
    special = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", common_name="special").configure_cert(special)
    seen = []

    def choose(connection, name, context):
        seen.append((type(connection), name, context is server_context))
        connection.context = special

    server_context.sni_callback = choose
    client, server = handshake()

    assert seen == [(ssl.SSLSocket, "localhost", True)]
    assert (("commonName", "special"),) in client.getpeercert()["subject"]
    assert server.context is special


def test_the_servers_callback_may_wait_while_others_shake_hands(handshake, server_context):
    first, seen = ParkingLot(), []

    def choose(connection, name, context):
        seen.append(name)
        if len(seen) == 1:
            first.park()

    server_context.sni_callback = choose
    slow = spawn(handshake)
    wait_all_parked()
    assert seen == ["localhost"] and not slow.ready()

    for end in handshake():
        assert end.version() == "TLSv1.3"
    first.unpark()
    client, server = slow.get()

    client.sendall(b"hello")
    assert server.recv(100) == b"hello"
    assert seen == ["localhost"] * 2


def test_a_session_is_used_again(handshake, client_context):
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    first, _ = handshake()
    second, _ = handshake(session=first.session)

    assert not first.session_reused and second.session_reused
    assert second.session.id == first.session.id


def test_both_ends_show_certificates(handshake, authority, client_context, server_context):
    server_context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("client@example.org").configure_cert(client_context)

    client, server = handshake()

    assert server.getpeercert()["subjectAltName"] == (("email", "client@example.org"),)
    assert ("DNS", "localhost") in client.getpeercert()["subjectAltName"]
    assert client.get_channel_binding() == server.get_channel_binding()


@pytest.mark.skipif(not ssl.HAS_TLSv1_3, reason="this OpenSSL knows no TLS 1.3")
def test_a_certificate_is_asked_for_after_the_handshake(handshake, authority, client_context, server_context):
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context.post_handshake_auth = server_context.post_handshake_auth = True
    authority.issue_cert("client@example.org").configure_cert(client_context)
    client, server = handshake()
    assert not server.getpeercert()

    server.verify_client_post_handshake()
    server.sendall(b"show it")
    assert client.recv(100) == b"show it"
    client.sendall(b"here")
    assert server.recv(100) == b"here"

    assert server.getpeercert()["subjectAltName"] == (("email", "client@example.org"),)


def test_a_certificate_for_another_name_is_refused_and_the_socket_closed(handshake, client_context, server_context):
    one, other = socket.socketpair()
    serving = spawn(error_of, server_context.wrap_socket, other, server_side=True)

    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        client_context.wrap_socket(one, server_hostname="elsewhere")

    assert caught.value.verify_message == "Hostname mismatch, certificate is not valid for 'elsewhere'."
    assert isinstance(serving.get(), (ssl.SSLError, ConnectionError)) or serving.value is None
    with pytest.raises(ValueError, match="check_hostname requires server_hostname"):
        client_context.wrap_socket(socket.socket())


# Connecting and accepting


def test_a_tls_listener_accepts_and_a_tls_socket_connects(client_context, server_context):
    with socket.create_server(("127.0.0.1", 0)) as plain, server_context.wrap_socket(plain, server_side=True) as listener:
        accepting = spawn(listener.accept)
        with client_context.wrap_socket(socket.socket(), server_hostname="localhost") as client:
            client.connect(listener.getsockname())
            server, address = accepting.get()
            client.sendall(b"hello")

            assert address == client.getsockname()
            assert type(server) is ssl.SSLSocket and server.server_side
            assert server.recv(100) == b"hello"
            with pytest.raises(ValueError, match="already-connected"):
                client.connect(listener.getsockname())
            server.close()
        with pytest.raises(ValueError, match="server-side"):
            listener.connect(("127.0.0.1", 1))


def test_connect_ex_gives_the_number_of_the_error(client_context):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with client_context.wrap_socket(socket.socket(), server_hostname="localhost") as client:
        assert client.connect_ex(address) == errno.ECONNREFUSED
    with client_context.wrap_socket(socket.socket(), server_hostname="localhost") as client:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                client.connect(address)


def test_a_servers_certificate_is_fetched(listener, server_context, authority, tmp_path):
    def serve():
        for _ in range(2):
            connection, _ = listener.accept()
            server_context.wrap_socket(connection, server_side=True).close()

    serving = spawn(serve)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    host, port = listener.getsockname()

    fetched = ssl.get_server_certificate((host, port))
    checked = ssl.get_server_certificate((host, port), ca_certs=str(trusted), timeout=20)

    assert fetched == checked and fetched.startswith("-----BEGIN CERTIFICATE-----")
    serving.get()


@pytest.mark.skipif(not hasattr(stdlib_ssl, "wrap_socket"), reason="gone in 3.12")
def test_the_old_function_makes_cooperative_sockets_too(handshake, server_context):
    one, other = socket.socketpair()
    serving = spawn(server_context.wrap_socket, other, server_side=True)

    with pytest.warns(DeprecationWarning):
        client = ssl.wrap_socket(one)

    assert type(client) is ssl.SSLSocket
    with serving.get() as server, client:
        client.sendall(b"hello")
        assert server.recv(10) == b"hello"
    with pytest.warns(DeprecationWarning), pytest.raises(ValueError, match="certfile must be specified"):
        ssl.wrap_socket(one, keyfile="key")


# Limits


def test_a_read_a_write_and_a_handshake_time_out(tls, client_context):
    client, _ = tls
    client.settimeout(0.01)

    with pytest.raises(TimeoutError, match="^The read operation timed out$"):
        client.recv(10)
    with pytest.raises(TimeoutError, match="^The write operation timed out$"):
        client.sendall(bytes(100_000_000))
    one, other = socket.socketpair()
    one.settimeout(0.01)
    with pytest.raises(TimeoutError, match="The handshake operation timed out"):
        client_context.wrap_socket(one, server_hostname="localhost")
    other.close()


def test_pieces_of_a_record_do_not_lengthen_the_time(clock, handshake, client_context, server_context):
    one, other = socket.socketpair()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(incoming, outgoing, server_side=True)

    def shake():
        while True:
            try:
                server.do_handshake()
                return
            except ssl.SSLWantReadError:
                other.sendall(outgoing.read())
                incoming.write(other.recv(65536))
            finally:
                if outgoing.pending:
                    other.sendall(outgoing.read())

    shaking = spawn(shake)
    client = client_context.wrap_socket(one, server_hostname="localhost")
    shaking.get()
    server.write(b"hello")
    record = outgoing.read()

    def dribble():
        for position in range(len(record) - 1):
            sleep(0.4)
            other.sendall(record[position : position + 1])

    dribbling = spawn(dribble)
    client.settimeout(1.0)
    begun = clock.now()
    with pytest.raises(TimeoutError):
        client.recv(10)

    assert clock.now() - begun == pytest.approx(1.0)
    dribbling.kill()
    client.close()
    other.close()


def test_sendall_has_one_deadline_for_all_of_it(clock, tls):
    client, server = tls
    client.settimeout(1.0)

    def read_slowly():
        while server.recv(100_000):
            sleep(0.05)

    reading = spawn(read_slowly)
    begun = clock.now()
    with pytest.raises(TimeoutError):
        client.sendall(bytes(200_000_000))

    assert clock.now() - begun == pytest.approx(1.0)
    reading.kill()


def test_without_blocking_it_says_what_it_would_wait_for(client_context, server_context):
    one, other = socket.socketpair()
    one.setblocking(False)
    with pytest.raises(ValueError, match="non-blocking"):
        client_context.wrap_socket(one, server_hostname="localhost")
    one, other = socket.socketpair()
    client = client_context.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False)
    client.setblocking(False)

    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    serving = spawn(server_context.wrap_socket, other, server_side=True)
    client.do_handshake(block=True)
    assert client.gettimeout() == 0.0
    server = serving.get()
    with pytest.raises(ssl.SSLWantReadError):
        client.recv(10)
    with pytest.raises(ssl.SSLWantWriteError):
        while True:
            client.send(bytes(100_000))
    client.close()
    server.close()


def test_a_mode_that_is_set_while_another_reads_is_for_the_next_call(tls):
    client, server = tls
    reading = spawn(client.recv, 10)
    wait_all_parked()

    client.setblocking(False)
    get_hub().call_soon(handle_for(client.fileno()).ready, READ)
    wait_all_parked()
    server.sendall(b"hello")

    assert reading.get() == b"hello"


def test_a_timeout_of_the_greenlet_ends_any_wait_and_leaves_nothing_behind(tls, client_context):
    client, _ = tls
    with pytest.raises(Timeout), Timeout(0.01):
        client.recv(10)
    with pytest.raises(Timeout), Timeout(0.05):
        client.sendall(bytes(100_000_000))

    one, other = socket.socketpair()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shaking = spawn(client_context.wrap_socket, one, server_hostname="localhost")
        wait_all_parked()
        shaking.kill()
        del shaking
        gc.collect()
    assert other.recv(100_000) and other.recv(10) == b"", "the killed end must be closed"
    other.close()


# The other direction


def test_a_write_that_has_to_read_first_waits_for_that(client_context, server_context):
    one, other = socket.socketpair()
    client = client_context.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False)
    sending = spawn(client.sendall, b"early")
    wait_all_parked()
    assert not sending.ready()

    with server_context.wrap_socket(other, server_side=True) as server, client:
        assert server.recv(100) == b"early"
        sending.get()


@pytest.mark.skipif(not ssl.HAS_TLSv1_3, reason="this OpenSSL knows no TLS 1.3")
def test_a_read_that_has_to_write_first_waits_for_that(handshake, authority, client_context, server_context):
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context.post_handshake_auth = server_context.post_handshake_auth = True
    authority.issue_cert("client@example.org").configure_cert(client_context)
    client, server = handshake(socket.socketpair())
    rubbish = fill_raw(client)
    server.verify_client_post_handshake()
    server.sendall(b"show it")

    reading = spawn(client.recv, 100)
    wait_all_parked()
    assert not reading.ready(), "it should be writing its certificate"

    drain_raw(server.fileno(), rubbish)
    assert reading.get() == b"show it"


def test_reading_goes_on_while_a_write_waits(tls):
    client, server = tls
    writing = spawn(client.sendall, bytes(50_000_000))
    wait_all_parked()
    assert not writing.ready()

    server.sendall(b"hello")
    assert client.recv(10) == b"hello"

    writing.kill()


# Several greenlets, and the end


def test_two_readers_are_told_apart(tls):
    client, server = tls
    first = spawn(client.recv, 10)
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError, match="readable"):
        client.recv(10)

    server.sendall(b"hello")
    assert first.get() == b"hello"


def test_nobody_writes_in_the_middle_of_anothers_record(tls):
    client, server = tls

    def write(data):
        line.append(inspect.currentframe().f_lineno + 1)
        client.sendall(data)

    line = []
    first = spawn(write, b"a" * 20_000_000)
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError, match="in the middle of a write") as caught:
        write(b"b" * 10)

    assert repr(first) in str(caught.value) and repr(getcurrent()) in str(caught.value)
    assert str(caught.value).count(f" at {__file__}:{line[0]}") == 2
    assert read_exactly(server, 20_000_000) == b"a" * 20_000_000
    first.get()
    client.sendall(b"c")
    assert server.recv(10) == b"c"


def test_closing_wakes_who_shakes_hands_with_ebadf(client_context):
    one, other = socket.socketpair()
    sock = client_context.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False)
    waiting = spawn(error_of, sock.do_handshake)
    wait_all_parked()
    assert not waiting.ready()

    sock.close()

    assert waiting.get().errno == errno.EBADF
    other.close()


def test_closing_wakes_who_accepts_tls_with_ebadf(server_context, listener):
    accepting = server_context.wrap_socket(listener, server_side=True)
    waiting = spawn(error_of, accepting.accept)
    wait_all_parked()
    assert not waiting.ready()

    accepting.close()

    assert waiting.get().errno == errno.EBADF


@pytest.mark.parametrize("has_shaken_hands", [True, False])
def test_a_handshake_of_a_closed_socket_is_ebadf(tls, client_context, has_shaken_hands):
    if has_shaken_hands:
        sock = tls[0]
    else:
        one, other = socket.socketpair()
        sock = client_context.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False)
        other.close()
    sock.close()

    assert error_of(sock.do_handshake).errno == errno.EBADF


@pytest.mark.parametrize("what", ["recv", "sendall", "unwrap"])
def test_closing_wakes_who_waits_with_ebadf(tls, what):
    client, server = tls
    args = {"recv": (10,), "sendall": (bytes(50_000_000),), "unwrap": ()}[what]
    waiting = spawn(error_of, getattr(client, what), *args)
    wait_all_parked()
    assert not waiting.ready()

    client.close()

    assert waiting.get().errno == errno.EBADF
    assert error_of(client.recv, 10).errno == errno.EBADF
    assert isinstance(error_of(client.read, 10), ValueError)


def test_who_was_woken_just_before_the_close_does_not_read_from_the_next_owner_of_the_number(handshake):
    client, server = handshake(socket.socketpair())  # what is sent has arrived, unlike with TCP
    fd = client.fileno()
    bell, ringer = stdlib.socketpair()
    next_owner, peer = stdlib.socketpair()
    peer.sendall(b"not yours")

    def close_first():
        socket.wait_read(bell)
        client.close()
        os.dup2(next_owner.fileno(), fd)

    closing, reading = spawn(close_first), spawn(error_of, client.recv, 10)
    wait_all_parked()
    ringer.sendall(b"x")
    server.sendall(b"hello")  # both are woken by one look of the loop, in this order
    closing.get()

    assert reading.get().errno == errno.EBADF
    assert os.read(fd, 100) == b"not yours"
    os.close(fd)
    for each in (bell, ringer, next_owner, peer):
        each.close()


def test_unwrapping_leaves_a_plain_cooperative_socket(tls):
    client, server = tls
    unwrapping = spawn(server.unwrap)
    plain = client.unwrap()
    assert plain is client and client.version() is None
    unwrapping.get()

    reading = spawn(plain.recv, 10)
    wait_all_parked()
    server.sendall(b"in the clear")
    assert reading.get() == b"in the cle"
    with pytest.raises(ValueError, match="No SSL wrapper"):
        client.unwrap()


def test_an_orderly_end_is_an_empty_read(tls):
    client, server = tls
    unwrapping = spawn(client.unwrap)

    assert server.recv(10) == b""
    server.unwrap()
    unwrapping.get()


@pytest.mark.parametrize("suppressed", [True, False])
def test_a_ragged_end_is_suppressed_or_raised(handshake, suppressed):
    client, server = handshake(suppress_ragged_eofs=suppressed)
    reading = spawn(error_of, client.recv, 10)
    wait_all_parked()

    server.close()

    assert (reading.get() is None) == suppressed
    if not suppressed:
        assert isinstance(reading.value, ssl.SSLEOFError)
    else:
        assert client.recv(10) == b"" and client.recv_into(bytearray(5)) == 0


def test_a_read_that_waits_more_than_once_leaves_no_garbage(tls):
    client, server = tls
    gc.collect()
    gc.disable()
    try:
        reading = spawn(client.recv, 10)
        wait_all_parked()
        get_hub().call_soon(handle_for(client.fileno()).ready, READ)
        wait_all_parked()
        server.sendall(b"hello")
        assert reading.get() == b"hello"
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [each for each in gc.garbage if isinstance(each, ssl.SSLError)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_shutdown_ends_a_read_that_waits(handshake):
    client, server = handshake(socket.socketpair())
    reading = spawn(client.recv, 10)
    wait_all_parked()

    client.shutdown(stdlib.SHUT_RDWR)

    assert reading.get() == b""
    assert isinstance(error_of(client.read, 1), ValueError)


def test_a_killed_reader_leaves_the_connection_usable(tls):
    client, server = tls
    reading = spawn(client.recv, 10)
    wait_all_parked()
    reading.kill()
    assert isinstance(reading.value, GreenletExit)

    server.sendall(b"hello")

    assert client.recv(10) == b"hello"


def test_always_having_something_to_read_lets_others_run_all_the_same(tls):
    client, server = tls
    client.sendall(bytes(10_000))
    assert server.recv(1)
    turns = []
    spawn(lambda: turns.append(server.pending()))

    for _ in range(1000):
        server.recv(1)

    assert turns


def test_threads_without_a_hub_block(handshake, in_thread, client_context, server_context):
    one, other = stdlib.socketpair()

    def serve():
        with server_context.wrap_socket(other, server_side=True) as server:
            server.sendall(server.recv(100)[::-1])
            return server.recv(100)

    served = in_thread(serve)
    with client_context.wrap_socket(one, server_hostname="localhost") as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"olleh"
    assert served() == b""

"""Sockets and native threads: peers there, threads without a hub, and hubs beside the main thread's."""

from __future__ import annotations

import errno
import gc
import os
import socket as stdlib
import subprocess
import sys
import threading
import time
import warnings

import pytest

from hublet.core import sleep, spawn
from hublet.core.errors import InvalidThreadUseError
from hublet.core.lowlevel import call_in_thread, get_hub, get_hub_if_exists
from hublet.core.testing import wait_all_parked
from hublet.net import socket


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error


# Peers of the standard library


def test_a_client_of_the_standard_library_is_served(listener, in_thread):
    def client():
        with stdlib.create_connection(listener.getsockname()) as sock, sock.makefile("rwb") as file:
            for number in range(100):
                file.write(b"%d\n" % number)
                file.flush()
                assert file.readline() == b"%d squared is %d\n" % (number, number**2)

    join = in_thread(client)
    connection, _ = listener.accept()
    with connection, connection.makefile("rwb") as file:
        for line in file:
            number = int(line)
            file.write(b"%d squared is %d\n" % (number, number**2))
            file.flush()

    join()


def test_a_server_of_the_standard_library_is_talked_to(in_thread):
    with stdlib.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(1000):
                    connection.sendall(data.upper())

        join = in_thread(serve)
        with socket.create_connection(listener.getsockname()) as sock:
            for _ in range(100):
                sock.sendall(b"hello")
                assert sock.recv(1000) == b"HELLO"

        join()


def test_much_data_goes_both_ways_at_once_with_a_thread(in_thread):
    one, other = stdlib.socketpair()
    data = os.urandom(10_000_000)

    def echo():
        with other:
            while part := other.recv(70_000):
                other.sendall(part)

    join = in_thread(echo)
    with socket.socket(fileno=one.detach()) as sock:
        writer = spawn(sock.sendall, data)
        received = bytearray()
        while len(received) < len(data):
            received += sock.recv(1 << 20)

        assert received == data
        writer.get()
    join()


# Threads without a hub


def test_in_a_thread_without_a_hub_a_socket_blocks_that_thread_alone(unix_pair, in_thread):
    one, other = unix_pair
    reading = threading.Event()

    def read():
        reading.set()
        return one.recv(100), get_hub_if_exists()

    join = in_thread(read)
    reading.wait()
    sleep(0.01)  # it blocks, and we go on
    other.sendall(b"hello")

    assert join() == (b"hello", None)


def test_in_a_thread_without_a_hub_timeouts_are_kept(unix_pair, in_thread, full):
    one, _ = unix_pair
    full(one)
    one.settimeout(0.02)

    def both():
        before = time.monotonic()
        errors = [error_of(one.recv, 100), error_of(one.sendall, b"x")]
        return [(type(each), str(each)) for each in errors], time.monotonic() - before

    errors, seconds = in_thread(both)()

    assert errors == [(TimeoutError, "timed out")] * 2
    assert seconds >= 0.04


def test_in_a_thread_without_a_hub_everything_works(in_thread):
    def both_sides():
        with socket.create_server(("localhost", 0)) as listener:
            with socket.create_connection(("localhost", listener.getsockname()[1])) as client:
                server, _ = listener.accept()
                with server:
                    client.sendall(b"hello")
                    assert server.recv(100) == b"hello"
                    server.settimeout(0)
                    assert isinstance(error_of(server.recv, 1), BlockingIOError)
        return get_hub_if_exists()

    assert in_thread(both_sides)() is None


def test_a_socket_that_the_hub_has_waited_for_can_be_used_in_a_thread_without_one(unix_pair):
    one, other = unix_pair
    reader = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"hello")
    reader.get()
    other.sendall(b"again")

    assert call_in_thread(one.recv, 100) == b"again"


# Threads with hubs of their own


def test_two_threads_with_hubs_talk(in_thread, with_hub):
    one, other = socket.socketpair()

    def echo():
        with other:
            while data := other.recv(100):
                sleep(0)
                other.sendall(data.upper())

    join = in_thread(with_hub, echo)
    with one:
        for _ in range(50):
            one.sendall(b"hello")
            assert one.recv(100) == b"HELLO"

    join()


def test_a_socket_that_is_waited_for_in_one_hub_cannot_be_waited_for_in_another(unix_pair, in_thread, with_hub):
    one, other = unix_pair
    reader = spawn(one.recv, 100)
    wait_all_parked()

    error = in_thread(with_hub, error_of, one.recv, 100)()

    assert isinstance(error, InvalidThreadUseError)
    assert repr(one) in str(error) and repr(get_hub()) in str(error)
    other.sendall(b"hello")
    assert reader.get() == b"hello"


def test_a_socket_that_is_waited_for_in_one_hub_can_be_written_to_from_another_thread(unix_pair, in_thread):
    one, other = unix_pair
    reader = spawn(one.recv, 100)
    wait_all_parked()

    in_thread(one.sendall, b"from the thread")()
    other.sendall(b"hello")

    assert other.recv(100) == b"from the thread"
    assert reader.get() == b"hello"


def test_closing_from_another_thread_wakes_who_waits(unix_pair):
    one, other = unix_pair
    reader = spawn(error_of, one.recv, 100)
    wait_all_parked()

    call_in_thread(one.close)

    assert reader.get().errno == errno.EBADF
    assert one.fileno() == -1
    assert other.recv(100) == b"", "and it is closed indeed"


def test_the_number_of_a_socket_that_another_thread_closes_is_not_free_before_its_hub_knows(unix_pair, in_thread):
    one, other = unix_pair
    fd = one.fileno()
    reader = spawn(error_of, one.recv, 100)
    wait_all_parked()

    in_thread(one.close)()  # joined without letting our hub run
    still_open = os.fstat(fd)
    reader.get()
    wait_all_parked()

    assert still_open
    with pytest.raises(OSError):
        os.fstat(fd)


def test_a_shutdown_in_another_thread_is_seen_before_the_hub_of_the_socket_turns(unix_pair, in_thread):
    one, other = unix_pair
    reader = spawn(error_of, one.recv, 100)
    wait_all_parked()

    def end():
        one.shutdown(socket.SHUT_RDWR)
        one.close()
        return stdlib.socket.recv(other, 100)

    assert in_thread(end)() == b""  # joined without letting our hub run
    reader.get()


def test_detaching_in_another_thread_what_is_waited_for_is_refused(unix_pair, in_thread):
    one, other = unix_pair
    reader = spawn(one.recv, 100)
    wait_all_parked()

    error = in_thread(error_of, one.detach)()

    assert isinstance(error, InvalidThreadUseError)
    other.sendall(b"hello")
    assert reader.get() == b"hello"


def test_a_number_that_was_detached_in_another_thread_is_watched_afresh(in_thread):
    one, other = socket.socketpair()
    reader = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"hello")
    reader.get()

    fd = in_thread(one.detach)()
    os.close(fd)
    new, peer = socket.socketpair()
    assert fd in (new.fileno(), peer.fileno())
    readers = spawn(new.recv, 100), spawn(peer.recv, 100)
    wait_all_parked()
    new.send(b"1")
    peer.send(b"2")

    assert [each.get() for each in readers] == [b"2", b"1"]
    for each in (other, new, peer):
        each.close()


def test_a_socket_that_another_thread_finds_to_be_garbage_is_closed_by_its_hub(in_thread):
    one, other = socket.socketpair()
    reader = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"hello")
    reader.get()
    del reader
    circle = [one]
    circle.append(circle)
    gc.collect()
    gc.disable()
    try:
        del one, circle
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            in_thread(gc.collect)()
        assert other.recv(100) == b""
    finally:
        gc.enable()

    assert [each.category for each in caught] == [ResourceWarning]
    other.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_closes_what_another_thread_has_registered(in_thread, with_hub):
    one, other = socket.socketpair()
    reading, done = threading.Event(), threading.Event()

    def read():
        reader = spawn(one.recv, 100)
        wait_all_parked()
        other.sendall(b"hello")
        reader.get()
        reading.set()
        done.wait()

    join = in_thread(with_hub, read)
    reading.wait()
    fd = one.fileno()
    child = os.fork()
    if not child:
        one.close()
        os._exit(0 if isinstance(error_of(os.fstat, fd), OSError) else 1)
    _, status = os.waitpid(child, 0)
    done.set()
    join()

    assert status == 0
    one.close()
    other.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_waits_for_no_other_thread_to_close_what_was_closed_before(unix_pair, in_thread, with_hub):
    one, other = unix_pair
    waits, go_on = threading.Event(), threading.Event()

    def read():
        spawn(other.sendall, b"x")
        one.recv(10)
        waits.set()
        go_on.wait(30)  # without letting the hub run

    join = in_thread(with_hub, read)
    waits.wait(30)
    fd = one.fileno()
    one.close()
    child = os.fork()
    if not child:
        os._exit(0 if isinstance(error_of(os.fstat, fd), OSError) else 1)
    _, status = os.waitpid(child, 0)
    still_open = os.fstat(fd)
    go_on.set()
    join()

    assert status == 0
    assert still_open


def test_in_the_main_thread_waiting_makes_a_hub():
    code = """if 1:
        from hublet.core.lowlevel import get_hub_if_exists
        from hublet.net import socket
        one, other = socket.socketpair()
        assert get_hub_if_exists() is None
        one.settimeout(0.001)
        try:
            one.recv(100)
        except TimeoutError:
            print(get_hub_if_exists() is not None)
    """
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True)

    assert done.stdout.strip() == b"True", done.stderr


def test_a_socket_of_a_thread_that_has_ended_can_be_closed(in_thread):
    one, other = socket.socketpair()

    def read():
        get_hub()
        reader = spawn(one.recv, 100)
        wait_all_parked()
        other.sendall(b"hello")
        return reader.get()

    assert in_thread(read)() == b"hello"
    one.close()

    assert other.recv(100) == b""
    other.close()

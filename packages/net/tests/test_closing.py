"""Closing, detaching and forgetting sockets: who waits is told, and a number that is used again starts afresh."""

from __future__ import annotations

import errno
import gc
import os
import warnings

import pytest

from hublet.core import spawn
from hublet.core.testing import wait_all_parked
from hublet.net import socket


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error


def at_number(fd):
    """Return a connected pair of sockets of which the first has the descriptor *fd*, which must be free."""
    pairs = []
    while True:
        pairs.append(socket.socketpair())
        for one, other in (pairs[-1], pairs[-1][::-1]):
            if one.fileno() == fd:
                for each in [each for pair in pairs[:-1] for each in pair]:
                    each.close()
                return one, other
        assert len(pairs) < 100


def send_file(sock):
    with open(__file__, "rb") as file:
        sock.sendfile(file)


WAITS = {
    "recv": lambda sock: sock.recv(100),
    "recv_into": lambda sock: sock.recv_into(bytearray(100)),
    "recvfrom": lambda sock: sock.recvfrom(100),
    "recvfrom_into": lambda sock: sock.recvfrom_into(bytearray(100)),
    "recvmsg": lambda sock: sock.recvmsg(100),
    "recvmsg_into": lambda sock: sock.recvmsg_into([bytearray(100)]),
    "recv, for all": lambda sock: sock.recv(100, socket.MSG_WAITALL),
    "recv_into, for all": lambda sock: sock.recv_into(bytearray(100), 0, socket.MSG_WAITALL),
    "send": lambda sock: sock.send(b"x"),
    "sendall": lambda sock: sock.sendall(b"x"),
    "sendmsg": lambda sock: sock.sendmsg([b"x"]),
    "sendfile": send_file,
}


@pytest.mark.parametrize("wait", WAITS)
def test_closing_wakes_who_waits_with_ebadf(pair, full, wait):
    one, _ = pair
    full(one)
    waiting = spawn(error_of, WAITS[wait], one)
    wait_all_parked()
    assert not waiting.ready()

    one.close()

    error = waiting.get()
    assert isinstance(error, OSError) and error.errno == errno.EBADF


def test_closing_a_listener_wakes_who_accepts(listener):
    waiting = spawn(error_of, listener.accept)
    wait_all_parked()

    listener.close()

    assert waiting.get().errno == errno.EBADF


def test_closing_wakes_both_directions(unix_pair, full):
    one, _ = unix_pair
    full(one)
    reader, writer = spawn(error_of, one.recv, 10), spawn(error_of, one.sendall, b"x")
    wait_all_parked()

    one.close()

    assert reader.get().errno == writer.get().errno == errno.EBADF


def test_a_closed_socket_raises_ebadf_and_closes_again(unix_pair):
    one, _ = unix_pair
    one.close()
    one.close()

    assert one.fileno() == -1
    for call in (lambda: one.recv(1), lambda: one.send(b"x"), lambda: one.settimeout(1), lambda: one.accept()):
        assert error_of(call).errno == errno.EBADF
    assert "[closed] fd=-1" in repr(one)


def test_detaching_wakes_who_waits_and_keeps_the_descriptor(unix_pair):
    one, other = unix_pair
    waiting = spawn(error_of, one.recv, 100)
    wait_all_parked()

    fd = one.detach()

    assert waiting.get().errno == errno.EBADF
    assert one.fileno() == -1
    other.sendall(b"hello")
    assert os.read(fd, 100) == b"hello"
    os.close(fd)


def test_a_detached_descriptor_serves_a_new_socket(pair):
    one, other = pair
    warm = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"hello")
    assert warm.get() == b"hello"

    with socket.socket(fileno=one.detach()) as successor:
        reader = spawn(successor.recv, 100)
        wait_all_parked()
        other.sendall(b"again")

        assert reader.get() == b"again"


def test_a_number_that_is_used_again_is_watched_afresh(unix_pair):
    one, _ = unix_pair
    fd = one.fileno()
    waiting = spawn(error_of, one.recv, 100)
    wait_all_parked()
    one.close()
    waiting.get()

    new, peer = at_number(fd)
    reader = spawn(new.recv, 100)
    wait_all_parked()
    peer.sendall(b"hello")

    assert reader.get() == b"hello"
    new.close()
    peer.close()


def test_what_happens_to_a_duplicate_does_not_reach_the_next_owner_of_the_number(unix_pair):
    one, other = unix_pair
    waiting = spawn(error_of, one.recv, 100)
    wait_all_parked()
    copy = os.dup(one.fileno())  # keeps the description alive, and with it what the kernel knows of its watching
    fd = one.fileno()
    one.close()
    waiting.get()

    new, peer = at_number(fd)
    reader = spawn(new.recv, 100)
    wait_all_parked()
    other.sendall(b"for the duplicate")
    wait_all_parked()
    assert not reader.ready()

    peer.sendall(b"hello")
    assert reader.get() == b"hello"
    os.close(copy)
    new.close()
    peer.close()


def test_a_forgotten_socket_warns_and_leaves_its_number_usable():
    one, other = socket.socketpair()
    fd = one.fileno()
    warm = spawn(one.recv, 100)
    wait_all_parked()
    other.sendall(b"hello")
    warm.get()
    del warm

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del one
        gc.collect()
    new, peer = at_number(fd)
    reader = spawn(new.recv, 100)
    wait_all_parked()
    peer.sendall(b"again")

    assert [each.category for each in caught] == [ResourceWarning]
    assert reader.get() == b"again"
    for each in (other, new, peer):
        each.close()


def test_a_socket_whose_making_failed_can_be_forgotten():
    with pytest.raises(OSError):
        socket.socket(fileno=10**6)
    with pytest.raises(TypeError):
        socket.socket("nonsense")

    socket.socket.__new__(socket.socket)
    gc.collect()


def test_closing_while_it_sends_a_great_deal_ends_the_sending(pair):
    one, other = pair
    writer = spawn(error_of, one.sendall, bytes(10_000_000))
    wait_all_parked()
    other.recv(100_000)

    one.close()

    assert writer.get().errno == errno.EBADF

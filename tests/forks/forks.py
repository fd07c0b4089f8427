"""Fork from random greenlets while others log, look names up and talk TLS; no child may hang, and no lock stay held.

    python -m hublet.monkey forks.py [FORKS] [SEED]

Nothing here knows of hublet: the threads are greenlets because the program runs patched.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import ssl
import sys
import threading
import time
import traceback

import trustme

PATIENCE = 60.0  # seconds in which a child has to end
AT_ONCE = 16

log = logging.getLogger("forks")
stopping = threading.Event()
work = {"log": 0, "look-up": 0, "TLS": 0}


class SlowHandler(logging.Handler):
    """Holds its lock while it waits, as one does that writes to the network."""

    def emit(self, record: logging.LogRecord) -> None:
        time.sleep(0.0005)
        os.write(sink, record.getMessage().encode())


def logs() -> None:
    """Log on and on."""
    while not stopping.is_set():
        log.info("a line of %s", threading.current_thread().name)
        work["log"] += 1
        time.sleep(0)


def looks_up() -> None:
    """Look a name up on and on; it is in the hosts file."""
    while not stopping.is_set():
        socket.getaddrinfo("localhost", 80)
        work["look-up"] += 1
        time.sleep(0.001)


def serves(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Echo what comes by TLS."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echoes, args=(connection, context), daemon=True).start()


def echoes(connection: socket.socket, context: ssl.SSLContext) -> None:
    """Echo what comes by one connection."""
    with connection, context.wrap_socket(connection, server_side=True) as secure:
        while data := secure.recv(1000):
            secure.sendall(data)


def talks(address: tuple[str, int], context: ssl.SSLContext) -> None:
    """Connect, ask and be answered, on and on."""
    while not stopping.is_set():
        with socket.create_connection(address) as plain, context.wrap_socket(plain, server_hostname="localhost") as secure:
            for number in range(20):
                secure.sendall(b"%d" % number)
                assert secure.recv(1000) == b"%d" % number
                work["TLS"] += 1


def child(context: ssl.SSLContext) -> None:
    """Use every lock that might have been held, in the child of a fork, and end."""
    status = 1
    try:
        logging.getLogger(f"of a child {os.getpid()}")  # takes the lock of logging itself
        log.info("in a child")
        socket.getaddrinfo("localhost", 80)
        condition = threading.Condition()
        with threading.Lock(), condition:
            condition.notify_all()
        done = threading.Event()
        threading.Thread(target=done.set).start()
        assert done.wait(PATIENCE / 2)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError:
            status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def main() -> int:
    """Fork, and count what does not end well."""
    forks = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    log.addHandler(SlowHandler())
    log.setLevel(logging.INFO)
    listener = socket.create_server(("127.0.0.1", 0))
    targets = [(serves, (listener, server))] + [(logs, ())] * 4 + [(looks_up, ())] * 4
    targets += [(talks, (listener.getsockname(), client))] * 4
    for target, arguments in targets:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    failed: list[str] = []
    places = threading.Semaphore(AT_ONCE)

    def fork() -> None:
        time.sleep(chance.random() * 0.01)
        pid = os.fork()
        if pid == 0:
            child(client)
        begun = time.monotonic()
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                break
            if time.monotonic() - begun > PATIENCE:
                os.kill(pid, 9)
                failed.append(f"child {pid} hangs")
                os.waitpid(pid, 0)
                break
            time.sleep(0.002)
        if status and not failed:
            failed.append(f"child {pid} ended with {status}")
        places.release()

    begun = time.monotonic()
    for _ in range(forks):
        places.acquire()
        threading.Thread(target=fork).start()
        if failed:
            break
    for _ in range(AT_ONCE):
        places.acquire()
    stopping.set()
    print(f"{forks} forks in {time.monotonic() - begun:.0f} s beside {work}")
    print("\n".join(failed) or "all children ended well")
    return bool(failed)


if __name__ == "__main__":
    sink = os.open(os.devnull, os.O_WRONLY)
    sys.exit(main())

"""What the tests of net share.

Three checks go with every test: it ends in time, no error was reported that it did not ask for, and the hub has nothing
left to do.
"""

from __future__ import annotations

import gc
import logging
import os
import socket as stdlib
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hublet.core import Timeout, get_hub, idle, spawn
from hublet.core.lowlevel import call_in_thread, get_hub_if_exists
from hublet.core.testing import FakeClock, fake_clock, wait_all_parked
from hublet.net import socket


class Reports(logging.Handler):
    """What `hub.handle_error` has reported.  A test takes what it expects."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def take_errors(self) -> list[BaseException]:
        """Return the exceptions that were reported until now, and forget them."""
        taken, self.records = self.records, []
        return [record.exc_info[1] for record in taken]


@pytest.fixture(autouse=True)
def reports() -> Iterator[Reports]:
    reports = Reports()
    logger = logging.getLogger("hublet.core")
    logger.addHandler(reports)
    propagate, logger.propagate = logger.propagate, False
    yield reports
    logger.propagate = propagate
    logger.removeHandler(reports)
    assert reports.take_errors() == [], "reported, and not expected by the test"


@pytest.fixture(autouse=True)
def _tidy(reports: Reports) -> Iterator[None]:
    """Fail a test that leaves a greenlet waiting, which would then go on in the middle of the next one."""
    yield
    hub = get_hub_if_exists()
    if hub is None:
        return
    idle()
    left = hub.loop.waiting
    if left:
        hub.destroy()  # or every test after this one would fail of it
        pytest.fail(f"left behind: {left} waits for descriptors")


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """A clock that jumps, for the hub of this thread."""
    with fake_clock() as clock:
        yield clock


@pytest.fixture(autouse=True)
def _limit(request: pytest.FixtureRequest) -> Iterator[None]:
    seconds = 30.0
    if "clock" in request.fixturenames:
        # It jumps there as soon as nothing else is left to wait for.  Far enough not to come before what a test waits for.
        request.getfixturevalue("clock")
        seconds = 1e6
    with Timeout(seconds):
        yield


Sockets = Callable[..., tuple[Any, Any]]


def connect(kind: str, ours: tuple[bool, bool] = (True, True)) -> tuple[Any, Any]:
    """Return two sockets connected to each other, by TCP or, as "unix", a pair; *ours* says which are cooperative."""
    first, second = (socket.socket if each else stdlib.socket for each in ours)
    if kind == "unix":
        one, other = stdlib.socketpair()
    else:
        with stdlib.create_server(("127.0.0.1", 0)) as listener:
            one = stdlib.create_connection(listener.getsockname())
            other, _ = listener.accept()
    return first(fileno=one.detach()), second(fileno=other.detach())


@pytest.fixture(params=["unix", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two of our sockets, connected to each other."""
    one, other = connect(request.param)
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def unix_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two of our sockets, connected to each other, where one way of connecting them is enough."""
    one, other = connect("unix")
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def in_thread() -> Iterator[Callable[..., Callable[[], Any]]]:
    """Call a function in a native thread; what is returned waits for the result, without letting greenlets run."""
    threads = []

    def in_thread(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append((function(*args), None))
            except BaseException as error:
                outcome.append((None, error))

        thread = threading.Thread(target=run, daemon=True)
        threads.append(thread)
        thread.start()

        def join() -> Any:
            thread.join(30)
            result, error = outcome[0]
            if error is not None:
                raise error
            return result

        return join

    yield in_thread
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a native thread is left behind"


@pytest.fixture
def with_hub() -> Callable[..., Any]:
    """Call a function in a thread that gets a hub of its own, and take the hub down after it."""

    def with_hub(function: Callable[..., Any], *args: Any) -> Any:
        hub = get_hub()
        try:
            with Timeout(30):
                return function(*args)
        finally:
            hub.destroy()

    return with_hub


@pytest.fixture
def elsewhere(in_thread: Callable[..., Any], with_hub: Callable[..., Any]) -> Callable[..., Callable[[], Any]]:
    """Call a function in a greenlet of another thread's hub; return once it waits there, or has ended.

    What is returned waits for the result, letting greenlets run.
    """

    def elsewhere(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
        waits = threading.Event()

        def run() -> Any:
            try:
                greenlet = spawn(function, *args)
                wait_all_parked()
            finally:
                waits.set()
            return greenlet.get()

        join = in_thread(with_hub, run)
        waits.wait(30)
        return lambda: call_in_thread(join)

    return elsewhere


@pytest.fixture
def script() -> Callable[[str], str]:
    """Run a program in a Python of its own, with what is imported here, and return what it has printed."""

    def script(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return script


def fill(sock: Any) -> int:
    """Send until no more fits, without waiting; return how much that was."""
    before = sock.gettimeout()
    sock.setblocking(False)
    if sock.family == stdlib.AF_INET and hasattr(stdlib, "TCP_CONGESTION"):
        # Without pacing, or what is in the buffer would leave it bit by bit; and of a size that stays.
        sock.setsockopt(stdlib.IPPROTO_TCP, stdlib.TCP_CONGESTION, b"reno")
        sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_SNDBUF, 1 << 18)
    sent = refused = 0
    while refused < 2:
        try:
            sent += sock.send(b"x" * 65536)
            refused = 0
        except BlockingIOError:
            refused += 1
            if refused == 1 and sock.family != stdlib.AF_UNIX:
                # What is left of the peer's window is used only by the system's next probe, 200 ms later, which makes room
                # once more, and nothing tells when it is done.
                time.sleep(0.25)
    sock.settimeout(before)
    return sent


@pytest.fixture
def full() -> Callable[[Any], int]:
    """Fill the buffers between a socket and its peer."""
    return fill


@pytest.fixture
def full_receiver(tmp_path: Any) -> Iterator[tuple[socket.socket, socket.socket, str, int]]:
    """A Unix receiver whose queue is full, a sender that is not connected to it, its address, and how much is queued."""
    path = str(tmp_path / "receiver")
    kind = stdlib.AF_UNIX, stdlib.SOCK_DGRAM
    with socket.socket(*kind) as receiver, socket.socket(*kind) as sender:
        receiver.bind(path)
        sender.setblocking(False)
        sent = 0
        with pytest.raises(BlockingIOError):
            while True:
                sender.sendto(b"x", path)
                sent += 1
        sender.setblocking(True)
        yield receiver, sender, path, sent


@pytest.fixture
def exhaust() -> Iterator[Callable[[], Callable[[], None]]]:
    """Use up every descriptor that this process may have; return a function that gives them back."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []

    def exhaust() -> Callable[[], None]:
        gc.collect()
        resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0) + 50, before[1]))
        with pytest.raises(OSError):
            while True:
                taken.append(os.dup(0))
        return give_back

    def give_back() -> None:
        while taken:
            os.close(taken.pop())

    yield exhaust
    give_back()
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


# TLS


@pytest.fixture(scope="session")
def authority() -> Any:
    """A certificate authority that our contexts trust."""
    import trustme  # late: most tests do without

    return trustme.CA()


@pytest.fixture
def server_context(authority: Any) -> Any:
    """A context of ours for servers, with a certificate for localhost."""
    from hublet.net import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    return context


@pytest.fixture
def client_context(authority: Any) -> Any:
    """A context of ours for clients, which trusts the authority."""
    from hublet.net import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture
def handshake(client_context: Any, server_context: Any) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """Make a TLS connection between two sockets, by default new ones of TCP; return the client's end and the server's."""
    made: list[Any] = []

    def handshake(pair: Any = None, client: Any = client_context, server: Any = server_context, **options: Any) -> Any:
        one, other = connect("tcp") if pair is None else pair
        serving = spawn(server.wrap_socket, other, server_side=True)
        ends = client.wrap_socket(one, server_hostname="localhost", **options), serving.get()
        made.extend(ends)
        return ends

    yield handshake
    for each in made:
        each.close()


@pytest.fixture
def tls(handshake: Callable[..., tuple[Any, Any]]) -> tuple[Any, Any]:
    """The two ends of a TLS connection, the client's first."""
    return handshake()

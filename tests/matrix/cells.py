"""One row of the matrix: a module's object, used in every style by code that is loaded before or after patching.

    python cells.py ROW before|after

Prints a line of JSON: for each style "cooperative", "blocking", or an error.  Before means that the styles were there
before `patch_all()`; for those that block then, it says "reported" if the doctor finds them, with file and line.
"""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

STYLES = """\
import {module} as module
from {module} import {name}
from {module} import {name} as alias

def attribute():
    return module.{name}

def imported():
    return {name}

def renamed():
    return alias

def defaulted(held=module.{name}):
    return held

def put_aside():
    return _aside[0]

_aside = [module.{name}]
"""
CLASS_STYLES = """
class Derived({name}):
    pass

def derived():
    return Derived
"""
INSTANCE_STYLES = """
_made = {make}

def instance():
    return lambda *arguments, **options: _made
"""


class Release:
    """What lets a blocked operation go on: called by us if it parks, by a native thread if it blocks the thread."""

    def __init__(self, function):
        from hublet.core._native import start_new_thread, thread_sleep

        self.done = False
        self.function = function
        self.sleep = thread_sleep
        start_new_thread(self.after_a_while, ())

    def after_a_while(self):
        self.sleep(0.4)
        self()

    def __call__(self):
        if not self.done:
            self.done = True
            self.function()


def probe(operation, release):
    """Run *operation*, which would block, in a greenlet; say whether it let others run."""
    from hublet.core import sleep, spawn

    release = Release(release)
    greenlet = spawn(operation)
    sleep(0)
    parked = not greenlet.ready()
    if parked:
        release()
        greenlet.join(timeout=10)
        if not greenlet.ready():
            return "hangs"
    if greenlet.exception is not None:
        return f"error: {greenlet.exception!r}"
    return "cooperative" if parked else "blocking"


def nothing():
    pass


# Each returns the operation and what releases it.  *get* is the object in one style.


def sleep_row(get):
    return (lambda: get(0.05)), nothing


def datagram_row(get):
    import _socket

    sock = get(_socket.AF_INET, _socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sender = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    return (lambda: sock.recv(1)), lambda: sender.sendto(b"x", sock.getsockname())


def socketpair_row(get):
    one, other = get()
    return (lambda: one.recv(1)), lambda: os.write(other.fileno(), b"x")


def create_connection_row(get):
    import _socket

    listener = _socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def answer():
        fd, _ = listener._accept()
        os.write(fd, b"x")
        os.close(fd)

    return (lambda: get(listener.getsockname()).recv(1)), answer


def getaddrinfo_row(get):
    from hublet.core import get_hub, sleep

    class Slow:
        def getaddrinfo(self, *arguments):
            sleep(0.02)
            return []

        gethostbyname = getaddrinfo

        def close(self):
            pass

    get_hub().resolver = Slow()
    return (lambda: get("localhost", *[80] * (get.__name__ == "getaddrinfo"))), nothing


def popen_row(get):
    child = get(["/bin/sh", "-c", "read line"], stdin=-1)

    def wait():
        child.wait()
        if child.poll() is None:
            raise AssertionError("it has not ended")

    return wait, lambda: os.close(os.dup(child.stdin.fileno())) or child.stdin.close()


def run_row(get):
    reader, writer = os.pipe()
    return (lambda: get(["/bin/cat"], stdin=reader)), lambda: os.close(writer)


def waitpid_row(get):
    reader, writer = os.pipe()  # of which a child gets no more than what is given to it
    pid = os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0)])
    return (lambda: get(pid, 0)), lambda: os.close(writer)


def select_row(get):
    reader, writer = os.pipe()
    return (lambda: get([reader], [], [])), lambda: os.write(writer, b"x")


def poll_row(get):
    reader, writer = os.pipe()
    poller = get()
    poller.register(reader, 1)
    return poller.poll, lambda: os.write(writer, b"x")


def selector_row(get):
    reader, writer = os.pipe()
    selector = get()
    selector.register(reader, 1)
    return selector.select, lambda: os.write(writer, b"x")


def lock_row(get):
    lock = get()
    lock.acquire()
    return (lambda: lock.acquire()), lock.release


def rlock_row(get):
    from hublet.core import Greenlet, sleep

    lock = get()
    held = []

    def hold():
        with lock:
            while not held:
                sleep(0.001)

    Greenlet.spawn(hold)
    sleep(0)

    def take():
        with lock:
            pass

    return take, lambda: held.append(1)


def event_row(get):
    event = get()
    return event.wait, event.set


def condition_row(get):
    condition = get()

    def wait():
        with condition:
            condition.wait()

    def notify():
        with condition:
            condition.notify()

    return wait, notify


def semaphore_row(get):
    semaphore = get(1)
    semaphore.acquire()
    return semaphore.acquire, semaphore.release


def thread_row(get):
    from hublet.core import sleep

    def body():
        sleep(0.02)

    thread = get(target=body)

    def run():
        thread.start()
        thread.join()

    return run, nothing


def local_row(get):
    from hublet.core import spawn

    values = get()
    values.mine = 1
    seen = spawn(lambda: getattr(values, "mine", "nothing"))

    def look():
        from hublet.core import sleep

        sleep(0.01)
        assert seen.get() == "nothing", "another greenlet sees it"

    return look, nothing


def queue_row(get):
    queue = get()
    return queue.get, lambda: queue.put(1)


def context_row(get):
    import _socket
    import socket

    context = get(16)  # PROTOCOL_TLS_CLIENT
    context.check_hostname = False
    one, other = _socket.socketpair()
    sock = socket.socket(fileno=one.detach())

    def shake():
        try:
            context.wrap_socket(sock)
        except OSError:
            pass

    return shake, other.close


def pause_row(get):
    import signal

    signal.signal(signal.SIGUSR1, lambda *arguments: None)
    return get, lambda: os.kill(os.getpid(), signal.SIGUSR1)


def executor_row(get):
    from hublet.core import sleep

    with_one = get(1)
    return (lambda: with_one.submit(sleep, 0.02).result()), nothing


# name of the row: module, name, probe, whether it is a class, how to make an instance beforehand
ROWS = {
    "time.sleep": ("time", "sleep", sleep_row, False, None),
    "socket.socket": ("socket", "socket", datagram_row, True, "socket(module.AF_INET, module.SOCK_DGRAM)"),
    "socket.socketpair": ("socket", "socketpair", socketpair_row, False, "socketpair()"),
    "socket.create_connection": ("socket", "create_connection", create_connection_row, False, None),
    "socket.getaddrinfo": ("socket", "getaddrinfo", getaddrinfo_row, False, None),
    "socket.gethostbyname": ("socket", "gethostbyname", getaddrinfo_row, False, None),
    "subprocess.Popen": ("subprocess", "Popen", popen_row, True, "Popen(['/bin/sh', '-c', 'read line'], stdin=-1)"),
    "subprocess.run": ("subprocess", "run", run_row, False, None),
    "subprocess.check_output": ("subprocess", "check_output", run_row, False, None),
    "os.waitpid": ("os", "waitpid", waitpid_row, False, None),
    "select.select": ("select", "select", select_row, False, None),
    "select.poll": ("select", "poll", poll_row, False, "poll()"),
    "selectors.DefaultSelector": ("selectors", "DefaultSelector", selector_row, True, "DefaultSelector()"),
    "selectors.SelectSelector": ("selectors", "SelectSelector", selector_row, True, "SelectSelector()"),
    "threading.Lock": ("threading", "Lock", lock_row, False, "Lock()"),
    "threading.RLock": ("threading", "RLock", rlock_row, False, "RLock()"),
    "threading.Event": ("threading", "Event", event_row, True, "Event()"),
    "threading.Condition": ("threading", "Condition", condition_row, True, "Condition()"),
    "threading.Semaphore": ("threading", "Semaphore", semaphore_row, True, "Semaphore(1)"),
    "threading.Thread": ("threading", "Thread", thread_row, True, None),
    "threading.local": ("threading", "local", local_row, True, "local()"),
    "queue.Queue": ("queue", "Queue", queue_row, True, "Queue()"),
    "queue.SimpleQueue": ("queue", "SimpleQueue", queue_row, False, "SimpleQueue()"),
    "ssl.SSLContext": ("ssl", "SSLContext", context_row, True, "SSLContext(16)"),
    "signal.pause": ("signal", "pause", pause_row, False, None),
    "futures.ThreadPoolExecutor": ("concurrent.futures", "ThreadPoolExecutor", executor_row, True, "ThreadPoolExecutor(1)"),
}


def load(folder: Path, row: str, timing: str) -> types.ModuleType:
    """Write the module that has every style, and import it."""
    module, name, _, is_class, make = ROWS[row]
    text = STYLES + (CLASS_STYLES if is_class else "") + (INSTANCE_STYLES if make else "")
    path = folder / f"held_{timing}.py"
    path.write_text(text.format(module=module, name=name, make=make))
    sys.path.insert(0, str(folder))
    return __import__(path.stem)


def main() -> None:
    """Print what becomes of each style."""
    row, timing, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    held = load(folder, row, timing) if timing == "before" else None
    from hublet.monkey import patch_all

    patch_all()
    from hublet.monkey._findings import findings

    if held is None:
        held = load(folder, row, timing)
    result = {}
    found = [each for each in findings() if each.module == held.__name__ and each.line]
    words = {
        "defaulted": "defaulted()",
        "put_aside": "'_aside'",
        "derived": "Derived",
        "instance": "'_made'",
        "imported": f"'{ROWS[row][1]}'",
        "renamed": "'alias'",
    }
    for style in ("attribute", "imported", "renamed", "defaulted", "put_aside", "derived", "instance"):
        if not hasattr(held, style):
            continue
        try:
            outcome = probe(*ROWS[row][2](getattr(held, style)()))
        except Exception as error:
            outcome = f"error: {error!r}"
        if outcome != "cooperative" and any(words.get(style, style) in each.holder for each in found):
            outcome = "reported"
        result[style] = outcome
    print(json.dumps(result), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()

"""The doctor: it runs a program, and says what in it still blocks, with file and line."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

EARLY = """\
from time import sleep
import functools
import time
put_aside = time.sleep
class Thing:
    sleeper = staticmethod(time.sleep)
    def __init__(self):
        self.sleep = time.sleep
def pause(seconds, sleeper=time.sleep):
    sleeper(seconds)
thing = Thing()
table = {"a": [time.sleep]}
part = functools.partial(time.sleep, 1)
def closing():
    inner_sleep = time.sleep
    return lambda: inner_sleep(1)
inner = closing()
"""
PROGRAM = """\
import sys, early
from hublet.monkey import patch_time
patch_time()
print("it ran", sys.argv[1:])
"""


@pytest.fixture
def doctor(interpreter):
    """Let the doctor run a program of that text, beside a module `early`."""
    interpreter.write("early.py", EARLY)

    def doctor(program: str, *options: str, arguments=()):
        interpreter.write("program.py", program)
        return interpreter.run("-m", "hublet.monkey", "doctor", *options, "program.py", *arguments)

    return doctor


def lines(done):
    """Return the line numbers of `early.py` that are reported."""
    return sorted({int(line.split(":")[1]) for line in done.stderr.splitlines() if "early.py:" in line})


def test_each_place_that_patching_could_not_reach_is_listed_with_file_and_line(doctor):
    done = doctor(PROGRAM, "--as-is", arguments=("x", "--strict"))

    assert done.stdout == "it ran ['x', '--strict']\n"
    assert done.returncode == 0
    assert lines(done) == [4, 5, 9, 12, 13, 16]
    assert "early: the global 'put_aside' is the original of time.sleep, which blocks" in done.stderr


def test_strict_makes_it_an_error(doctor):
    assert doctor(PROGRAM, "--as-is", "--strict").returncode == 1


def test_patched_first_there_is_nothing_to_list(doctor):
    assert lines(doctor(PROGRAM)) == []


def test_a_feature_that_is_left_out_is_listed(doctor):
    done = doctor("import early", "--no-time")

    assert 1 in lines(done)


def test_a_program_that_patches_nothing_is_told_so(doctor):
    assert "the program has patched nothing" in doctor("pass", "--as-is").stderr


@pytest.mark.parametrize("strict", [(), ("--strict",)])
def test_the_end_of_the_program_stays_its_own(doctor, strict):
    done = doctor(PROGRAM + "sys.exit(7)", "--as-is", *strict)

    assert done.returncode == 7
    assert lines(done)


def test_a_program_that_fails_is_reported_too(doctor):
    done = doctor(PROGRAM + "raise ValueError('its own')", "--as-is", "--strict")

    assert done.returncode == 1
    assert lines(done)
    assert done.stderr.endswith("ValueError: its own\n")
    assert "_doctor.py" not in done.stderr and "_run.py" not in done.stderr


def test_a_module_can_be_examined(doctor, interpreter):
    doctor("pass")

    assert lines(interpreter.run("-m", "hublet.monkey", "doctor", "--no-time", "-m", "early")) != []


def test_a_program_of_that_name_is_run_by_its_path(interpreter):
    interpreter.write("doctor", "print('a script')")

    assert interpreter.run("-m", "hublet.monkey", "./doctor").stdout == "a script\n"


SAMPLE = """\
import concurrent.futures, http.client, logging, queue, selectors, socket, ssl, subprocess, sys, threading, time
from urllib.request import urlopen

log = logging.getLogger("sample")

class Answer(threading.Thread):
    def __init__(self, listener):
        super().__init__(daemon=True)
        self.listener = listener
        self.lock = threading.RLock()

    def run(self):
        with self.lock:
            connection, _ = self.listener.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhello")
            connection.close()

def main():
    listener = socket.create_server(("127.0.0.1", 0))
    Answer(listener).start()
    waiting = queue.Queue()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pool.submit(lambda: waiting.put(urlopen(f"http://127.0.0.1:{listener.getsockname()[1]}/").read()))
        print(waiting.get(), subprocess.run(["echo", "child"], capture_output=True, text=True).stdout.strip())
    context = ssl.create_default_context()
    time.sleep(0.01)

if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(find_spec("hublet.net") is None or find_spec("hublet.process") is None, reason="needs all of hublet")
def test_a_program_of_sockets_threads_and_children_is_found_free_of_what_blocks(doctor):
    done = doctor(SAMPLE, "--strict")

    assert (done.returncode, done.stdout) == (0, "b'hello' child\n"), done.stderr
    assert done.stderr == "hublet.monkey doctor: nothing that blocks was found\n"


def test_a_module_that_the_program_has_put_in_place_itself_is_looked_at(doctor):
    # It is not imported, so nothing tells of it.
    program = (
        "import importlib.util, sys\n"
        "spec = importlib.util.find_spec('early')\n"
        "sys.modules['mine'] = module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
    )

    assert lines(doctor(program, "--no-time")) != []

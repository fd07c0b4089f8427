"""Classes of programs that are derived from ours and made in a wrong way."""

from __future__ import annotations

import subprocess
import sys

import pytest

CALLS = {
    "Event": ("set", "wait"),
    "AsyncResult": ("set", "wait", "get"),
    "Lock": ("acquire", "release", "__enter__", "locked"),
    "RLock": ("release", "__exit__"),
    "Semaphore": ("acquire", "release"),
    "BoundedSemaphore": ("acquire", "release"),
    "Condition": ("notify", "wait"),
    "Barrier": ("wait",),
    "CapacityLimiter": ("acquire", "release"),
    "Queue": ("put", "get", "peek", "shutdown", "join"),
    "LifoQueue": ("put", "get", "peek", "shutdown"),
    "PriorityQueue": ("put", "get", "peek", "shutdown"),
    "SimpleQueue": ("put", "get", "peek", "qsize"),
    "Channel": ("put", "get", "shutdown"),
}

PROGRAM = """
import sys
from hublet import sync

name, method = sys.argv[1:]

class Forgetful(getattr(sync, name)):
    def __init__(self):
        pass

arguments = {"put": (1,), "__exit__": (None, None, None)}.get(method, ())
try:
    print("returned", getattr(Forgetful(), method)(*arguments))
except (AttributeError, TypeError, RuntimeError) as error:
    print("raised", type(error).__name__)
"""


@pytest.mark.parametrize("name", CALLS)
def test_a_class_that_forgot_to_call_init_does_not_crash(name):
    for method in CALLS[name]:
        done = subprocess.run([sys.executable, "-c", PROGRAM, name, method], capture_output=True, text=True, timeout=30)

        assert done.returncode == 0 and done.stdout, (method, done.returncode, done.stderr)

"""What the tests of children share: short programs to be the child, and a look at what is left behind."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator

import pytest

from hublet.process import subprocess


@pytest.fixture
def python() -> Callable[[str], list[str]]:
    """Return the command that runs a program text in a bare Python, which starts fast."""
    return lambda program: [sys.executable, "-I", "-S", "-c", program]


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen]]:
    """Start children that are killed and reaped when the test ends, however it ends."""
    started: list[subprocess.Popen] = []

    def start(*arguments: object, **options: object) -> subprocess.Popen:
        process = subprocess.Popen(*arguments, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        for file in (process.stdin, process.stdout, process.stderr):
            if file is not None and not file.closed:
                try:
                    file.close()
                except BrokenPipeError:
                    pass
        process.wait()


@pytest.fixture
def descriptors() -> Callable[[], set[str]]:
    """Return a function that lists the open descriptors of this process."""

    def listed() -> set[str]:
        gc.collect()
        return set(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))

    return listed


@pytest.fixture(params=["pidfd", "polling"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with pidfds, and without, as on systems that have none."""
    if request.param == "pidfd" and not hasattr(os, "pidfd_open"):
        pytest.skip("this system has no pidfds")
    if request.param == "polling":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    return request.param


class Gate:
    """A place in a child's program where it stops until the test lets it go on."""

    def __init__(self) -> None:
        self._reached, reached = os.pipe()
        opened, self._opened = os.pipe()
        self.inner = (reached, opened)

    def python(self, program: str) -> list[str]:
        """Return the command that runs *program*, in which the word GATE stands for the place."""
        reached, opened = self.inner
        gate = f"__import__('os').write({reached}, b'.'), __import__('os').read({opened}, 1)"
        return [sys.executable, "-I", "-S", "-c", program.replace("GATE", gate)]

    def wait_until_reached(self) -> None:
        """Block until the child has come to the gate."""
        os.read(self._reached, 1)

    def open(self) -> None:
        """Let the child go on."""
        os.write(self._opened, b".")

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in (*self.inner, self._reached, self._opened):
            os.close(fd)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return a gate for one child."""
    gate = Gate()
    yield gate
    gate.close()

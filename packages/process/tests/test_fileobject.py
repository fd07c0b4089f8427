"""The file objects: what waits parks, and the rest is as with the files of `io`."""

from __future__ import annotations

import io
import os
import pty
import socket
import sys

import pytest

from hublet.core import Timeout, spawn, wait
from hublet.core.testing import assert_no_switch, wait_all_parked
from hublet.process import FileObject, FileObjectPosix, FileObjectThread, subprocess

BOTH = pytest.mark.parametrize("kind", [FileObjectPosix, FileObjectThread])


@pytest.fixture
def pipe():
    """Both descriptors of a pipe."""
    ends = os.pipe()
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError:
            pass


def test_the_usual_one_polls():
    assert FileObject is FileObjectPosix


@BOTH
def test_reading_a_line_from_a_pipe_lets_others_write_it(pipe, kind):
    reader, writer = kind(pipe[0], "rb"), kind(pipe[1], "wb")
    reading = spawn(reader.readline)
    if kind is FileObjectPosix:
        wait_all_parked()

    writer.write(b"one\ntwo")
    writer.flush()

    assert reading.get() == b"one\n"
    writer.close()
    assert reader.read() == b"two"
    reader.close()


@BOTH
def test_text_is_encoded_and_newlines_are_translated(tmp_path, kind):
    path = tmp_path / "text"

    with kind(path, "w", encoding="latin-1", newline="\r\n") as file:
        file.write("é\nü\n")
    with kind(path, encoding="latin-1") as file:
        lines = list(file)

    assert path.read_bytes() == b"\xe9\r\n\xfc\r\n"
    assert lines == ["é\n", "ü\n"]


@BOTH
def test_the_name_stays_after_the_close(tmp_path, pipe, kind):
    path = tmp_path / "file"
    path.write_bytes(b"")
    by_path, by_fd = kind(path, "rb"), kind(pipe[0], "r")

    by_path.close()
    by_fd.close()

    assert by_path.closed and by_fd.closed
    assert (by_path.name, by_fd.name) == (str(path), pipe[0])


@BOTH
def test_a_text_file_has_no_read1(pipe, kind):
    os.write(pipe[1], b"ab")
    text, binary = kind(pipe[0], "r", closefd=False), kind(pipe[0], "rb")

    assert not hasattr(text, "read1")
    assert binary.read1(100) == b"ab"


@BOTH
def test_the_descriptor_is_left_open_if_asked_for(pipe, kind):
    file = kind(pipe[0], "rb", closefd=False)

    file.close()

    os.fstat(pipe[0])


@BOTH
def test_a_file_is_taken_over_with_its_mode_encoding_and_end(pipe, kind):
    given = open(pipe[1], "w", encoding="utf-16-le")
    given.write("a")

    file = kind(given)
    file.write("b")
    file.close()

    assert given.closed
    assert os.read(pipe[0], 100).decode("utf-16-le") == "ab"


@pytest.mark.parametrize("mode", ["r+b", "w+b", "a+b", "xb"])
def test_modes_do_what_they_do_with_open(tmp_path, mode):
    results = []
    for name, opener in (("ours", FileObjectPosix), ("theirs", open)):
        path = tmp_path / name
        if mode != "xb":
            path.write_bytes(b"before")
        with opener(path, mode) as file:
            file.write(b"new")
            if "+" in mode:
                file.seek(2)
                results.append((name, file.read()))
        results.append((name, path.read_bytes()))

    ours, theirs = ([result for name, result in results if name == which] for which in ("ours", "theirs"))
    assert ours == theirs


@pytest.mark.parametrize(
    ("mode", "options"),
    [("rb", {"encoding": "utf-8"}), ("rb", {"newline": ""}), ("r", {"buffering": 0}), ("rt+b", {}), ("z", {}), ("rw", {})],
)
def test_wrong_arguments_are_the_errors_of_open(tmp_path, mode, options):
    path = tmp_path / "file"
    path.write_bytes(b"")

    with pytest.raises(ValueError):
        open(path, mode, **options)
    with pytest.raises(ValueError):
        FileObjectPosix(path, mode, **options)


def test_a_regular_file_is_read_without_switching(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1_000_000))

    with assert_no_switch(), FileObjectPosix(path, "r+b", 0) as file:
        data = file.read()
        assert file.write(data) == 1_000_000

    assert path.stat().st_size == 2_000_000


def test_a_terminal_is_waited_for_and_written_by_the_line():
    ours, theirs = pty.openpty()
    file = FileObjectPosix(theirs, "r", closefd=False)
    reading = spawn(file.readline)
    wait_all_parked()

    os.write(ours, b"typed\n")

    assert reading.get() == "typed\n"
    out = FileObjectPosix(theirs, "w")
    assert out.line_buffering
    os.close(ours)


def test_a_timeout_leaves_the_file_as_it_was(pipe):
    reader = FileObjectPosix(pipe[0], "rb")
    with Timeout(0.01, False):
        reader.read(1)

    os.write(pipe[1], b"x")

    assert reader.read(1) == b"x"
    reader.close()


def test_the_file_of_a_socket_can_be_wrapped():
    one, other = socket.socketpair()
    with one, other, FileObjectPosix(one.makefile("rb"), closefd=True) as file:
        other.sendall(b"hello\n")

        assert file.readline() == b"hello\n"


def test_calls_in_threads_do_not_overlap(pipe):
    inside = []

    class Slow(io.BytesIO):
        def write(self, data):
            inside.append(len(inside))
            os.read(pipe[0], 1)
            inside.pop()
            return super().write(data)

    file = FileObjectThread(Slow())
    writing = [spawn(file.write, b"x") for _ in range(3)]
    while writing:
        os.write(pipe[1], b".")
        for each in wait(writing, count=1):  # which of the threads is first is not ours to say
            writing.remove(each)
            each.get()
        assert inside in ([], [0])

    assert file.getvalue() == b"xxx"


@BOTH
def test_what_the_file_cannot_do_is_an_attribute_error(pipe, kind):
    file = kind(pipe[0], "rb", closefd=False)

    with pytest.raises(AttributeError):
        file.no_such_method()


def test_the_standard_streams_can_be_made_cooperative_and_are_flushed_at_the_end(python):
    program = (
        "import sys\n"
        f"sys.path[:] = {sys.path!r}\n"
        "from hublet.core import spawn\n"
        "from hublet.process import _sys\n"
        "sys.stdin, sys.stdout, sys.stderr = _sys.stdin, _sys.stdout, _sys.stderr\n"
        "reading = spawn(sys.stdin.readline)\n"
        "spawn(print, 'ready').join()\n"
        "sys.stdout.flush()\n"
        "print(reading.get().strip(), 'read', end='')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    assert child.stdout.readline() == "ready\n"
    assert child.communicate("a line\n", timeout=60)[0] == "a line read"
    assert child.returncode == 0

"""The files on our ends of the pipes: those of the standard library, but that waiting parks."""

from __future__ import annotations

import gc
import io
import os
import warnings

import pytest

from hublet.core import Timeout, joinall, spawn
from hublet.core.errors import ConcurrentObjectUseError
from hublet.core.lowlevel import call_in_thread, get_hub_if_exists
from hublet.core.testing import wait_all_parked
from hublet.process import subprocess
from hublet.process._open import open_pipe
from hublet.process._ready import READ, WRITE, wait_ready
from hublet.process.subprocess import PIPE


@pytest.fixture
def pipe():
    """Both ends of a pipe as files: one to read from, one to write to."""
    read_fd, write_fd = os.pipe()
    reader, writer = open_pipe(read_fd, "rb"), open_pipe(write_fd, "wb")
    yield reader, writer
    reader.close()
    try:
        writer.close()
    except BrokenPipeError:
        pass


def test_reading_lets_another_greenlet_write(pipe):
    reader, writer = pipe
    reading = spawn(reader.readline)
    wait_all_parked()

    writer.write(b"a line\nand")
    writer.flush()

    assert reading.get() == b"a line\n"


def test_writing_more_than_fits_lets_another_greenlet_read(pipe):
    reader, writer = pipe
    data = bytes(1_000_000)
    writing = spawn(lambda: (writer.write(data), writer.close()))
    wait_all_parked()

    assert not writing.ready()
    assert reader.read() == data


def test_lines_are_read_one_by_one(start):
    child = start(["/bin/sh", "-c", "for i in 1 2 3; do echo line $i; done"], stdout=PIPE, text=True)

    assert list(child.stdout) == ["line 1\n", "line 2\n", "line 3\n"]


def test_a_conversation_in_lines(start, python):
    program = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
    child = start(python(program), stdin=PIPE, stdout=PIPE, text=True, bufsize=1)

    for word in ("one", "two"):
        child.stdin.write(f"{word}\n")
        assert child.stdout.readline() == f"{word.upper()}\n"


def test_reading_a_number_of_bytes_waits_for_all_of_them(pipe):
    reader, writer = pipe
    reading = spawn(reader.read, 4)
    for part in (b"ab", b"cde"):
        wait_all_parked()
        assert not reading.ready()
        writer.write(part)
        writer.flush()

    assert reading.get() == b"abcd"


def test_a_timeout_while_reading_to_the_end_loses_nothing(pipe):
    reader, writer = pipe
    writer.write(b"begun, ")
    writer.flush()
    with Timeout(0.02, False):
        reader.read()
        pytest.fail("the end is not there yet")

    writer.write(b"ended")
    writer.close()

    assert reader.read() == b"begun, ended"


def test_a_timeout_while_flushing_sends_nothing_twice(pipe):
    reader, writer = pipe
    data = b"".join(b"%07d\n" % i for i in range(30_000))
    with Timeout(0.02, False):
        for at in range(0, len(data), 1000):
            writer.write(data[at : at + 1000])
            accepted = at + 1000
    finishing = spawn(writer.close)

    received = reader.read()
    finishing.get()

    assert data.startswith(received)
    assert len(received) >= accepted


def test_closing_ends_the_reading_of_another_greenlet(pipe):
    reader, _ = pipe
    reading = spawn(reader.read)
    wait_all_parked()

    reader.close()

    assert reader.closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        reading.get()


def test_closing_ends_the_writing_of_another_greenlet(pipe):
    _, writer = pipe
    writing = spawn(lambda: writer.write(bytes(1_000_000)))
    wait_all_parked()

    writer.close()

    assert writer.closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        writing.get()


def test_closing_a_file_without_a_buffer_ends_the_reading_of_another_greenlet():
    read_fd, write_fd = os.pipe()
    reader = open_pipe(read_fd, "rb", 0)
    reading = spawn(reader.read, 1)
    wait_all_parked()

    reader.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        reading.get()
    os.close(write_fd)


def test_closing_after_the_data_came_lets_the_reader_have_it(pipe):
    reader, writer = pipe
    reading = spawn(reader.readline)
    wait_all_parked()

    writer.write(b"just in time\n")
    writer.flush()
    reading.join(0)
    reader.close()

    assert reading.get() == b"just in time\n"


def test_writes_of_two_greenlets_do_not_mix(pipe):
    reader, writer = pipe
    writing = [spawn(lambda letter=letter: writer.write(letter * 300_000)) for letter in (b"a", b"b")]
    closing = spawn(lambda: (joinall(writing, raise_error=True), writer.close()))

    received = reader.read()
    closing.get()

    assert received == b"a" * 300_000 + b"b" * 300_000


def test_a_second_greenlet_that_waits_for_the_same_is_refused(pipe):
    reader, _ = pipe
    first = spawn(wait_ready, {reader.fileno(): READ})
    wait_all_parked()

    with pytest.raises(ConcurrentObjectUseError, match="Greenlet.*already"):
        wait_ready({reader.fileno(): READ})

    first.kill()


def test_waiting_for_several_returns_those_that_are_ready(pipe):
    reader, writer = pipe
    writer.write(b".")
    writer.flush()

    assert wait_ready({reader.fileno(): READ, writer.fileno(): WRITE}) == [reader.fileno(), writer.fileno()]


def test_waiting_ends_when_the_time_is_up(pipe):
    reader, _ = pipe

    with Timeout(60):
        assert wait_ready({reader.fileno(): READ}, deadline=0.0) == []


def test_a_number_that_somebody_closed_and_reused_is_waited_for_anew():
    read_fd, write_fd = os.pipe()
    with Timeout(0.01, False):
        wait_ready({read_fd: READ})
    os.close(read_fd)
    os.close(write_fd)
    again, write_fd = os.pipe()
    assert again == read_fd  # that is what this test is about
    waiting = spawn(wait_ready, {again: READ})
    wait_all_parked()

    os.write(write_fd, b".")

    with Timeout(60):
        assert waiting.get() == [again]
    os.close(again)
    os.close(write_fd)


def test_a_native_thread_without_a_hub_reads_and_gets_no_hub(pipe):
    reader, writer = pipe
    reading = spawn(call_in_thread, lambda: (reader.read(), get_hub_if_exists()))
    wait_all_parked()

    writer.write(b"for the thread")
    writer.close()

    assert reading.get() == (b"for the thread", None)


def test_the_name_stays_when_the_file_is_closed(start):
    child = start(["true"], stdin=PIPE, stdout=PIPE, text=True)
    numbers = (child.stdin.fileno(), child.stdout.fileno())

    child.stdin.close()
    child.stdout.close()

    assert (child.stdin.name, child.stdout.name) == numbers
    assert (child.stdin.closed, child.stdout.closed) == (True, True)
    with pytest.raises(ValueError):
        child.stdout.fileno()


def test_files_say_what_they_are_for(pipe):
    reader, writer = pipe

    assert (reader.readable(), reader.writable(), reader.mode) == (True, False, "rb")
    assert (writer.readable(), writer.writable(), writer.mode) == (False, True, "wb")
    assert not reader.seekable()
    assert not reader.isatty()
    for wrong in (lambda: reader.raw.write(b"."), lambda: writer.raw.read(1), lambda: writer.raw.readall()):
        with pytest.raises(io.UnsupportedOperation):
            wrong()


def test_closing_twice_and_leaving_the_block_is_harmless(start):
    with start(["true"], stdin=PIPE, stdout=PIPE) as child:
        child.stdout.close()
        child.stdin.close()
        child.stdin.close()

    assert child.returncode == 0


def test_the_output_of_one_child_is_the_input_of_another(start, python):
    slow = "import time\nfor word in ('no', 'yes', 'no', 'yes'): time.sleep(0.02); print(word, flush=True)"
    first = start(python(slow), stdout=PIPE)
    second = start(["grep", "yes"], stdin=first.stdout, stdout=PIPE)
    first.stdout.close()

    output, _ = second.communicate()

    assert output == b"yes\nyes\n"
    assert first.wait() == 0


def test_the_descriptor_stays_blocking_for_who_uses_it_by_number(start):
    child = start(["/bin/sh", "-c", "read line; echo $line"], stdin=PIPE, stdout=PIPE)

    os.write(child.stdin.fileno(), b"by number\n")

    assert os.get_blocking(child.stdin.fileno())
    assert os.read(child.stdout.fileno(), 100) == b"by number\n"


def test_a_descriptor_that_was_made_non_blocking_works_too(pipe):
    reader, writer = pipe
    os.set_blocking(reader.fileno(), False)
    os.set_blocking(writer.fileno(), False)
    data = bytes(1_000_000)
    spawn(lambda: (writer.write(data), writer.close()))

    assert reader.read() == data


def test_data_that_somebody_else_took_first_is_waited_for_again(pipe, monkeypatch):
    reader, writer = pipe
    os.set_blocking(reader.fileno(), False)
    taken = []

    def read_after_somebody_else(file, buffer):
        if not taken:
            taken.append(os.read(file.fileno(), 100))
        return io.FileIO.readinto(file, buffer)

    monkeypatch.setattr("hublet.process._raw._readinto", read_after_somebody_else)
    reading = spawn(reader.read1, 100)
    for part in (b"first", b"second"):
        wait_all_parked()
        writer.write(part)
        writer.flush()

    assert reading.get() == b"second"


def test_without_a_buffer_all_is_written_at_once(start, python):
    program = "import sys; print(len(sys.stdin.buffer.read()))"
    child = start(python(program), stdin=PIPE, stdout=PIPE, bufsize=0)

    assert child.stdin.write(bytes(1_000_000)) == 1_000_000
    child.stdin.close()

    assert isinstance(child.stdin, io.RawIOBase)
    assert child.stdout.read() == b"1000000\n"


def test_one_line_as_a_buffer_of_bytes_is_a_warning(start):
    with pytest.warns(RuntimeWarning, match="line buffering"):
        start(["true"], stdin=PIPE, bufsize=1)


def test_a_file_that_is_dropped_open_is_a_warning(start):
    child = start(["true"], stdout=PIPE)

    with pytest.warns(ResourceWarning, match="unclosed file"):
        child.stdout = None
        gc.collect()


def test_a_child_that_cannot_be_started_leaves_no_descriptor(descriptors):
    before = descriptors()

    with pytest.raises(FileNotFoundError):
        subprocess.Popen(["/there/is/no/such/program"], stdin=PIPE, stdout=PIPE, stderr=PIPE)

    assert descriptors() == before


def test_an_encoding_that_does_not_exist_leaves_no_descriptor(descriptors):
    before = descriptors()

    with pytest.raises(LookupError):
        subprocess.Popen(["true"], stdin=PIPE, stdout=PIPE, stderr=PIPE, encoding="no-such-encoding")

    assert descriptors() == before


def test_a_child_that_was_run_leaves_no_descriptor(descriptors):
    subprocess.run(["cat"], input=b"data", capture_output=True)
    before = descriptors()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        subprocess.run(["cat"], input=b"data", capture_output=True)

    assert descriptors() == before

"""Talking to children: any size in both directions, interrupted and resumed, as bytes and as text."""

from __future__ import annotations

import os
import subprocess as native
import sys

import pytest

from hublet.core import Timeout, sleep, spawn
from hublet.core.testing import wait_all_parked
from hublet.process import subprocess
from hublet.process.subprocess import DEVNULL, PIPE, STDOUT

ECHO = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
BOTH = "import sys; sys.stdout.write('to output'); sys.stderr.write('to errors')"
PARTLY = "import sys; print('begun', flush=True); GATE; print(len(sys.stdin.read()))"
MEGABYTES = bytes(range(256)) * 4096 * 10


def test_ten_megabytes_go_both_ways(python):
    result = subprocess.run(python(ECHO), input=MEGABYTES, stdout=PIPE)

    assert result.stdout == MEGABYTES


def test_output_and_errors_of_any_size_are_both_read(python):
    program = "import sys\nfor i in range(100): sys.stdout.write('o' * 10007); sys.stderr.write('e' * 10007)"

    result = subprocess.run(python(program), capture_output=True)

    assert (len(result.stdout), len(result.stderr)) == (1000700, 1000700)


def test_another_greenlet_is_served_between_the_parts(python):
    turns = []

    def count():
        while True:
            turns.append(None)
            sleep(0)

    counting = spawn(count)
    subprocess.run(python(ECHO), input=MEGABYTES, stdout=PIPE)
    counting.kill()

    assert len(turns) > 100


def test_several_children_are_communicated_with_at_once(start, python):
    children = [start(python(ECHO), stdin=PIPE, stdout=PIPE) for _ in range(3)]
    reading = [spawn(child.stdout.read) for child in children]
    wait_all_parked()

    for child in reversed(children):
        child.stdin.write(b"to be echoed")
        child.stdin.close()

    assert [each.get() for each in reading] == [b"to be echoed"] * 3


def test_output_that_nobody_asked_for_is_none(python):
    assert subprocess.run(python("pass")).stdout is None
    assert subprocess.run(python("pass"), stdout=PIPE).stderr is None


def test_errors_can_go_where_output_goes(python):
    result = subprocess.run(python(BOTH), stdout=PIPE, stderr=STDOUT)

    assert sorted([b"to output", b"to errors"]) == sorted([result.stdout[:9], result.stdout[9:]])


def test_a_timeout_keeps_the_output_so_far_and_a_second_call_goes_on_with_input_and_output(start, gate):
    child = start(gate.python(PARTLY), stdin=PIPE, stdout=PIPE, stderr=PIPE, pass_fds=gate.inner)
    child.stdin.write(b"12")
    gate.wait_until_reached()

    with pytest.raises(subprocess.TimeoutExpired) as caught:
        child.communicate(b"x" * 1_000_000, timeout=0.05)
    gate.open()
    output, errors = child.communicate(timeout=60)

    assert caught.value.timeout == 0.05
    assert caught.value.output == b"begun\n"
    assert output == b"begun\n1000002\n"
    assert errors == b""


@pytest.mark.parametrize("options", [{}, {"stderr": PIPE}, {"text": True}], ids=["one pipe", "two pipes", "text"])
@pytest.mark.parametrize("timeout", [None, 60])
def test_a_greenlets_timeout_in_the_middle_loses_no_output(start, gate, options, timeout):
    child = start(gate.python(PARTLY), stdin=DEVNULL, stdout=PIPE, pass_fds=gate.inner, **options)
    gate.wait_until_reached()

    with Timeout(0.05, False):
        child.communicate()
        pytest.fail("the gate is closed")
    gate.open()
    output, _ = child.communicate(timeout=timeout)

    assert output == ("begun\n0\n" if "text" in options else b"begun\n0\n")


def test_a_timeout_after_the_pipes_are_closed_keeps_the_output(start, gate):
    program = "import os; print('all', flush=True); os.close(1); GATE"
    child = start(gate.python(program), stdout=PIPE, pass_fds=gate.inner)
    gate.wait_until_reached()

    with pytest.raises(subprocess.TimeoutExpired) as caught:
        child.communicate(timeout=0.05)

    assert caught.value.output == b"all\n"
    assert caught.value.timeout == 0.05


def test_a_timeout_without_output_has_none(start, python):
    child = start(python("import time; time.sleep(60)"), stdout=PIPE)

    with pytest.raises(subprocess.TimeoutExpired) as caught:
        child.communicate(timeout=0.02)

    assert caught.value.output is None


def test_input_that_nobody_reads_is_no_error(python):
    result = subprocess.run(python("import os; os.close(0); print('done')"), input=MEGABYTES, stdout=PIPE)

    assert result.stdout == b"done\n"


def test_what_was_written_before_comes_before_the_input(start, python):
    child = start(python(ECHO), stdin=PIPE, stdout=PIPE)
    child.stdin.write(b"first, ")

    output, _ = child.communicate(b"then")

    assert output == b"first, then"


def test_input_that_was_closed_before_is_no_error(start, python):
    child = start(python(ECHO), stdin=PIPE, stdout=PIPE)
    child.stdin.write(b"all of it")
    child.stdin.close()

    assert child.communicate(timeout=60) == (b"all of it", None)


def test_input_after_communication_has_begun_is_refused(start, python):
    child = start(python("import time; time.sleep(60)"), stdin=PIPE, stdout=PIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        child.communicate(timeout=0.01)

    with pytest.raises(ValueError, match="Cannot send input"):
        child.communicate(b"late")


def test_text_is_encoded_and_decoded(python):
    result = subprocess.run(python(ECHO), input="größer\n", capture_output=True, encoding="latin-1")

    assert result.stdout == "größer\n"
    assert result.stderr == ""


def test_text_has_one_kind_of_newline(python):
    result = subprocess.run(python(ECHO), input=b"a\r\nb\rc\n", stdout=PIPE)
    text = subprocess.run(python(ECHO), input="a\r\nb\rc\n", stdout=PIPE, text=True)

    assert result.stdout == b"a\r\nb\rc\n"
    assert text.stdout == "a\nb\nc\n"


@pytest.mark.parametrize("options", [{}, {"stderr": PIPE}, {"timeout": 60}], ids=["one pipe", "two pipes", "timeout"])
def test_output_that_cannot_be_decoded_raises(python, options):
    program = "import sys; sys.stdout.buffer.write(b'\\xff')"

    with pytest.raises(UnicodeDecodeError):
        subprocess.run(python(program), stdout=PIPE, encoding="utf-8", **options)

    result = subprocess.run(python(program), stdout=PIPE, encoding="utf-8", errors="replace", **options)
    assert result.stdout == "\ufffd"


@pytest.mark.parametrize("options", [{}, {"stderr": PIPE}, {"timeout": 60}], ids=["one pipe", "two pipes", "timeout"])
def test_empty_text_output_is_an_empty_string(python, options):
    assert subprocess.run(python("pass"), stdout=PIPE, text=True, **options).stdout == ""


def test_a_child_without_input_reads_its_end_at_once(python):
    result = subprocess.run(python(ECHO), stdin=DEVNULL, stdout=PIPE)

    assert result.stdout == b""


def test_input_and_output_can_be_files(python, tmp_path):
    (tmp_path / "in").write_bytes(b"from a file")

    with open(tmp_path / "in", "rb") as source, open(tmp_path / "out", "wb") as target:
        subprocess.run(python(ECHO), stdin=source, stdout=target, check=True)

    assert (tmp_path / "out").read_bytes() == b"from a file"


def test_run_kills_the_child_when_the_time_is_up_and_keeps_the_output_so_far():
    timeout, output = 0.1, None
    while output is None and timeout < 20:  # longer, until the child had the time to write
        timeout *= 2
        with pytest.raises(subprocess.TimeoutExpired) as caught:
            subprocess.run(["/bin/sh", "-c", "echo so far; exec sleep 60"], stdout=PIPE, timeout=timeout)
        output = caught.value.output

    assert output == b"so far\n"


def test_run_kills_the_child_when_its_greenlet_is_killed(python):
    made = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    from hublet.process import _run

    original, _run.Popen = _run.Popen, Recorded
    try:
        running = spawn(_run.run, python("import time; time.sleep(60)"), stdout=PIPE)
        wait_all_parked()
        running.kill()
    finally:
        _run.Popen = original

    assert [each.returncode for each in made] == [-9]


def test_run_under_a_timeout_of_the_greenlet_raises_that_timeout(python):
    timeout = Timeout(0.05)

    with pytest.raises(Timeout) as caught, timeout:
        subprocess.run(python("import time; time.sleep(60)"))

    assert caught.value is timeout


def test_the_functions_give_what_the_standard_librarys_give(python):
    exits = python("import sys; print('said'); sys.exit(3)")

    assert subprocess.call(exits, stdout=DEVNULL) == 3
    assert subprocess.check_call(python("pass")) == 0
    assert subprocess.check_output(python(BOTH), stderr=DEVNULL) == b"to output"
    assert subprocess.getoutput("echo out; echo err >&2") == "out\nerr"
    assert subprocess.getstatusoutput("echo out; exit 3") == (3, "out")
    with pytest.raises(native.CalledProcessError) as caught:
        subprocess.check_output(exits)
    assert (caught.value.returncode, caught.value.output) == (3, b"said\n")
    with pytest.raises(native.CalledProcessError):
        subprocess.check_call(exits, stdout=DEVNULL)
    with pytest.raises(native.CalledProcessError):
        subprocess.run(exits, check=True, stdout=DEVNULL)
    with pytest.raises(native.TimeoutExpired):
        subprocess.call(python("import time; time.sleep(60)"), timeout=0.01)


def test_no_input_is_nothing_and_not_our_own_standard_input(python):
    read_end, write_end = os.pipe()
    os.write(write_end, b"for us alone")
    os.close(write_end)
    ours = os.dup(0)
    os.dup2(read_end, 0)
    try:
        output = subprocess.check_output(python(ECHO), input=None)
        text = subprocess.check_output(python(ECHO), input=None, text=True)
    finally:
        os.dup2(ours, 0)
        os.close(ours)
        os.close(read_end)

    assert (output, text) == (b"", "")


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("run", {"input": b"", "stdin": PIPE}),
        ("run", {"capture_output": True, "stdout": PIPE}),
        ("check_output", {"stdout": PIPE}),
        ("check_output", {"check": True}),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(function, options):
    with pytest.raises(ValueError):
        getattr(subprocess, function)(["true"], **options)


def test_everything_that_the_standard_library_has_is_here():
    for name in native.__all__:
        assert name in subprocess.__all__
    assert subprocess._args_from_interpreter_flags is native._args_from_interpreter_flags
    assert subprocess.TimeoutExpired is native.TimeoutExpired
    assert issubclass(subprocess.Popen, native.Popen)
    with pytest.raises(AttributeError):
        subprocess.there_is_no_such_thing  # noqa: B018


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are inherited by number in the same way elsewhere")
def test_descriptors_can_be_passed_on(python, tmp_path):
    read_end, write_end = os.pipe()
    program = f"import os; os.write({write_end}, b'through a descriptor')"

    subprocess.run(python(program), pass_fds=[write_end], check=True)
    os.close(write_end)

    assert os.read(read_end, 100) == b"through a descriptor"
    os.close(read_end)


def test_a_shell_can_be_asked(start):
    assert subprocess.run("echo $((6 * 7))", shell=True, stdout=PIPE).stdout == b"42\n"


@pytest.mark.parametrize(
    ("options", "command", "expected"),
    [
        ({"umask": 0o27}, "umask", "0027"),
        ({"cwd": "/"}, "pwd", "/"),
        ({"env": {"ONLY": "this"}}, "echo $ONLY$HOME", "this"),
        ({"preexec_fn": lambda: os.umask(0o77)}, "umask", "0077"),
        pytest.param(
            {"user": 65534, "group": 65534, "extra_groups": [65533]},
            "echo $(id -u) $(id -G)",
            "65534 65534 65533",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else"),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_the_child_is_to_be_is_passed_on(options, command, expected):
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, **options)

    assert done.stdout.strip() == expected


def test_a_child_can_be_in_a_session_or_group_of_its_own(start):
    apart = start(["/bin/cat"], stdin=PIPE, start_new_session=True)

    assert os.getsid(apart.pid) == apart.pid
    if sys.version_info >= (3, 11):
        leader = start(["/bin/cat"], stdin=PIPE, process_group=0)
        assert os.getpgid(leader.pid) == leader.pid != os.getpgid(0)

"""``python -m hublet.monkey``: a program runs as Python itself would run it, but patched."""

from __future__ import annotations

import signal
import sys
import zipfile

import pytest

SHOW = """
import sys
print(sys.argv, sys.path[0], __name__, __doc__, __package__, type(__loader__).__name__)
print(__spec__ and (__spec__.name, __spec__.origin), globals().get("__file__"), __builtins__)
print(sys.modules["__main__"].__dict__ is globals(), [name for name in globals() if not name.startswith("__")])
"""
FAIL = """
def outer():
    inner()
def inner():
    raise ValueError("it failed")
outer()
"""
PROGRAMS = {
    "shows its surroundings": SHOW,
    "fails": FAIL,
    "fails in a chain": "try:\n    1 / 0\nexcept Exception as error:\n    raise KeyError('chained') from error",
    "fails with a group": "raise ExceptionGroup('several', [ValueError(1)])" if sys.version_info >= (3, 11) else FAIL,
    "does not compile": "def (",
    "exits with a number": "import sys; sys.exit(3)",
    "exits with words": "import sys; sys.exit('words')",
    "exits with nothing": "import sys; sys.exit()",
    "exits late": "import atexit; atexit.register(print, 'at exit'); raise SystemExit(4)",
    "fails, and has a hook": "import sys; sys.excepthook = lambda *args: print('hook', args[:2]); 1 / 0",
    "fails, and looks at exit": "import atexit, sys; atexit.register(lambda: print(sys.last_value)); 1 / 0",
    "pickles its own class": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)",
    "has no last line": "print('é')",
    "is in another encoding": "# coding: latin-1\nprint(ascii('\xe4'))",
    "imports its neighbour": "import neighbour; print(neighbour.value)",
    "runs threads at its end": "import threading; threading.Timer(0.01, print, ['from a thread']).start()",
}


def same(interpreter, *arguments, **options):
    """Assert that the arguments lead to the same end with and without us; return that end."""
    plain = interpreter.run(*arguments, **options)
    patched = interpreter.run("-m", "hublet.monkey", *arguments, **options)

    assert patched.stdout == plain.stdout
    assert patched.stderr == plain.stderr
    assert patched.returncode == plain.returncode
    return patched


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_script_runs_as_python_runs_it(interpreter, program):
    interpreter.write("folder/neighbour.py", "value = 42")
    path = interpreter.folder / "folder" / "program.py"
    path.write_text(PROGRAMS[program], encoding="latin-1" if "encoding" in program else "utf-8")

    same(interpreter, "folder/program.py", "-x", "--no-time", "argument")


def test_a_script_is_patched(interpreter):
    interpreter.write("program.py", "import time; print(time.sleep.__module__)")

    assert interpreter.run("-m", "hublet.monkey", "program.py").stdout == "hublet.core._time\n"


def test_a_feature_can_be_left_out(interpreter):
    interpreter.write("program.py", "import time; print(time.sleep.__module__)")

    assert interpreter.run("-m", "hublet.monkey", "--no-time", "--", "program.py").stdout == "time\n"


def test_a_script_may_patch_too(interpreter):
    interpreter.write("program.py", "import hublet.monkey; hublet.monkey.patch_all(); print('ok')")

    done = interpreter.run("-W", "error", "-m", "hublet.monkey", "program.py")

    assert (done.stdout, done.stderr) == ("ok\n", "")


@pytest.mark.parametrize("program", ["shows its surroundings", "exits with words"])
def test_a_module_runs_as_python_runs_it(interpreter, program):
    interpreter.write("package/__init__.py", "print('the package')")
    interpreter.write("package/module.py", PROGRAMS[program])

    same(interpreter, "-m", "package.module", "-x", "argument")


def test_a_package_runs_as_python_runs_it(interpreter):
    interpreter.write("package/__init__.py", "")
    interpreter.write("package/__main__.py", SHOW)

    same(interpreter, "-m", "package", "argument")


def test_a_module_that_fails_shows_what_python_shows(interpreter):
    interpreter.write("module.py", FAIL)

    done = same(interpreter, "-m", "module")

    assert "hublet" not in done.stderr


def test_a_module_that_does_not_exist_is_what_python_says(interpreter):
    done = same(interpreter, "-m", "no_such_module")

    assert done.returncode == 1 and "No module named no_such_module" in done.stderr


def test_a_script_that_does_not_exist_is_what_python_says(interpreter):
    done = same(interpreter, "nowhere.py")

    assert done.returncode == 2 and "nowhere.py" in done.stderr


def test_a_folder_with_a_main_runs(interpreter):
    interpreter.write("folder/__main__.py", SHOW)

    same(interpreter, "folder", "argument")


def test_an_archive_with_a_main_runs(interpreter):
    with zipfile.ZipFile(interpreter.folder / "program.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW.replace("__builtins__", "None"))

    same(interpreter, "program.zip", "argument")


def test_a_compiled_script_runs(interpreter):
    interpreter.write("program.py", "print(__name__, __file__)")
    interpreter.run("-c", "import py_compile; py_compile.compile('program.py', 'program.pyc')")

    same(interpreter, "program.pyc")


def test_a_script_is_found_through_a_link(interpreter):
    interpreter.write("folder/neighbour.py", "value = 42")
    real = interpreter.write("folder/program.py", SHOW + PROGRAMS["imports its neighbour"])
    (interpreter.folder / "link.py").symlink_to(real)

    same(interpreter, "link.py")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_program_as_it_ends_python(interpreter):
    interpreter.write("program.py", "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('never')")

    done = same(interpreter, "program.py")

    assert done.returncode == -signal.SIGINT


@pytest.mark.skipif(sys.version_info < (3, 11), reason="safe paths came with 3.11")
def test_a_safe_path_stays_safe(interpreter):
    interpreter.write("folder/program.py", "import sys; print(sys.path[:2])")

    same(interpreter, "folder/program.py", PYTHONSAFEPATH="1")


def test_the_processes_of_a_program_find_what_it_defines(interpreter):
    interpreter.write(
        "program.py",
        """
        import multiprocessing
        def square(number):
            return number ** 2
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(square, [1, 2, 3]))
        """,
    )

    done = same(interpreter, "program.py")

    assert done.stdout == "[1, 4, 9]\n"


def test_help_lists_the_features(interpreter):
    done = interpreter.run("-m", "hublet.monkey", "--help")

    assert done.returncode == 0
    assert "usage: python -m hublet.monkey" in done.stdout
    assert "time        `time.sleep`" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "a program to run is missing"),
        (("-m",), "a module is missing"),
        (("--no-coffee", "program.py"), "unknown option --no-coffee; known: --help, --no-"),
        (("--time", "program.py"), "unknown option --time"),
    ],
)
def test_a_command_line_that_cannot_be_understood_is_explained(interpreter, arguments, complaint):
    done = interpreter.run("-m", "hublet.monkey", *arguments)

    assert done.returncode == 2
    assert "usage: python -m hublet.monkey" in done.stderr and complaint in done.stderr

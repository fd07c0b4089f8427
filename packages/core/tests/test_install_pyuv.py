"""The command that installs pyuv: what it asks of pip, and what it says where it cannot work.

That it does work is for a session of nox, which has time and a network.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from importlib.resources import files
from pathlib import Path

import pytest

from hublet.core.loops import install_pyuv


@pytest.fixture
def compiler() -> list[str]:
    """A C compiler that finds the headers of this Python."""
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    try:
        install_pyuv.compile_nothing(command, "#include <Python.h>")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs a C compiler and the headers of Python: {error}")
    return command


@pytest.fixture
def pip() -> None:
    pytest.importorskip("pip")


def compile_with_header(compiler: list[str], source: str) -> subprocess.CompletedProcess[str]:
    command = [*compiler, "-I", str(install_pyuv.HEADERS), "-I", sysconfig.get_path("include"), "-Wall", "-Wextra"]
    flags = ["-Wno-unused-function", "-Werror", "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run([*command, *flags], input=source, capture_output=True, text=True, check=False)


def test_the_header_is_installed_with_the_package():
    assert (files("hublet.core.loops") / "pyuv_compat" / "Python.h").is_file()


def test_what_pyuv_uses_compiles_with_the_header(compiler: list[str]):
    done = compile_with_header(
        compiler,
        """
        #define PY_SSIZE_T_CLEAN
        #include "Python.h"
        #include "structmember.h"
        PyObject *use(PyObject *self, PyTypeObject *type) {
            void *memory = PyMem_Realloc(PyMem_Malloc(1), 2);
            PyMem_Free(memory);
            PyEval_InitThreads();
            Py_REFCNT(self) = Py_REFCNT(self) + 1;
            _Py_NewReference(self);
            if (PyType_Ready(type) < 0) return NULL;
            if (Py_FileSystemDefaultEncoding) return PyUnicode_AsEncodedString(self, Py_FileSystemDefaultEncoding, "strict");
            return PyUnicode_EncodeUTF8(PyUnicode_AS_UNICODE(self), PyUnicode_GET_SIZE(self), "strict");
        }
        """,
    )

    assert done.returncode == 0, done.stderr


def test_memory_comes_from_where_no_lock_is_needed(compiler: list[str]):
    done = compile_with_header(
        compiler,
        """
        #include "Python.h"
        void *(*same)(size_t) = PyMem_Malloc;
        #define TEXT_(name) #name
        #define TEXT(name) TEXT_(name)
        _Static_assert(sizeof(TEXT(PyMem_Malloc)) == sizeof("PyMem_RawMalloc"), "PyMem_Malloc");
        _Static_assert(sizeof(TEXT(PyMem_Free)) == sizeof("PyMem_RawFree"), "PyMem_Free");
        """,
    )

    assert done.returncode == 0, done.stderr


def test_our_header_comes_before_everybody_elses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CPPFLAGS", "-DSOMETHING -I/somewhere")

    flags = shlex.split(install_pyuv.make_environment(tmp_path)["CPPFLAGS"])

    assert flags == [f"-I{install_pyuv.HEADERS}", "-DSOMETHING", "-I/somewhere"]


def test_a_path_with_a_space_is_one_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(install_pyuv, "HEADERS", Path("/a folder/pyuv_compat"))
    monkeypatch.delenv("CPPFLAGS", raising=False)

    assert shlex.split(install_pyuv.make_environment(tmp_path)["CPPFLAGS"]) == ["-I/a folder/pyuv_compat"]


def test_the_systems_libuv_is_asked_for_in_a_file_that_setuptools_reads(tmp_path: Path):
    environment = install_pyuv.make_environment(tmp_path, use_system_libuv=True)

    assert "use_system_libuv = 1" in Path(environment["DIST_EXTRA_CONFIG"]).read_text()
    assert "DIST_EXTRA_CONFIG" not in install_pyuv.make_environment(tmp_path) or "DIST_EXTRA_CONFIG" in os.environ


def test_pip_is_told_what_the_user_says_to_pip():
    command = install_pyuv.make_command(["--user"])

    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-2:] == ["--user", "pyuv==1.4.0"]


def test_what_follows_two_dashes_reaches_pip_and_its_failure_is_the_commands(
    compiler: list[str], pip: None, capfd: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit, match="what pip printed above"):
        install_pyuv.main(["--", "--no-such-option-of-pip"])

    assert "--no-such-option-of-pip" in capfd.readouterr().err


def test_help_needs_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "hublet.core.loops.install_pyuv", "--help"],
        env={**os.environ, "CC": "no-such-compiler", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "--use-system-libuv" in done.stdout


@pytest.mark.parametrize("compiler_that", ["no-such-compiler", "false"])
def test_without_a_compiler_it_says_which_to_install(pip: None, monkeypatch: pytest.MonkeyPatch, compiler_that: str):
    monkeypatch.setenv("CC", compiler_that)

    with pytest.raises(SystemExit, match="pyuv cannot be installed: there is no working C compiler.*build-essential"):
        install_pyuv.main([])


def test_without_pythons_headers_it_says_which_to_install(
    compiler: list[str], pip: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))

    assert "does not find Python.h" in (install_pyuv.find_obstacle() or "")


def test_without_libuvs_header_it_says_which_to_install(
    compiler: list[str], pip: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "uv.h").write_text("#define UV_VERSION_HEX 0x010d00\n")
    monkeypatch.setenv("CPPFLAGS", f"-I{tmp_path}")

    assert "libuv 1.44 or later" in (install_pyuv.find_obstacle(use_system_libuv=True) or "")


def test_without_pip_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(install_pyuv, "find_spec", lambda name: None)

    assert "-m ensurepip" in (install_pyuv.find_obstacle() or "")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("sys.platform", "win32", "on Windows"),
        ("sys.implementation.name", "pypy", "this is pypy"),
    ],
)
def test_where_it_cannot_work_it_names_the_loop_that_does(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
):
    monkeypatch.setattr(name, value)

    obstacle = install_pyuv.find_obstacle() or ""

    assert says in obstacle
    assert "use the selectors loop" in obstacle


def test_without_the_lock_it_names_the_loop_that_works(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: 1 if name == "Py_GIL_DISABLED" else None)

    assert "use the selectors loop" in (install_pyuv.find_obstacle() or "")

"""A copy of core's folder runs inside another project, under another name, with nothing called `hublet` in reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "packages" / "core" / "src" / "hublet" / "core"

# Runs before each program: whoever imports `hublet` fails, installed or not.
BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name == "hublet" or name.startswith("hublet."):
            raise ImportError(f"{name} is blocked: the vendored core must not need it", name=name)

sys.meta_path.insert(0, Block())
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a program beside `acme/_vendor/lite`, a copy of core, and returns its output."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", "*.pyx", "*.pxd")
    shutil.copytree(CORE, tmp_path / "acme" / "_vendor" / "lite", ignore=ignored)
    for folder in ("acme", "acme/_vendor"):
        (tmp_path / folder / "__init__.py").touch()

    def run_program(text, **environment):
        program = tmp_path / "program.py"
        program.write_text(BLOCK + textwrap.dedent(text), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBLET_")}
        done = subprocess.run(
            [sys.executable, str(program)],
            env={**kept, "PYTHONPATH": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run_program


def test_the_block_holds(run):
    lines = run("""
        try:
            import hublet.core
        except ImportError as error:
            print(error)
    """)

    assert len(lines) == 1
    assert "is blocked" in lines[0]


def test_greenlets_take_turns(run):
    lines = run("""
        from acme._vendor.lite import joinall, sleep, spawn

        def count(name):
            for number in range(2):
                print(name, number)
                sleep(0)

        joinall([spawn(count, "a"), spawn(count, "b")])
    """)

    assert lines == ["a 0", "b 0", "a 1", "b 1"]


def test_greenlets_sleep_side_by_side(run):
    lines = run("""
        import time
        from acme._vendor.lite import joinall, sleep, spawn

        started = time.monotonic()
        joinall([spawn(sleep, 0.2) for _ in range(20)])
        print(0.2 <= time.monotonic() - started < 2)
    """)

    assert lines == ["True"]


def test_a_timeout_ends_a_sleep(run):
    lines = run("""
        from acme._vendor.lite import Timeout, sleep

        try:
            with Timeout(0.01):
                sleep(30)
        except Timeout:
            print("timed out")
    """)

    assert lines == ["timed out"]


def test_a_value_and_an_error_come_out_of_a_greenlet(run):
    lines = run("""
        from acme._vendor.lite import get_hub, spawn

        get_hub().NOT_ERROR += (ZeroDivisionError,)
        print(spawn(pow, 2, 10).get())
        try:
            spawn(divmod, 1, 0).get()
        except ZeroDivisionError as error:
            print(type(error).__name__)
    """)

    assert lines == ["1024", "ZeroDivisionError"]


def test_it_is_the_interpreted_copy_that_runs(run):
    lines = run("""
        import sys
        import acme._vendor.lite as lite

        print(lite.compiled, [name for name in sys.modules if name.partition(".")[0] == "hublet"])
        own = [module.__file__ for name, module in sys.modules.items() if name.startswith("acme._vendor.lite")]
        print({file.rpartition(".")[2] for file in own})
    """)

    assert lines == ["False []", "{'py'}"]

"""What the tests of monkey share: interpreters of their own, since what is patched stays patched."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Interpreter:
    """Runs Python with the `sys.path` of this one, and with distributions that the test makes up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, code: str) -> Path:
        """Write a file that the interpreter can import or run."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code))
        return path

    def add_distribution(self, name: str, patches: str, code: str = "") -> None:
        """Make up a distribution whose entry point names *patches*; *code* is the module that it brings."""
        module = name.replace("-", "_")
        entry = f"[hublet.monkey.patches]\n{module} = {module}:PATCHES\n"
        self.write(f"{module}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        self.write(f"{module}-1.0.dist-info/entry_points.txt", entry)
        code = f"from hublet.core.patching import Patch\n{textwrap.dedent(code)}\nPATCHES = [{patches}]\n"
        self.write(f"{module}.py", code)

    def run(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python with *arguments*."""
        path = os.pathsep.join([str(self.folder), *filter(None, sys.path)])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.folder,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def script(self, code: str, only: tuple[str, ...] | None = None) -> str:
        """Run code and return what it prints; fail unless it ends well.

        *only* names the distributions whose entry points it can see; the default is all that are installed.
        """
        if only is not None:
            code = HIDE.format(only=only) + textwrap.dedent(code)
        done = self.run("-c", textwrap.dedent(code))
        assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()


HIDE = """\
import hublet.core.plugins as _plugins
_all = _plugins._read_folders
_plugins._read_folders = lambda group: [each for each in _all(group) if each.distribution in {only}]
"""


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    return Interpreter(tmp_path)


@pytest.fixture
def script(interpreter: Interpreter) -> Callable[..., Any]:
    return interpreter.script

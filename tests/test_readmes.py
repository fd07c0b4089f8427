"""The example in each distribution's README runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(readme: Path) -> str:
    return readme.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_the_example_runs(readme, tmp_path):
    examples = PYTHON.findall(readme.read_text(encoding="utf-8"))
    assert examples, f"{name(readme)} has no example"

    for example in examples:
        done = subprocess.run(
            [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

        assert done.returncode == 0, done.stderr
        assert done.stdout

"""It cannot be too late: every object in every style, loaded before patching and after it, cooperates or is reported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CELLS = Path(__file__).parent / "matrix" / "cells.py"
sys.path.insert(0, str(CELLS.parent))
import cells  # noqa: E402

sys.path.pop(0)



@pytest.mark.parametrize("timing", ["before", "after"])
@pytest.mark.parametrize("row", cells.ROWS)
def test_each_style_cooperates_or_is_reported(row, timing, tmp_path):
    done = subprocess.run(
        [sys.executable, CELLS, row, timing, tmp_path], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)

    allowed = ("cooperative",) if timing == "after" else ("cooperative", "reported")
    assert {style: what for style, what in outcome.items() if what not in allowed} == {}
    # What the usual ways of importing reach is not merely reported.
    assert {outcome[style] for style in ("attribute", "imported", "renamed")} == {"cooperative"}


def test_the_matrix_has_at_least_sixty_cells():
    styles = sum(5 + is_class + bool(make) for _, _, _, is_class, make in cells.ROWS.values())

    assert 2 * styles >= 60

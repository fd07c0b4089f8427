"""A compiled build needs a compiled core, and says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hublet.core import compiled

OVER_AN_INTERPRETED_CORE = """
import hublet.core
hublet.core.compiled = False
import hublet.sync
"""


@pytest.mark.skipif(not compiled, reason="interpreted, nothing is called in C")
def test_compiled_over_an_interpreted_core_is_an_import_error_that_says_what_to_do():
    done = subprocess.run([sys.executable, "-c", OVER_AN_INTERPRETED_CORE], capture_output=True, text=True, check=False)

    assert "ImportError: hublet-sync is compiled, and hublet-core is interpreted" in done.stderr
    assert "HUBLET_PURE=1" in done.stderr

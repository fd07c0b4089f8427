"""Classes of programs that are derived from ours and made in a wrong way."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from hublet import pool

class Forgetful(getattr(pool, sys.argv[1])):
    def __init__(self):
        pass

try:
    print("returned", getattr(Forgetful(), sys.argv[2])(print))
except (AttributeError, TypeError) as error:
    print("raised", type(error).__name__)
"""


@pytest.mark.parametrize("method", ["spawn", "start", "apply_async", "add"])
@pytest.mark.parametrize("name", ["Group", "Pool"])
def test_a_class_that_forgot_to_call_init_does_not_crash(name, method):
    done = subprocess.run([sys.executable, "-c", PROGRAM, name, method], capture_output=True, text=True, timeout=30)

    assert done.returncode == 0 and "raised" in done.stdout, (done.returncode, done.stderr)

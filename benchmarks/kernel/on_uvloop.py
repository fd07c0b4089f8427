"""The kernel's cases on asyncio's tasks with uvloop's loop."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import uvloop

_spec = importlib.util.spec_from_file_location("_tasks", Path(__file__).with_name("on_asyncio.py"))
assert _spec is not None and _spec.loader is not None
_tasks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_tasks)

CASES = _tasks.CASES


def run_case(function: Any, n: int) -> Any:
    """Run a case in a new loop."""
    return uvloop.run(function(n))

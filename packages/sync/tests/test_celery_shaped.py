"""A small run of the check that `nox -s celery` makes at length: threads full of greenlets share one bounded queue."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "celery_shaped.py"


@pytest.mark.parametrize("room", [1, 100])
def test_each_item_arrives_once(room):
    spec = importlib.util.spec_from_file_location("celery_shaped", SCRIPT)
    celery_shaped = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(celery_shaped)

    assert celery_shaped.run(items=10_000, threads=8, greenlets=100, room=room) < 60

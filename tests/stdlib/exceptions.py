"""The tests of CPython that do not apply to what hublet puts in place, and why."""

from __future__ import annotations

EXCEPTIONS: dict[str, dict[str, str]] = {
    "test_select": {
        "SelectTestCase.test_disallow_instantiation": "select.poll is a class here, not a function beside a hidden class",
    },
}
"""Module -> the name of a test, or of a class of tests -> the reason."""

"""The tests of CPython that do not apply to what hublet puts in place, and why."""

from __future__ import annotations

_HANDLER = (
    "what a signal handler raises while the hub polls goes to hub.handle_error: it concerns no greenlet in particular; "
    "only KeyboardInterrupt, SystemExit and SystemError are raised in the main one"
)

EXCEPTIONS: dict[str, dict[str, str]] = {
    "test_select": {
        "SelectTestCase.test_disallow_instantiation": "select.poll is a class here, not a function beside a hidden class",
    },
    "test_selectors": {
        f"{kind}SelectorTestCase.test_select_interrupt_exc": _HANDLER for kind in ("Default", "Epoll", "Poll", "Select")
    },
}
"""Module -> the name of a test, or of a class of tests -> the reason."""

"""The report of an error that nobody waits for: one message, to one place."""

from __future__ import annotations

import logging
import sys
import traceback as traceback_module
from functools import cache
from typing import Any, TextIO

__all__ = ["rehearse", "report", "warn"]

_logger = logging.getLogger(__package__)


def report(context: Any, exc_type: Any, value: Any, traceback: Any, stream: TextIO | None) -> None:
    """Write to *stream*, or to the logger `hublet.core` if it is `None`, what failed with what.  Never raises."""
    try:
        message = _describe(context)
        if stream is not None:
            lines = traceback_module.format_exception(exc_type, value, traceback)
            stream.write(f"{message}\n{''.join(lines)}")
        else:
            _logger.error("%s", message, exc_info=(exc_type, value, traceback))
    except Exception as error:
        # A handler or a stream that fails, or that waits in the hub: say both errors where no code of users is asked.
        error.__suppress_context__ = True  # that may be the other one, and nothing is printed twice
        sys.__excepthook__(type(error), error, error.__traceback__)
        sys.__excepthook__(exc_type, value, traceback)


@cache
def rehearse() -> None:
    """Format an error, once: `traceback` loads late what it takes to quote a source."""
    try:
        raise OSError
    except OSError as error:
        traceback_module.format_exception(type(error), error, error.__traceback__)


def warn(message: str) -> None:
    """Write a warning to the logger `hublet.core`."""
    _logger.warning("%s", message)


def _describe(context: Any) -> str:
    if context is None:
        return "A callback of the hub failed"
    if isinstance(context, tuple):
        return f"The link {context[0]!r} of {context[1]!r} failed"
    site = getattr(context, "spawn_site", "")
    return f"{context!r} failed" + (f", spawned at {site}" if site else "")

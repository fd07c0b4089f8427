"""Drivers of databases that wait in C, through the hooks that they offer for that: psycopg2, and psycopg.

Both are patched when the program imports them.
"""

from __future__ import annotations

import os

from hublet.core.patching import Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["PATCHES", "wait_for_psycopg2"]


def wait_for_psycopg2(connection: Any) -> None:
    """Park until *connection* has done what it was asked for.  For ``psycopg2.extensions.set_wait_callback``.

    Raises `psycopg2.OperationalError` if the connection is in a state that is nothing to wait for.
    """
    from psycopg2 import extensions  # type: ignore[import-not-found,import-untyped,unused-ignore]  # late: an option

    from hublet.core.lowlevel import forget_fd, wait_readable, wait_writable  # late: few programs wait here

    wait = {extensions.POLL_READ: wait_readable, extensions.POLL_WRITE: wait_writable}
    while (state := connection.poll()) != extensions.POLL_OK:
        if state not in wait:
            raise extensions.OperationalError(f"{connection!r} says {state!r} to poll(), which is nothing to wait for")
        fd = connection.fileno()
        try:
            wait[state](fd)
        finally:
            # It is libpq's, which closes it without telling us.
            forget_fd(fd)


def _hook_psycopg2() -> None:
    from psycopg2 import extensions  # type: ignore[import-not-found,import-untyped,unused-ignore]  # late: just imported

    if extensions.get_wait_callback() is None:  # otherwise the program, or somebody for it, has seen to it
        extensions.set_wait_callback(wait_for_psycopg2)


def _hook_psycopg() -> None:
    from psycopg import waiting  # type: ignore[import-not-found,unused-ignore]  # late: just imported

    # Of its ways to wait, the one that uses `selectors`; the one in C would block.
    if "PSYCOPG_WAIT_FUNC" not in os.environ:
        waiting.wait = waiting.wait_selector


PATCHES = (
    Patch("psycopg2", "psycopg2.extensions", __name__, (), distribution="hublet-monkey", hook=_hook_psycopg2),
    Patch("psycopg", "psycopg.waiting", __name__, (), distribution="hublet-monkey", hook=_hook_psycopg),
)

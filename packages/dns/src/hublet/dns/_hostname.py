"""Which names hosts can have."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["is_hostname", "plain_name"]

_LABEL = "[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?").fullmatch
_PLAIN = re.compile(rf"(?:{_LABEL}\.)*[A-Za-z_][A-Za-z0-9_-]{{0,62}}\.?").fullmatch


def is_hostname(name: str) -> bool:
    """Say whether *name* is one that hosts can have, by glibc's rules: no others are asked for, or believed."""
    return _HOSTNAME(name) is not None and len(name) <= 253 + name.endswith(".")


def plain_name(host: Any) -> str | None:
    """Return *host*, str or bytes, as text if it is a hostname that is no address, however those are written; or `None`.

    All ways to write an address end in a number or have a colon.  Such names need neither encoding nor a closer look.
    """
    if host.__class__ is bytes:
        host = host.decode("latin-1")  # what is not ASCII does not match
    if host.__class__ is str and _PLAIN(host) is not None and len(host) <= 253 + host.endswith("."):
        return host
    return None

"""Everything in the standard library's `ssl`, cooperative.

The names and their meaning are those of `ssl`.  `MemoryBIO` and `SSLObject`, which wait for nothing, are the same objects.
"""

from __future__ import annotations

import ssl as _stdlib

# A star, because what there is differs with platform and version, and type checkers are to see it.  Ours come after.
from ssl import *  # noqa: F403
from typing import Any

from ._ssl import SSLSocket
from ._ssl_context import (
    SSLContext,
    _create_default_https_context,
    _create_stdlib_context,
    _create_unverified_context,
    create_default_context,
    get_server_certificate,
)

if hasattr(_stdlib, "wrap_socket"):
    from ._ssl_context import wrap_socket  # noqa: F401

__all__ = [
    "SSLContext",
    "SSLSocket",
    "_create_default_https_context",
    "_create_stdlib_context",
    "_create_unverified_context",
    "create_default_context",
    "get_server_certificate",
]
__all__ += [name for name in vars(_stdlib) if not name.startswith("_") and name not in __all__]


def __getattr__(name: str) -> Any:
    # What programs use although it is private: _create_default_https_context has been assigned to since 2.7.9.
    try:
        return getattr(_stdlib, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

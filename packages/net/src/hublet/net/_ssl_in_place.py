"""What is put into the standard library's own classes when `ssl` is patched.

Nothing there is replaced by name but a function that connects: contexts that were made before, classes derived from
`ssl.SSLContext` and `ssl.SSLSocket`, and names imported from `ssl` by then, all become cooperative with it.
"""

from __future__ import annotations

import ssl as _stdlib
from typing import Any

from ._ssl import SSLSocket
from ._stdlib import create_connection

__all__ = ["_create", "create_connection", "sslsocket_class"]

sslsocket_class = SSLSocket

_original = _stdlib.SSLSocket.__dict__["_create"].__func__
_cooperative: dict[type, type] = {_stdlib.SSLSocket: SSLSocket}


@classmethod  # type: ignore[misc]  # of `ssl.SSLSocket`, where it will be
def _create(cls: type, *args: Any, **kwargs: Any) -> Any:
    """Make a TLS socket of the class *cls*: of a cooperative class derived from it, if it is none itself."""
    if not issubclass(cls, SSLSocket):
        made = _cooperative.get(cls)
        if made is None:
            # Its own methods come first, then ours, then those of `ssl.SSLSocket`.
            made = _cooperative[cls] = type(cls.__name__, (cls, SSLSocket), {"__module__": cls.__module__})
        return made._create(*args, **kwargs)  # type: ignore[attr-defined]
    return _original(cls, *args, **kwargs)

"""What net replaces in the standard library.

`socket.create_server`, `fromfd`, `socketpair` and `getfqdn` are not here: they call what is replaced, by name, when
they are called.  `SocketType` is the class in C, of which ours is a subclass.
"""

from __future__ import annotations

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

_DISTRIBUTION = "hublet-net"

PATCHES = (
    Patch(
        "dns",
        target="socket",
        replacement=f"{__package__}.socket",
        names=("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"),
        distribution=_DISTRIBUTION,
    ),
    Patch(
        "socket",
        target="socket",
        replacement=f"{__package__}.socket",
        names=("socket",),
        distribution=_DISTRIBUTION,
    ),
    Patch(
        "socket",
        target="socket",
        replacement=f"{__package__}._stdlib",
        names=("create_connection",),
        distribution=_DISTRIBUTION,
    ),
)

"""What net replaces in the standard library.

`socket.create_server`, `fromfd`, `socketpair` and `getfqdn` are not here: they call what is replaced, by name, when
they are called.  `SocketType` is the class in C, of which ours is a subclass.
"""

from __future__ import annotations

from importlib.util import find_spec

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

_DISTRIBUTION = "hublet-net"

PATCHES: tuple[Patch, ...] = (
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

if find_spec("_ssl") is not None:
    PATCHES += (
        Patch(
            "ssl",
            target="ssl",
            replacement=f"{__package__}._ssl_in_place",
            names=("create_connection",),
            distribution=_DISTRIBUTION,
        ),
        Patch(
            "ssl",
            target="ssl:SSLContext",
            replacement=f"{__package__}._ssl_in_place",
            names=("sslsocket_class",),
            distribution=_DISTRIBUTION,
        ),
        Patch(
            "ssl",
            target="ssl:SSLSocket",
            replacement=f"{__package__}._ssl_in_place",
            names=("_create",),
            distribution=_DISTRIBUTION,
        ),
    )

"""What net replaces in the standard library.

`socket.create_server`, `fromfd`, `socketpair` and `getfqdn` are not here: they call what is replaced, by name, when
they are called.  `SocketType` is the class in C, of which ours is a subclass.

Of `ssl` and `selectors` it is attributes of classes, so that what a program has imported or derived from them by then
becomes cooperative too.
"""

from __future__ import annotations

import sys

from hublet.core.patching import Patch

__all__ = ["PATCHES"]

_DISTRIBUTION = "hublet-net"

_METHODS = (
    "__del__",
    "__init__",
    "_real_close",
    "_sendfile_use_sendfile",
    "accept",
    "bind",
    "connect",
    "connect_ex",
    "detach",
    "getblocking",
    "gettimeout",
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "send",
    "sendall",
    "sendmsg",
    "sendmsg_afalg",
    "sendto",
    "setblocking",
    "settimeout",
    "timeout",
)


def _give_what_methods_need() -> None:
    from ._in_place import give_what_methods_need  # late: it is imported with the replacements, not with the records

    give_what_methods_need()


def _adopt_tls_sockets() -> None:
    if f"{__package__}._ssl_before" in sys.modules:  # otherwise `ssl` is not patched
        from ._ssl_before import adopt  # late: as above

        adopt()


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
    # The original class in place.  First what the methods need, or another thread might be in one without it.
    Patch(
        "socket",
        target="socket:socket",
        replacement=f"{__package__}._in_place:InPlace",
        names=(),
        distribution=_DISTRIBUTION,
        hook=_give_what_methods_need,
    ),
    Patch(
        "socket",
        target="socket:socket",
        replacement=f"{__package__}._in_place:InPlace",
        names=_METHODS,
        distribution=_DISTRIBUTION,
        relies_on=(
            "socket:socket._real_close(self, _ss)",
            "socket:socket._sendfile_use_sendfile(self, file, offset, count)",
            "socket:socket._closed",
            "socket:socket._io_refs",
            "socket:_GLOBAL_DEFAULT_TIMEOUT",
        ),
        hook=_adopt_tls_sockets,
    ),
)

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
        relies_on=(
            "ssl:SSLSocket._create(cls, sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, "
            "server_hostname, context, session)",
            "ssl:SSLSocket._check_connected(self)",
            "ssl:SSLSocket._real_close(self)",
            "ssl:SSLSocket._real_connect(self, addr, connect_ex)",
        ),
    ),
    Patch(
        "ssl",
        target="ssl:SSLSocket",
        replacement=f"{__package__}._ssl_before",
        names=("do_handshake",),
        distribution=_DISTRIBUTION,
        hook=_adopt_tls_sockets,
        relies_on=tuple(
            f"ssl:SSLSocket.{method}[_sslobj]" for method in ("do_handshake", "read", "write", "send", "unwrap", "_real_connect")
        ),
    ),
)


def _remove_blocking() -> None:
    """Take out of `select` what programs choose there by looking whether it exists, and what would block.

    `epoll` is replaced before, so that it counts as patched and its original can be found.  Ours stays in
    `hublet.net.select`.
    """
    import select  # late: loaded, since it is patched

    for name in ("epoll", "devpoll"):  # not kqueue, which `selectors.KqueueSelector` looks up here
        if hasattr(select, name):
            delattr(select, name)


PATCHES += (
    Patch(
        "select",
        target="select",
        replacement=f"{__package__}.select",
        names=("select", "poll", "epoll"),
        distribution=_DISTRIBUTION,
        hook=_remove_blocking,
    ),
    Patch(
        "selectors",
        target="selectors:SelectSelector",
        replacement=f"{__package__}._selectors",
        names=("_select",),
        distribution=_DISTRIBUTION,
        relies_on=("selectors:SelectSelector._select",),
    ),
)
PATCHES += tuple(
    Patch(
        "selectors",
        target=f"selectors:{name}",
        replacement=f"{__package__}._selectors:{name}",
        names=("_selector_cls",),
        distribution=_DISTRIBUTION,
        relies_on=(f"selectors:{name}._selector_cls",),
    )
    for name, platforms in (("PollSelector", ("",)), ("EpollSelector", ("linux", "sunos")))
    if sys.platform != "win32" and sys.platform.startswith(platforms)
)
if not sys.platform.startswith("linux"):
    # Those that only others have, `KqueueSelector` and `DevpollSelector`, block, and are the default there.
    PATCHES += (
        Patch(
            "selectors",
            target="selectors",
            replacement=f"{__package__}.selectors",
            names=("DefaultSelector",),
            distribution=_DISTRIBUTION,
        ),
    )

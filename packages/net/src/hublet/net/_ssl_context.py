"""Contexts whose sockets are cooperative, and the functions of `ssl` that make contexts or connections.

A context of ours differs from one of the standard library in nothing but the class of its sockets, and that one
attribute is also all that is patched (`_ssl_in_place`).  `ssl.SSLContext` itself must not be replaced: its setters look
up their own class by name and would call themselves for ever.
"""

from __future__ import annotations

import ssl as _stdlib
import warnings
from socket import _GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]
from typing import Any

from ._create import create_connection
from ._ssl import SSLSocket

__all__ = [
    "SSLContext",
    "_create_default_https_context",
    "_create_stdlib_context",
    "_create_unverified_context",
    "create_default_context",
    "get_server_certificate",
]


class SSLContext(_stdlib.SSLContext):
    """As `ssl.SSLContext`; its sockets are cooperative."""

    __module__ = "hublet.net.ssl"

    sslsocket_class = SSLSocket


def _as_ours(context: _stdlib.SSLContext) -> SSLContext:
    """Make *context*, which was just made by the standard library, one of ours: that differs in the class alone."""
    context.__class__ = SSLContext
    return context  # type: ignore[return-value]


def create_default_context(
    purpose: _stdlib.Purpose = _stdlib.Purpose.SERVER_AUTH,
    *,
    cafile: Any = None,
    capath: Any = None,
    cadata: Any = None,
) -> SSLContext:
    """As `ssl.create_default_context`.  Never switches."""
    return _as_ours(_stdlib.create_default_context(purpose, cafile=cafile, capath=capath, cadata=cadata))


def _create_unverified_context(*args: Any, **kwargs: Any) -> SSLContext:
    return _as_ours(_stdlib._create_unverified_context(*args, **kwargs))


_create_stdlib_context = _create_unverified_context
_create_default_https_context = create_default_context


def get_server_certificate(
    addr: tuple[str, int],
    ssl_version: int = _stdlib.PROTOCOL_TLS_CLIENT,
    ca_certs: str | None = None,
    timeout: float | None = _GLOBAL_DEFAULT_TIMEOUT,
) -> str:
    """As `ssl.get_server_certificate`.  Parks."""
    host, _ = addr
    required = _stdlib.CERT_NONE if ca_certs is None else _stdlib.CERT_REQUIRED
    context = _create_stdlib_context(ssl_version, cert_reqs=required, cafile=ca_certs)
    with create_connection(addr, timeout=timeout) as sock:
        with context.wrap_socket(sock, server_hostname=host) as tls:
            return _stdlib.DER_cert_to_PEM_cert(tls.getpeercert(True) or b"")


if hasattr(_stdlib, "wrap_socket"):  # until 3.11

    def wrap_socket(
        sock: Any,
        keyfile: Any = None,
        certfile: Any = None,
        server_side: bool = False,
        cert_reqs: int = _stdlib.CERT_NONE,
        ssl_version: int = _stdlib.PROTOCOL_TLS,
        ca_certs: str | None = None,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        ciphers: str | None = None,
    ) -> SSLSocket:
        """As `ssl.wrap_socket`, which is deprecated as well.  Parks."""
        warnings.warn("wrap_socket() is deprecated, use SSLContext.wrap_socket()", DeprecationWarning, stacklevel=2)
        if server_side and not certfile:
            raise ValueError("certfile must be specified for server-side operations")
        if keyfile and not certfile:
            raise ValueError("certfile must be specified")
        context = SSLContext(ssl_version)
        context.verify_mode = _stdlib.VerifyMode(cert_reqs)
        if ca_certs:
            context.load_verify_locations(ca_certs)
        if certfile:
            context.load_cert_chain(certfile, keyfile)
        if ciphers:
            context.set_ciphers(ciphers)
        return context.wrap_socket(  # type: ignore[return-value]
            sock,
            server_side=server_side,
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
        )

    __all__.append("wrap_socket")

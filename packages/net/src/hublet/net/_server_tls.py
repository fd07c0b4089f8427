"""TLS for `StreamServer`: its keyword arguments turned into a function that wraps a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import ssl

__all__ = ["make_wrapper"]


def make_wrapper(ssl_args: dict[str, Any], server: Any) -> Callable[[Any], Any]:
    """Return a function that wraps an accepted connection in TLS and shakes hands, or closes it and raises.

    Raises `TypeError` and what `ssl` raises if *ssl_args* do not fit.
    """
    options = dict(ssl_args)
    context = options.pop("ssl_context", None)
    if context is None:
        context = _make_context(options)
    do_handshake = options.pop("do_handshake_on_connect", True)

    def wrap(sock: Any) -> Any:
        wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False, **options)
        if do_handshake:
            try:
                timeout = wrapped.gettimeout()
                wrapped.settimeout(server.handshake_timeout)
                wrapped.do_handshake()
                wrapped.settimeout(timeout)
            except BaseException:
                wrapped.close()
                raise
        return wrapped

    return wrap


def _make_context(options: dict[str, Any]) -> Any:
    certfile = options.pop("certfile", None)
    if certfile is None:
        raise TypeError("TLS needs an ssl_context, or a certfile (and a keyfile, unless that is in it) to make one")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.pop("ca_certs", None))
    context.verify_mode = options.pop("cert_reqs", ssl.CERT_NONE)
    ciphers = options.pop("ciphers", None)
    if ciphers is not None:
        context.set_ciphers(ciphers)
    context.load_cert_chain(certfile, options.pop("keyfile", None), options.pop("password", None))
    return context

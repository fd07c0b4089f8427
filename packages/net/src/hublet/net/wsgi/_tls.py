"""Certificates by their files, as pywsgi's servers and command lines name them."""

from __future__ import annotations

from typing import Any

__all__ = ["with_context"]

_NAMES = ("certfile", "keyfile", "ca_certs", "cert_reqs", "ssl_version", "ciphers")


def with_context(ssl_args: dict[str, Any]) -> dict[str, Any]:
    """Return *ssl_args* with an `ssl_context` in place of those that `_NAMES` lists.

    Raises `TypeError` for both, for a key without a certificate, and for ``server_side=False``, and what `ssl` raises.
    """
    others = {name: value for name, value in ssl_args.items() if name not in _NAMES}
    if not others.pop("server_side", True):
        raise TypeError("a server is the server's side of its connections: server_side cannot be false")
    named = {name: ssl_args[name] for name in _NAMES if ssl_args.get(name) is not None}
    if not named:
        return others
    if ssl_args.get("ssl_context") is not None:
        raise TypeError(f"give either an ssl_context or {', '.join(named)}")
    if "certfile" not in named:
        raise TypeError(f"{', '.join(named)} without a certfile: a server needs a certificate")
    from .. import ssl  # late: most servers have no TLS

    version = named.get("ssl_version", ssl.PROTOCOL_TLS)
    if version in (ssl.PROTOCOL_TLS, ssl.PROTOCOL_TLS_SERVER):
        context: Any = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    else:
        context = ssl.SSLContext(version)  # one version and no other; CPython warns that it is deprecated
    context.load_cert_chain(named["certfile"], named.get("keyfile"))
    if "ca_certs" in named:
        context.load_verify_locations(named["ca_certs"])
    if "cert_reqs" in named:
        context.verify_mode = named["cert_reqs"]
    if "ciphers" in named:
        context.set_ciphers(named["ciphers"])
    return {**others, "ssl_context": context}

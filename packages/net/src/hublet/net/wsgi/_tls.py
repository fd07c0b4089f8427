"""Certificates by their files, as pywsgi's servers and command lines name them."""

from __future__ import annotations

from typing import Any

__all__ = ["with_context"]

_FILES = ("certfile", "keyfile", "ca_certs", "cert_reqs", "ciphers")


def with_context(ssl_args: dict[str, Any]) -> dict[str, Any]:
    """Return *ssl_args* with an `ssl_context` in place of `certfile`, `keyfile`, `ca_certs`, `cert_reqs` and `ciphers`.

    Raises `TypeError` for both, or for a key without a certificate, and what `ssl` raises.
    """
    named = {name: ssl_args[name] for name in _FILES if ssl_args.get(name) is not None}
    if not named:
        return ssl_args
    if ssl_args.get("ssl_context") is not None:
        raise TypeError(f"give either an ssl_context or {', '.join(named)}")
    if "certfile" not in named:
        raise TypeError(f"{', '.join(named)} without a certfile: a server needs a certificate")
    from .. import ssl  # late: most servers have no TLS

    context: Any = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(named["certfile"], named.get("keyfile"))
    if "ca_certs" in named:
        context.load_verify_locations(named["ca_certs"])
    if "cert_reqs" in named:
        context.verify_mode = named["cert_reqs"]
    if "ciphers" in named:
        context.set_ciphers(named["ciphers"])
    others = {name: value for name, value in ssl_args.items() if name not in _FILES}
    return {**others, "ssl_context": context}

"""Environs that do not show secrets when they are printed, as happens in logs and in reports of errors."""

from __future__ import annotations

from typing import Any

__all__ = ["Environ", "SecureEnviron", "WSGISecureEnviron"]


class Environ(dict[str, Any]):
    """A dict for WSGI environs; copies keep the class."""

    def copy(self) -> Environ:
        """Return a copy of the same class."""
        return type(self)(self)


class SecureEnviron(Environ):
    """Shows only what it is told to show.

    Set the attributes on a subclass, and give that to the server as `environ_class`.
    """

    secure_repr = True
    """Whether to hide anything at all."""
    whitelist_keys: tuple[str, ...] = ()
    """Keys whose values are shown; the others' are masked."""
    print_masked_keys = True
    """Whether masked keys are shown, with a mask for a value."""

    def __repr__(self) -> str:
        if not self.secure_repr:
            return super().__repr__()
        if not self.whitelist_keys and not self.print_masked_keys:
            return f"<{type(self).__name__} dict (keys: {len(self)}) at {id(self):#x}>"
        shown: dict[str, Any] = {key: self[key] if key in self.whitelist_keys else "<MASKED>" for key in self}
        if not self.print_masked_keys:
            shown = {key: value for key, value in shown.items() if key in self.whitelist_keys}
        return repr(shown)

    __str__ = __repr__


class WSGISecureEnviron(SecureEnviron):
    """Shows where a request came from and what it was for, and no header, cookie or query."""

    whitelist_keys = ("wsgi.url_scheme", "REQUEST_METHOD", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR")
    print_masked_keys = False

"""An HTTP/1.1 server for WSGI applications: `WSGIServer(("", 8000), application).serve_forever()`.

It needs httptools: ``pip install 'hublet-net[http]'``.  ``python -m hublet.net.wsgi module:application`` runs one.
"""

from __future__ import annotations

from ._errors import ApplicationError, ClientDisconnected, Refused
from ._file_wrapper import FileWrapper
from ._handler import WSGIHandler
from ._input import Input
from ._limits import Limits
from ._log import LoggingLogAdapter
from ._secure import Environ, SecureEnviron, WSGISecureEnviron
from ._server import WSGIServer

__all__ = [
    "ApplicationError",
    "ClientDisconnected",
    "Environ",
    "FileWrapper",
    "Input",
    "Limits",
    "LoggingLogAdapter",
    "Refused",
    "SecureEnviron",
    "WSGIHandler",
    "WSGISecureEnviron",
    "WSGIServer",
]

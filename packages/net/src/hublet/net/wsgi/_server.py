"""`WSGIServer`: a `StreamServer` whose connections speak HTTP/1.1 to a WSGI application."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from hublet.core import GreenletExit
from hublet.core.lowlevel import deadline_in

from ..server import StreamServer
from ._clock import log_date
from ._file_wrapper import FileWrapper
from ._handler import WSGIHandler
from ._limits import Limits
from ._log import BufferedLog, LoggingLogAdapter, NoLog, make_log
from ._tls import with_context

__all__ = ["WSGIServer"]


class WSGIServer(StreamServer):
    """Serve *application* over HTTP/1.1 at *listener*.  As `StreamServer`, with pywsgi's arguments.

    *log* gets a line in the common log format for each request, and *error_log* what went wrong: each is "default" for
    standard error, `None` for nothing, a `logging.Logger`, or an object with `write`.  The access log is buffered for at most
    a second.  *environ* has what is added to the environ of each request.  *limits* says what clients may take; the default
    is ``Limits()``.  With *spawn* "default", at most `Limits.connections` are served at once.  TLS takes an *ssl_context*, or
    *certfile* and *keyfile*.

    `stop` and `drain` let requests that are under way finish, tell their clients that the connection ends, and end
    connections that are idle.
    """

    handler_class: Any = WSGIHandler
    """What serves a connection, called with the socket, the peer's address and the server."""

    environ_class: Callable[..., Any] = dict
    """What environs are; PEP 3333 wants a dict and nothing derived from it."""

    base_env: dict[str, Any] = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": f"hublet Python/{platform.python_version()}",
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,  # another greenlet may call the application while one waits
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
    }

    application: Any = None

    def __init__(
        self,
        listener: Any,
        application: Any = None,
        backlog: int | None = None,
        spawn: Any = "default",
        log: Any = "default",
        error_log: Any = "default",
        handler_class: Any = None,
        environ: dict[str, Any] | None = None,
        *,
        limits: Limits | None = None,
        reuse_port: bool | None = None,
        **ssl_args: Any,
    ) -> None:
        self.limits = Limits() if limits is None else limits
        if spawn == "default" and self.limits.connections is not None:
            spawn = self.limits.connections
        if application is not None:
            self.application = application
        if not callable(self.application):
            raise TypeError(f"a WSGI application is a callable, not {self.application!r}")
        if handler_class is not None:
            self.handler_class = handler_class
        access = make_log(log, 20)
        self.has_log = not isinstance(access, NoLog)
        buffered = self.has_log and not isinstance(access, LoggingLogAdapter)
        self.log: Any = BufferedLog(access) if buffered else access
        self.error_log: Any = make_log(error_log, 40)
        self._serving: dict[Any, Any] = {}  # connections and their handlers
        StreamServer.__init__(self, listener, None, backlog, spawn, reuse_port=reuse_port, **with_context(ssl_args))
        if self._wrap is not None:
            wrap = self._wrap
            self._wrap = lambda sock: self._shake_hands(wrap, sock)
        self.set_environ(environ)

    def _shake_hands(self, wrap: Callable[[Any], Any], sock: Any) -> Any:
        """Return *sock* wrapped in TLS; a client that cannot shake hands is worth a line in the log and no traceback."""
        try:
            return wrap(sock)
        except OSError as error:
            self.error_log.write(f"[{log_date()}] no TLS with {sock!r}: {error}\n")
            raise GreenletExit from error

    def set_environ(self, environ: dict[str, Any] | None = None) -> None:
        """Let every environ begin with what is in *environ*.  Never switches."""
        self.environ = self.environ_class(self.base_env)
        self.environ["wsgi.url_scheme"] = "https" if self.ssl_enabled else "http"
        self.environ.update(environ or {})
        if self.environ.get("wsgi.errors") is None:
            self.environ["wsgi.errors"] = self.error_log

    def get_environ(self) -> Any:
        """Return a new environ with all that is the same for every connection.  Never switches."""
        return self.environ_class(self.environ)

    def init_socket(self) -> None:
        """Make the socket, unless there is one, and say in the environ where it listens.  As `StreamServer.init_socket`."""
        StreamServer.init_socket(self)
        address = self.address
        if isinstance(address, tuple):
            host, port = address[0], str(address[1])
            if host in ("", "0.0.0.0", "::"):
                host = platform.node() or "localhost"
        else:
            host, port = "localhost", "443" if self.ssl_enabled else "80"
        self.environ.setdefault("SERVER_NAME", host)
        self.environ.setdefault("SERVER_PORT", port)

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection.  Parks."""
        handler = self.handler_class(sock, address, self)
        self._serving[sock] = handler
        try:
            handler.handle()
        finally:
            del self._serving[sock]

    def is_idle(self, sock: Any, *args: Any) -> bool:
        """Say whether nothing is under way on a connection."""
        handler = self._serving.get(sock)
        return handler is not None and bool(getattr(handler, "idle", False))

    def end_idle(self, sock: Any, *args: Any) -> None:
        """End an idle connection; a request that has just arrived is still answered."""
        self._serving[sock].end_if_idle()

    def stop(self, timeout: float | None = None) -> None:
        """Close it, let requests that are under way finish, and kill those that are left after *timeout* seconds.

        By default after `stop_timeout`.  Parks.  As `drain`, with a relative time.
        """
        self.drain(deadline_in(self.stop_timeout if timeout is None else timeout))

    def drain(self, deadline: float | None = None) -> bool:
        """As `StreamServer.drain`: what is under way is answered, with ``Connection: close``.  Flushes the access log."""
        try:
            return StreamServer.drain(self, deadline)
        finally:
            self.log.flush()

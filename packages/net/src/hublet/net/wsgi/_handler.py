"""One connection: its requests, one after the other, each read, given to the application, answered and logged.

All of it runs in the greenlet of the connection.  While it waits for the first byte of a request it is `idle`, and may be
ended without loss; at any other time there is somebody to answer.
"""

from __future__ import annotations

import socket as _stdlib
import time
import traceback
from typing import Any

from hublet.core import Timeout, get_hub

from . import _clock, _wire
from ._errors import ClientDisconnected, Refused
from ._framing import Body, ChunkedBody, LengthBody, NoBody
from ._head import Head, HeadParser
from ._incoming import Incoming
from ._input import Input
from ._response import Response
from ._upgrade import UpgradeSocket
from ._wire import Patience, end_waiting, linger, now, say_goodbye

__all__ = ["WSGIHandler"]

_PIECE = 65_536
_time = time.time
_NO_BODY = NoBody()
_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x22, 0x5C, *range(0x7F, 0x100))}


class WSGIHandler:
    """Serves one connection for *server*.

    Subclass it, and give the subclass to the server as `handler_class`, to change what is in the environ (`get_environ`),
    what is logged (`log_request`, `format_request`, `log_error`), or how the application is called (`run_application`).
    *rfile* is there for subclasses that were written for pywsgi and pass it on; it must be `None`, else `TypeError` is
    raised, since a request is read from the socket.
    """

    def __init__(self, sock: Any, address: Any, server: Any, rfile: None = None) -> None:
        if rfile is not None:
            raise TypeError(f"requests are read from the socket: rfile must be None, not {rfile!r}")
        self.socket = sock
        self.client_address = address
        self.server = server
        self.application = server.application
        self.environ: Any = None
        """The environ of the request that is served."""
        self.requestline = ""
        """Its first line, as the client has sent it."""
        self.status: str | None = None
        """The status of its response, once it is known."""
        self.response_length = 0
        """Bytes of the body that were sent, once it is over."""
        self.time_start = 0.0
        """When its head was there, in seconds of `time.time`."""
        self.idle = False
        """Whether nothing is under way on this connection."""
        self.requests = 0
        """How many requests the connection has brought, this one with them."""
        self._limits = server.limits
        self._incoming = Incoming(sock)
        self._parser = HeadParser(server.limits)
        self._patience = Patience(server.limits.write_timeout, server.limits.min_rate)
        self._base: Any = None
        self._head: Any = None
        self._input: Any = None
        self.response: Any = None
        """The response that is under way, a `Response`."""
        self.upgrade: Any = None
        self._may_keep = True
        self._gone = False  # whether the client does not take responses any more, or the connection is another's
        self._must_linger = False  # whether the client may have sent more than was read

    def handle(self) -> None:
        """Serve the connection until it ends.  Parks.

        The caller closes it.  Raises nothing that a client or an application could cause.
        """
        sock = self.socket
        if sock.family == _stdlib.AF_INET or sock.family == _stdlib.AF_INET6:
            sock.setsockopt(_stdlib.IPPROTO_TCP, _stdlib.TCP_NODELAY, 1)
        self._base = self._connection_environ()
        while self.handle_one_request():
            pass
        self.upgrade = None
        if not self._gone:
            say_goodbye(sock, self._limits.linger)
            if self._must_linger:
                linger(sock, self._limits.linger)

    def end_if_idle(self) -> None:
        """Let `handle` return if nothing is under way.  Never switches."""
        if self.idle:
            end_waiting(self.socket)

    # Requests

    def handle_one_request(self) -> bool:
        """Read a request and answer it; true if the connection can bring another one.  Parks."""
        try:
            head = self._read_head()
        except Refused as refusal:
            self._refuse(refusal)
            return False
        if head is None:
            return False
        self._head = head
        self.requests += 1
        self.time_start = _time()
        body = self._make_body(head)
        response = self._respond(head, body)
        if response is None:  # handed over
            self._gone = True
            self.status, self.response_length = "101 Switching Protocols", 0
            self.log_request()
            return False
        self.status = response.status
        self.response_length = response.sent
        self.log_request()
        if response.keep_alive and (body.finished or self._discard(body)):
            return True
        self._must_linger = head.keep_alive or not body.finished or len(self._incoming) > 0
        return False

    def _read_head(self) -> Head | None:
        """Wait for a request and return its head; `None` if there is none, and nobody to tell."""
        incoming, limits = self._incoming, self._limits
        deadline: float | None = None
        if not len(incoming):
            if self.requests:
                timeout = limits.idle_timeout
                if self.server._draining:
                    timeout = 0.001  # what has arrived is served
            else:
                timeout = limits.header_timeout
                if timeout is not None:
                    deadline = now() + timeout
            self.idle = True
            try:
                if not incoming.fill(timeout):
                    return None
            except OSError:
                return None
            finally:
                self.idle = False
        looked = 0
        while True:
            end = self._parser.find_end(incoming, looked)
            if end >= 0:
                head = self._parser.parse(incoming.data, incoming.start, end)
                incoming.start = end
                return head
            looked = len(incoming)
            left = limits.header_timeout
            if left is not None:
                moment = now()
                if deadline is None:
                    deadline = moment + left
                left = max(0.0, deadline - moment)
            try:
                if left == 0.0:
                    raise TimeoutError
                if not incoming.fill(left):
                    return None
            except TimeoutError:
                raise Refused("408 Request Timeout", "the header did not arrive in time") from None
            except OSError:
                return None

    def _make_body(self, head: Head) -> Body:
        if head.length == 0:
            return _NO_BODY
        if head.length < 0:
            return ChunkedBody(self._incoming, self._limits)
        return LengthBody(self._incoming, self._limits, head.length)

    def _discard(self, body: Body) -> bool:
        """Read what the application has left of a body; false if that is too much."""
        left = self._limits.discard
        rest = body.known_rest()
        if rest is not None and rest > left:
            return False
        try:
            while not body.finished:
                left -= len(body.read(_PIECE))
                if left < 0:
                    return False
        except OSError:
            return False
        return True

    # Responses

    def _respond(self, head: Head, body: Body) -> Response | None:
        """Let the application answer; `None` if it has taken the connection over."""
        may_keep = head.keep_alive and (self._limits.requests is None or self.requests < self._limits.requests)
        self._may_keep = may_keep
        self._patience.restart()
        # Whether a client that waits for a 100 will send its body, or not, can only be known once it was told to.
        response = Response(
            self.socket, self._patience, self.server, head.method == "HEAD", head.http11, may_keep and not head.waits
        )
        self.response = response
        self._input = Input(body, self._tell_to_continue if head.waits else None)
        self.upgrade = None
        try:
            self.environ = self.get_environ()
            self.run_application()
            return response if self.upgrade is None or not self.upgrade.taken else None
        except ClientDisconnected:
            response.keep_alive = False
            self._gone = True
        except Refused as refusal:
            self._give_up(refusal.status, refusal.why)
        except (Exception, Timeout) as error:  # a limit that the application set itself, and did not look after
            if self.upgrade is not None and self.upgrade.taken:
                # That is how some frameworks are kept from sending a response of theirs.
                if not isinstance(error, (ConnectionError, StopIteration)):
                    self.log_error()
                return None
            self.log_error()
            self._give_up("500 Internal Server Error", "")
        finally:
            response.ended = True  # whatever the application has kept of it
            self.response = self._input = None
        return response

    def run_application(self) -> None:
        """Call the application and send what it returns.  Parks.  Raises what the application raises."""
        response = self.response
        result = self.application(self.environ, response.start_response)
        try:
            if not response.ended:
                response.send_result(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _give_up(self, status: str, why: str) -> None:
        """Send an error instead of a response, if nothing is sent yet; the connection will not be used again."""
        response = self.response
        response.keep_alive = False
        if not response.started:
            try:
                response.send_error(status, why)
            except ClientDisconnected:
                self._gone = True

    def _refuse(self, refusal: Refused) -> None:
        """Answer what is no request."""
        incoming = self._incoming
        line = incoming.data[incoming.start : incoming.start + 200].partition(b"\r\n")[0]
        self.requestline = line.decode("latin-1") or "-"
        self._head = None
        self.time_start = _time()
        self._patience.restart()
        self.response = response = Response(self.socket, self._patience, self.server, False, True, False)
        self._give_up(refusal.status, refusal.why)
        self.status, self.response_length = response.status, response.sent
        self.response = None
        self.log_request()
        self._must_linger = True

    def _tell_to_continue(self) -> None:
        response = self.response
        if response is not None and not response.started:
            _wire.send(self.socket, b"HTTP/1.1 100 Continue\r\n\r\n", self._patience)
            response.keep_alive = self._may_keep

    # Environs

    def _connection_environ(self) -> Any:
        """Return what is the same in the environs of all requests of the connection."""
        environ = self.server.get_environ()
        address = self.client_address
        if isinstance(address, tuple):
            environ["REMOTE_ADDR"] = str(address[0])
            environ["REMOTE_PORT"] = str(address[1])
        else:
            environ["REMOTE_ADDR"] = ""  # of a Unix socket, which has none
        return environ

    def get_environ(self) -> Any:
        """Return a new environ for the request.  Never switches."""
        head = self._head
        environ = self._base.copy()
        environ.update(head.fields)
        environ["REQUEST_METHOD"] = head.method
        environ["PATH_INFO"] = head.path
        environ["QUERY_STRING"] = head.query
        environ["REQUEST_URI"] = environ["RAW_URI"] = head.target
        environ["SERVER_PROTOCOL"] = "HTTP/1.1" if head.http11 else "HTTP/1.0"
        environ["wsgi.input"] = self._input
        if head.wants_upgrade and head.length == 0 and not len(self._incoming):
            self.upgrade = UpgradeSocket(self)
            environ["hublet_net.upgrade"] = self.upgrade.take
            environ["werkzeug.socket"] = self.upgrade
        return environ

    # Logs

    def log_request(self) -> None:
        """Write a line to the access log.  Never switches, unless the log does."""
        server = self.server
        if server.has_log:
            head = self._head
            if head is not None:
                self.requestline = head.line.decode("latin-1")
            try:
                server.log.write(self.format_request() + "\n")
            except Exception as error:  # a log that is full or gone must not end the connection
                get_hub().handle_error(server.log, type(error), error, error.__traceback__)

    def format_request(self) -> str:
        """Return the line for the access log, without its end, in the common log format."""
        address = self.client_address
        host = address[0] if isinstance(address, tuple) else "-"
        line = self.requestline
        if not line.isascii() or not line.isprintable() or '"' in line or "\\" in line:
            line = line.translate(_ESCAPED)
        status = "-" if self.status is None else self.status[:3]
        return f'{host} - - [{_clock.log_date()}] "{line}" {status} {self.response_length or "-"}'

    def log_error(self) -> None:
        """Write the exception that is being handled to the error log.  Never switches, unless the log does."""
        head = self._head
        line = "-" if head is None else head.line.decode("latin-1").translate(_ESCAPED)
        text = f'[{_clock.log_date()}] "{line}" from {self.client_address!r} failed\n{traceback.format_exc()}'
        try:
            self.server.error_log.write(text)
            self.server.error_log.flush()
        except Exception as error:
            get_hub().handle_error(self.server.error_log, type(error), error, error.__traceback__)

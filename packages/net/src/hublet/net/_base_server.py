"""What all servers have in common: a socket, a greenlet that waits for it to bring something, and handlers for that.

The *acceptor* is that one greenlet.  It takes what has come, starts a handler for each, and parks when there is nothing left
or no room for another handler.  It is replaced and never reused: one that finds that it is not `_acceptor` any more ends,
whatever it was waking up for.

When taking or starting fails for want of something (descriptors, memory), the acceptor reports it and sleeps, longer each
time, while the socket keeps what has come.  Only an error that says that the socket is none any more ends it.

Long for one module, because it is one class: what a subclass may override stands together, each with what it must do.
"""

from __future__ import annotations

import _socket
import errno
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from hublet.core import get_hub, getcurrent, sleep, spawn, spawn_raw
from hublet.core.lowlevel import READ, ParkingLot, deadline_in, load_report, yield_now

from ._address import parse_address
from ._handlers import Handlers
from ._handles import close_when_heard
from ._listeners import PathGuard
from ._socket import socket
from ._waiting import wait_read

__all__ = ["BaseServer"]

_WITH_CONNECTIONS = (_socket.SOCK_STREAM, _socket.SOCK_SEQPACKET)


class BaseServer:
    """The base of servers: what comes in at *listener* is handed to *handle*, in greenlets that *spawn* makes.

    *listener* is a socket that is bound (and listens), or an address as `parse_address` takes it, which `start` binds to.
    *handle* is what to call for each connection or datagram; a subclass may define a method `handle` instead.  *spawn* says
    how:

    - ``"default"``: each in a greenlet of its own, as many as come; ``"raw"``: the same with raw greenlets, which are lighter;
    - a number: in that many greenlets at most, and while they are all busy nothing is accepted;
    - a pool, or its method `spawn`: in its greenlets, and while it is full nothing is accepted;
    - any other callable: ``spawn(function, *args)`` is to call the function in a greenlet;
    - `None`: at once, in the hub, for handlers that never wait.  One that would gets a `BlockingSwitchOutError`.

    *reuse_port* lets several processes listen at one address, which share what comes; `None` leaves it to the attribute.

    A server belongs to the thread that starts it; another may close, stop or drain it.  ``with server:`` stops it at the end
    of the block.
    """

    min_delay: float = 0.01
    """Seconds without accepting after an error; doubled with each that follows, up to `max_delay`."""

    max_delay: float = 1.0
    """The most seconds without accepting after an error."""

    max_accept: int = 100
    """How many to take before others get their turn."""

    stop_timeout: float | None = 1.0
    """Seconds that `stop` waits for handlers before it kills them; `None` is without limit."""

    kill_timeout: float | None = 1.0
    """Seconds that `stop` and `drain` wait for killed handlers to end; `None` is without limit."""

    fatal_errors: tuple[int, ...] = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)
    """Numbers of errors after which there is nothing left to accept from."""

    reuse_addr: bool = True
    """Whether to bind although connections of an earlier server are not quite gone.  Not on Windows."""

    reuse_port: bool = False
    """Whether others may listen at the same address, if they say so too."""

    _accepts: bool | None = None  # whether it is for sockets that have connections; None is for any

    def __init__(
        self, listener: Any, handle: Callable[..., Any] | None = None, spawn: Any = "default", *, reuse_port: bool | None = None
    ) -> None:
        if self.max_accept < 1:
            raise ValueError(f"max_accept must be at least 1, not {self.max_accept}")
        if reuse_port is not None:
            self.reuse_port = reuse_port
        self.address: Any = None
        self.family: int = -1
        self.pool: Any = None
        self._socket: Any = None
        self._given: Any = None  # the socket that was given to it; it cannot be opened again
        self._guard: PathGuard | None = None
        self._acceptor: Any = None
        self._running = False
        self._draining = False
        self._ended = ParkingLot()
        self._handlers = Handlers(None, self._close_served)
        self._spawn: Any = None
        self._serve = self._make_serve()
        self._handle: Any = None
        self.set_listener(listener)
        self.set_spawn(spawn)
        self.set_handle(handle)

    # What it is made of

    def set_listener(self, listener: Any) -> None:
        """Listen at *listener*, an address or a socket.  Never switches.  Raises `TypeError` and `ValueError` for neither.

        A socket of the wrong kind, of streams for datagrams or the reverse, is a `TypeError` too.  One that belongs to the
        standard library becomes non-blocking.
        """
        if isinstance(listener, _socket.socket):
            if hasattr(listener, "do_handshake"):
                raise TypeError(f"{listener!r} is a TLS socket: listen with a plain one, and give the server an ssl_context")
            if self._accepts is not None and self._accepts != (listener.type in _WITH_CONNECTIONS):
                wanted = "one that accepts connections" if self._accepts else "one for datagrams"
                raise TypeError(f"{listener!r} is not for a {type(self).__name__}: give it {wanted}")
            if not isinstance(listener, socket):
                listener.setblocking(False)
            self.family = listener.family
            self.address = listener.getsockname()
            self._given = self._socket = listener
        else:
            self.family, self.address = parse_address(listener)

    def set_spawn(self, spawn: Any) -> None:
        """Start handlers with *spawn*, which may be all that the class says.  Raises `TypeError` and `ValueError` otherwise."""
        size = pool = None
        function: Any = spawn
        if spawn == "default":
            function = _spawn
        elif spawn == "raw":
            function = spawn_raw
        elif isinstance(spawn, int) and not isinstance(spawn, bool):
            if spawn < 0:
                raise ValueError(f"there cannot be {spawn} handlers at once: the number must not be negative")
            size, function = spawn, _spawn
        elif spawn is not None:
            pool = spawn if hasattr(spawn, "spawn") else getattr(spawn, "__self__", None)
            if not hasattr(pool, "wait_available"):
                pool = None
            function = getattr(spawn, "spawn", spawn)
            if not callable(function):
                raise TypeError(f"spawn must be a pool, a number, 'default', 'raw', a callable or None, not {spawn!r}")
        self._spawn = function
        self._handlers.size = size
        self.pool = pool if size is None else self._handlers

    def set_handle(self, handle: Callable[..., Any] | None) -> None:
        """Call *handle* for what comes from now on; `None` is the method `handle`.  Raises `TypeError` if there is none."""
        if handle is None:
            handle = getattr(self, "handle", None)
        if not callable(handle):
            raise TypeError(f"{type(self).__name__} needs a handle: a function to call, or a method of that name")
        self._handle = handle

    @property
    def socket(self) -> Any:
        """The socket that it listens with.  Raises `AttributeError` if there is none: before `start` and after `close`."""
        if self._socket is None:
            raise AttributeError(f"{self!r} has no socket: it has not been started, or is closed")
        return self._socket

    @socket.setter
    def socket(self, sock: Any) -> None:
        self._socket = sock

    @property
    def server_host(self) -> Any:
        """The host of its address; for a Unix socket the path."""
        return self.address[0] if isinstance(self.address, tuple) else self.address

    @property
    def server_port(self) -> Any:
        """The port of its address, the real one once it has been started with 0; `None` for a Unix socket."""
        return self.address[1] if isinstance(self.address, tuple) else None

    # Its life

    @property
    def started(self) -> bool:
        """Whether it was started and is not closed; it may have been told not to accept."""
        return self._running

    @property
    def closed(self) -> bool:
        """Whether it has no socket: it was closed, or made with an address and not started."""
        return self._socket is None

    def pre_start_hook(self) -> None:
        """Override this to do something first whenever `start` is called."""

    def init_socket(self) -> None:
        """Make the socket, unless there is one.  Parks only to look up a name.  Raises `OSError` if it cannot be bound."""
        load_report()  # while there are descriptors to do it with
        if self._socket is None:
            if self._given is not None:
                raise ValueError(f"{self!r} was given a socket, which is closed: make a new server to start again")
            self._socket = self.make_socket()
            self._guard = PathGuard(self.family, self.address)
        self.address = self._socket.getsockname() or self.address

    def make_socket(self) -> Any:
        """Return a socket that is ready to bring something.  For subclasses to define."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin to listen, if it was made with an address, and to accept.  Parks only to look up a name.

        Raises `OSError` if the address cannot be bound.  Nothing happens if it is accepting already.
        """
        self.pre_start_hook()
        self.init_socket()
        self._running = True
        self.start_accepting()

    def start_accepting(self) -> None:
        """Take what comes, after `stop_accepting`.  Never switches.  Nothing happens if it does so already."""
        if self._acceptor is None:
            self._handlers.hub = get_hub()
            self._acceptor = spawn(self._accept_until_told)

    def stop_accepting(self) -> None:
        """Leave what comes in the socket's queue, until `start_accepting`.  Never switches."""
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None and acceptor is not getcurrent():
            acceptor.kill(block=False)

    def close(self) -> None:
        """Stop accepting and close the socket.  Handlers go on.  Never switches.

        Made with an address, it can be started again.
        """
        self._running = False
        self.stop_accepting()
        self._close_socket()
        self._ended.unpark_all()

    def _close_socket(self) -> None:
        sock, self._socket = self._socket, None
        guard, self._guard = self._guard, None
        if sock is not None:
            if isinstance(sock, socket):
                sock.close()
            else:  # ours say so themselves
                close_when_heard(sock.fileno(), sock.close)
        if guard is not None:
            guard.remove()

    def stop(self, timeout: float | None = None) -> None:
        """Close it; then, if *spawn* was a pool or a number, wait for its handlers and kill those that are left.

        Parks at most *timeout* seconds for handlers to finish by themselves, by default `stop_timeout`.  Without a pool they
        go on; `drain` waits for them too.  A handler that calls it is neither waited for nor killed.
        """
        self._take_no_more()
        try:
            if self.pool is not None and self._handlers:
                if not self._handlers.join(deadline_in(self.stop_timeout if timeout is None else timeout)):
                    self._handlers.kill(deadline_in(self.kill_timeout))
        finally:
            self._close_unless_started()

    def drain(self, deadline: float | None = None) -> bool:
        """Close the socket, let the handlers finish, and kill those that are left at *deadline*.  Parks.

        What has come before is still served, as far as there is room; a connection would otherwise be reset.  *deadline* is
        absolute, in seconds of `time.monotonic`; `None` is no deadline.  Return true if all have finished by themselves.
        `serve_forever` returns when this is over.  A handler that calls it is neither waited for nor killed.
        """
        self._draining = True
        try:
            if self._acceptor is not None:
                self._accept_rest()
            self._take_no_more()
            if self._finish(deadline):
                return True
            if not self._handlers.kill(deadline_in(self.kill_timeout)):
                for greenlet, served in self._handlers.items():
                    if greenlet is not getcurrent():
                        self._close_served(served)  # whatever it does next with that fails
            return False
        finally:
            self._draining = False
            self._close_unless_started()
            self._ended.unpark_all()

    def _take_no_more(self) -> None:
        """Begin to end: close it, or whatever of that handlers can do without."""
        self.close()

    def _close_unless_started(self) -> None:
        """Close it at the end, if that is still to be done, unless it was started again meanwhile."""
        if self._socket is not None and not self._running:
            self.close()

    def _finish(self, deadline: float | None) -> bool:
        """Wait for the handlers while draining; false if *deadline* passed first."""
        return self._handlers.join(deadline)

    def serve_forever(self, stop_timeout: float | None = None) -> None:
        """Start it, unless it is started, and wait until it is closed; then `stop` it, with *stop_timeout*.  Parks."""
        if not self.started:
            self.start()
        try:
            while self._running or self._draining:
                self._ended.park(None, self)
        finally:
            self.stop(stop_timeout)

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # Accepting

    def do_read(self) -> tuple[Any, ...] | None:
        """Take one thing out of the socket and return what to call the handler with; `None` if there is nothing.

        For subclasses to define.  Never switches.
        """
        raise NotImplementedError

    def do_close(self, *args: Any) -> None:
        """Give back what `do_read` returned, once its handler is finished.  Override it for what has to be closed."""

    def full(self) -> bool:
        """Say whether there is no room for one more handler."""
        return self.pool is not None and bool(self.pool.full())

    def is_fatal_error(self, error: BaseException) -> bool:
        """Say whether *error* means that there is nothing left to accept from."""
        return isinstance(error, OSError) and error.errno in self.fatal_errors

    def _accept_until_told(self) -> None:
        here, delay = getcurrent(), self.min_delay
        while self._acceptor is here:
            try:
                self._accept_some(here)
            except Exception as error:
                if self._acceptor is not here:
                    return  # closed, which the socket says by an error
                self._report(error)
                if self.is_fatal_error(error):
                    self.close()
                    return
                sleep(delay)
                delay = min(2.0 * delay, self.max_delay)
            else:
                delay = self.min_delay

    def _accept_some(self, acceptor: Any) -> None:
        """Wait until something comes, and take all that there is, or as much as is allowed at once."""
        for _ in range(self.max_accept):
            if self.pool is not None and self.full():
                self._wait_for_room()
                if self._acceptor is not acceptor:
                    return
            args = self.do_read()
            if args is None:
                self._wait_for_more()
                return
            self.do_handle(*args)
            if self._acceptor is not acceptor:
                return
        yield_now()

    def _accept_rest(self) -> None:
        """Take what has come, as far as there is room."""
        try:
            while not self.full():
                args = self.do_read()
                if args is None:
                    return
                self.do_handle(*args)
        except Exception as error:
            self._report(error)

    def _wait_for_room(self) -> None:
        wait_available = getattr(self.pool, "wait_available", None)
        if wait_available is None:
            sleep(self.min_delay)
        else:
            wait_available()

    def _wait_for_more(self) -> None:
        sock = self._socket
        if isinstance(sock, socket):
            sock._wait(READ, None)
        else:
            wait_read(sock)

    # Handling

    def do_handle(self, *args: Any) -> None:
        """Let the handler be called with *args*, as *spawn* says.  Parks only if *spawn* does."""
        function = self._spawn
        if function is None:
            get_hub().call_soon(self._handle_here, args)
            return
        try:
            greenlet = function(self._serve, *args)
        except BaseException:
            self.do_close(*args)
            raise
        if hasattr(greenlet, "dead") and not greenlet.dead:
            own = getattr(greenlet, "args", None)
            self._handlers.add(greenlet, own if own == args else args)  # one tuple for both, for as long as it lives

    def _make_serve(self) -> Callable[..., None]:
        """Return the function that a handler's greenlet runs."""

        def serve(*args: Any) -> None:
            self._handlers.begin(getcurrent(), args)
            try:
                self._handle(*args)
            finally:
                self._handlers.discard(getcurrent())
                self.do_close(*args)

        return serve

    def _handle_here(self, args: tuple[Any, ...]) -> None:
        try:
            args = self._make_ready(*args)
            self._handle(*args)
        except Exception as error:
            self._report(error)
        finally:
            self.do_close(*args)

    def _make_ready(self, *args: Any) -> tuple[Any, ...]:
        """Return what to call a handler in the hub with instead of *args*."""
        return args

    def _close_served(self, args: tuple[Any, ...]) -> None:
        self.do_close(*args)

    def _report(self, error: BaseException) -> None:
        try:
            get_hub().handle_error(self, type(error), error, error.__traceback__)
        except Exception as second:
            # `handle_error` is users' code: what it raises must not end the accepting, nor go unseen.
            sys.excepthook(type(second), second, second.__traceback__)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "accepting" if self._acceptor is not None else "not accepting"
        return f"<{type(self).__name__} at {id(self):#x} address={self.address!r} {state} handlers={len(self._handlers)}>"


def _spawn(function: Callable[..., Any], *args: Any) -> Any:
    return spawn(function, *args)

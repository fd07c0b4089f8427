"""A descriptor that one thread, or CPython at a signal, makes readable to end another thread's wait for readiness."""

from __future__ import annotations

# Neither `socket`, whose names may be patched by now, nor a pipe, which select() cannot watch on Windows.
import _socket
import sys

__all__ = ["Wakeup"]


def _make_pair() -> tuple[_socket.socket, _socket.socket]:
    """Make two sockets that are connected to each other, where the system cannot do so itself."""
    with_address = (_socket.AF_INET, _socket.SOCK_STREAM)
    listener, sender = _socket.socket(*with_address), _socket.socket(*with_address)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    sender.connect(listener.getsockname())
    # Otherwise what is sent waits until what was sent before is acknowledged, and that may take a while.
    sender.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    while True:
        receiver = _socket.socket(*with_address, 0, listener._accept()[0])  # type: ignore[attr-defined]
        if receiver.getpeername() == sender.getsockname():  # and not some other process that was quicker
            listener.close()
            return receiver, sender
        receiver.close()


class Wakeup:
    """A socket connected to another one.  Closes both when it is dropped."""

    __slots__ = ("_receiver", "_sender", "fd", "signal_fd")

    def __init__(self) -> None:
        self._receiver, self._sender = _make_pair() if sys.platform == "win32" else _socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        self.fd = self._receiver.fileno()  # to be watched
        self.signal_fd = self._sender.fileno()  # for `signal.set_wakeup_fd`

    def send(self) -> None:
        """Make `fd` readable.  Any thread and any signal handler may call it; after `close` it does nothing."""
        try:
            self._sender.send(b"\0")
        except BlockingIOError:
            pass  # full: it is readable already, which is all that was wanted
        except OSError:
            if self._sender.fileno() >= 0:
                raise

    def drain(self) -> None:
        """Make `fd` unreadable again."""
        try:
            while len(self._receiver.recv(4096)) == 4096:
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Give the descriptors back.  May be called twice."""
        self.fd = self.signal_fd = -1
        self._sender.close()
        self._receiver.close()

    def __del__(self) -> None:
        if hasattr(self, "_sender"):  # otherwise there were no descriptors left to open
            self.close()

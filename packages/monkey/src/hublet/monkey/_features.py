"""The parts of the standard library that can be patched, by name, and what to install to get each.

Nothing is decided by this table but the words of an error and the names that are offered: what *is* installed says so
itself, by its patch records, and may bring features that are not here.
"""

from __future__ import annotations

__all__ = ["FEATURES", "Feature"]


class Feature:
    """One row of the table; *in_all* says whether `patch_all` patches it without being asked."""

    __slots__ = ("distribution", "in_all", "meaning")

    def __init__(self, distribution: str, meaning: str, in_all: bool = True) -> None:
        self.distribution = distribution
        self.meaning = meaning
        self.in_all = in_all


FEATURES = {
    "builtins": Feature("hublet-process", "`input` at a terminal"),
    "dns": Feature("hublet-net", "looking up names of hosts: `socket.getaddrinfo` and its relatives"),
    "os": Feature("hublet-process", "`os.fork`, `os.wait`, `os.waitpid` and their relatives"),
    "queue": Feature("hublet-sync", "`queue.SimpleQueue`"),
    "select": Feature("hublet-net", "`select.select`, `select.poll` and `select.epoll`"),
    "selectors": Feature("hublet-net", "the selectors of `selectors`, hence asyncio's loop"),
    "signal": Feature("hublet-process", "`signal`: handlers may wait, and so do `pause` and `sigwait`"),
    "socket": Feature("hublet-net", "`socket.socket`, in place too, and `socket.create_connection`"),
    "ssl": Feature("hublet-net", "`ssl`: contexts make cooperative TLS sockets"),
    "subprocess": Feature("hublet-process", "`subprocess.Popen` and what stands on it, `multiprocessing`"),
    "sys": Feature("hublet-process", "`sys.stdin`, `sys.stdout` and `sys.stderr`", in_all=False),
    "thread": Feature("hublet-sync", "`threading` and `_thread`: threads become greenlets"),
    "time": Feature("hublet-core", "`time.sleep`"),
}

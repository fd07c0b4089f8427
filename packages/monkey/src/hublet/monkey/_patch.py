"""The verbs: patch everything, or one feature."""

from __future__ import annotations

from ._apply import apply
from ._discover import features, installed, missing, select
from ._features import FEATURES
from .errors import MonkeyPatchWarning

__all__ = [
    "patch_all",
    "patch_builtins",
    "patch_dns",
    "patch_os",
    "patch_queue",
    "patch_select",
    "patch_selectors",
    "patch_signal",
    "patch_socket",
    "patch_ssl",
    "patch_subprocess",
    "patch_sys",
    "patch_thread",
    "patch_time",
]

# What the first `patch_all` was told, and whether we have warned that a later one was told something else.
_first_switches: dict[str, bool] | None = None
_has_warned = False


def patch_all(
    *,
    builtins: bool | None = None,
    dns: bool | None = None,
    os: bool | None = None,
    queue: bool | None = None,
    select: bool | None = None,
    selectors: bool | None = None,
    signal: bool | None = None,
    socket: bool | None = None,
    ssl: bool | None = None,
    subprocess: bool | None = None,
    sys: bool | None = None,
    thread: bool | None = None,
    time: bool | None = None,
    **others: bool | None,
) -> None:
    """Make the standard library cooperative: apply every patch that is installed.

    Call it first, before the modules that use what it replaces are imported.  Each parameter is a feature: true insists on
    it, false leaves it out, and `None` patches it if it is installed (but *sys* only if asked).  *others* are features that
    distributions beside hublet's own bring.

    Never switches, makes no hub, and may be called again: what is patched stays patched, originals stay what they were,
    and if the parameters differ, a `MonkeyPatchWarning` says so, once.  Raises `MissingPatchError`, which says what to
    install, for a feature that is insisted on and not installed; `TypeError` for one that nobody knows; and whatever
    importing a replacement raises.  Nothing is replaced if it raises.
    """
    switches = {
        "builtins": builtins,
        "dns": dns,
        "os": os,
        "queue": queue,
        "select": select,
        "selectors": selectors,
        "signal": signal,
        "socket": socket,
        "ssl": ssl,
        "subprocess": subprocess,
        "sys": sys,
        "thread": thread,
        "time": time,
        **others,
    }
    given = {name: bool(value) for name, value in switches.items() if value is not None}
    for name in others:
        if name not in features():
            raise TypeError(f"patch_all() does not know {name!r}; known: {', '.join(features())}")
    available = {record.feature for record in installed()}
    by_itself = {name for name in available if name not in FEATURES or FEATURES[name].in_all}
    wanted = (by_itself | {name for name in given if given[name]}) - {name for name in given if not given[name]}
    _patch(sorted(wanted))
    _remember(given)


def _remember(switches: dict[str, bool]) -> None:
    global _first_switches, _has_warned
    if _first_switches is None:
        _first_switches = switches
    elif switches != _first_switches and not _has_warned:
        _has_warned = True
        import warnings  # late: not needed otherwise

        warnings.warn(
            f"patch_all({_as_arguments(_first_switches)}) was called before, and now patch_all({_as_arguments(switches)}): "
            "what either asks for is patched; call it once, at the start of the program",
            MonkeyPatchWarning,
            stacklevel=3,
        )


def _as_arguments(switches: dict[str, bool]) -> str:
    return ", ".join(f"{name}={value}" for name, value in switches.items())


def _patch(wanted: list[str]) -> None:
    records = installed()
    available = {record.feature for record in records}
    for feature in wanted:
        if feature not in available:
            raise missing(feature, records)
    apply(select(records, wanted), stacklevel=3)


def patch_builtins() -> None:
    """Let `input` at a terminal park.  As `patch_all` with this alone."""
    _patch(["builtins"])


def patch_dns() -> None:
    """Let `socket.getaddrinfo` and its relatives ask the hub's resolver.  As `patch_all` with this alone."""
    _patch(["dns"])


def patch_os() -> None:
    """Patch `os.fork`, `os.waitpid` and their relatives.  As `patch_all` with this alone."""
    _patch(["os"])


def patch_queue() -> None:
    """Patch `queue`.  As `patch_all` with this alone."""
    _patch(["queue"])


def patch_select() -> None:
    """Patch `select`.  As `patch_all` with this alone."""
    _patch(["select"])


def patch_selectors() -> None:
    """Patch `selectors`.  As `patch_all` with this alone."""
    _patch(["selectors"])


def patch_signal() -> None:
    """Let handlers of signals wait, and `signal.pause` and its relatives park.  As `patch_all` with this alone."""
    _patch(["signal"])


def patch_socket(dns: bool = True) -> None:
    """Patch `socket.socket` and, with *dns*, what `patch_dns` patches.  As `patch_all` with these alone."""
    _patch(["socket", "dns"] if dns else ["socket"])


def patch_ssl() -> None:
    """Patch `ssl`.  As `patch_all` with this alone."""
    _patch(["ssl"])


def patch_subprocess() -> None:
    """Patch `subprocess`.  As `patch_all` with this alone."""
    _patch(["subprocess"])


def patch_sys() -> None:
    """Patch `sys.stdin`, `sys.stdout` and `sys.stderr`.  As `patch_all` with this alone."""
    _patch(["sys"])


def patch_thread() -> None:
    """Patch `threading` and `_thread`.  As `patch_all` with this alone."""
    _patch(["thread"])


def patch_time() -> None:
    """Patch `time.sleep`.  As `patch_all` with this alone."""
    _patch(["time"])

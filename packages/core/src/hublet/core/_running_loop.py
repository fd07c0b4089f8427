"""asyncio's running loop, current task and hooks, which are one per native thread, made one per greenlet.

A greenlet that parks inside a coroutine takes them away with it and puts them back when it resumes, so at every switch the
thread has none, and no greenlet ever sees another's.  Programs that never import asyncio pay for comparing two numbers, or,
where a dictionary has no number of its version, for one look into it.
"""

from __future__ import annotations

import sys

from . import _switch

TYPE_CHECKING = False  # for mypy as that of `typing`, which takes longer to import than all of core
if TYPE_CHECKING:
    from typing import Any

__all__ = ["leave", "restore"]

_modules = sys.modules
_seen = -1  # the version of that when asyncio was last found not to be there
_get_running_loop: Any = None
_set_running_loop: Any = None


def leave() -> Any:
    """Take the running loop and task off this thread; return them for `restore`, or `None` if there are none."""
    global _seen
    if _get_running_loop is None:
        version = _switch.version_of(_modules)
        if version == _seen:
            return None
        if "asyncio.events" not in _modules:
            _seen = version or -1  # 0 is no version
            return None
        _bind()
        if _get_running_loop is None:
            return None
    loop = _switch.call_builtin(_get_running_loop)
    if loop is None:
        return None
    return _leave(loop)


def restore(state: Any) -> None:
    """Put back what `leave` returned."""
    loop, task, enter_task, hooks = state
    _set_running_loop(loop)
    sys.set_asyncgen_hooks(*hooks)
    if task is not None:
        enter_task(loop, task)


def _leave(loop: Any) -> Any:
    from asyncio.tasks import _enter_task, _leave_task, current_task  # late: loaded, since a loop runs

    task = current_task(loop)
    if task is not None:
        _leave_task(loop, task)
    _set_running_loop(None)
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    return loop, task, _enter_task, hooks


def _bind() -> None:
    global _get_running_loop, _set_running_loop
    events = _modules.get("asyncio.events")
    # Absent while asyncio is being imported; then we look again.
    setter = getattr(events, "_set_running_loop", None)
    if setter is not None:
        _set_running_loop = setter
        _get_running_loop = events._get_running_loop  # type: ignore[union-attr]

"""What takes the place of names in `_thread`, by those names."""

from __future__ import annotations

from ._lock import Lock
from ._rlock import RLock
from ._threads import ThreadHandle as _ThreadHandle
from ._threads import get_ident, start_joinable_thread, start_new_thread
from ._threads import make_thread_handle as _make_thread_handle
from ._threads import set_sentinel as _set_sentinel
from ._threads import shutdown as _shutdown
from ._threads import thread_count as _count

LockType = lock = allocate_lock = allocate = Lock
start_new = start_new_thread

"""What takes the place of names in `threading`, by those names.

Its other classes are made of these: a `Thread` starts what it is given here, a `Condition`, `Event` or `Semaphore` waits for
such locks, a `Timer` is a thread that waits for an event.
"""

from __future__ import annotations

from ._lock import Lock
from ._rlock import RLock
from ._threads import DummyThread as _DummyThread
from ._threads import ThreadHandle as _ThreadHandle
from ._threads import delete_dummy_on_del as _DeleteDummyThreadOnDel
from ._threads import get_ident
from ._threads import make_thread_handle as _make_thread_handle
from ._threads import set_sentinel as _set_sentinel
from ._threads import shutdown as _thread_shutdown
from ._threads import start_joinable_thread as _start_joinable_thread
from ._threads import start_new_thread as _start_new_thread

_CRLock = RLock
_LockType = _allocate_lock = Lock

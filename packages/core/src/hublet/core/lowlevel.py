"""What authors of primitives stand on; the distributions beside core use nothing else of it but its other public modules.

Every wait goes through `Waiter` or `ParkingLot`.  What is here keeps its meaning between minor versions.
"""

from ._entry import Listener
from ._greenlet import make_greenlet
from ._hub import call_soon_threadsafe, get_hub, get_hub_if_exists, load_report, report_fault
from ._io import (
    add_onlooker,
    forget_fd,
    handle_for,
    notify_closing,
    place_of,
    remove_onlooker,
    wait_for_either,
    wait_on_handle,
    wait_readable,
    wait_to_call,
    wait_writable,
    waiters_in,
)
from ._left_behind import leave_behind
from ._park import ParkingLot, Waiter, deadline_in, make_waiter, recycle, yield_now
from ._threads import Workers, call_in_thread
from .loops import READ, WRITE, Handle, Loop

__all__ = [
    "READ",
    "WRITE",
    "Handle",
    "Listener",
    "Loop",
    "ParkingLot",
    "Waiter",
    "Workers",
    "add_onlooker",
    "call_in_thread",
    "call_soon_threadsafe",
    "deadline_in",
    "forget_fd",
    "get_hub",
    "get_hub_if_exists",
    "handle_for",
    "leave_behind",
    "load_report",
    "make_greenlet",
    "make_waiter",
    "notify_closing",
    "place_of",
    "recycle",
    "remove_onlooker",
    "report_fault",
    "wait_for_either",
    "wait_on_handle",
    "wait_readable",
    "wait_to_call",
    "wait_writable",
    "waiters_in",
    "yield_now",
]

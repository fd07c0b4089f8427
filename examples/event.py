"""Three greenlets wait for an event, which a fourth one sets: at the end of its work, or at the start of it.

    python examples/event.py at-the-end
    python examples/event.py at-the-start

`set` never switches.  Whoever waits runs once the setter itself waits, or ends: at the end the setter is done before
the waiters are, and at the start they are done while it sleeps.
"""

import sys

from hublet.core import joinall, sleep, spawn
from hublet.sync import Event

event = Event()


def setter(at_the_start: bool) -> None:
    """Set the event and then work for a second, or the other way round."""
    print("setter start")
    if at_the_start:
        event.set()
        sleep(1)
    else:
        sleep(1)
        event.set()
    print("setter done")


def waiter(name: str) -> None:
    """Wait for the event."""
    print(name, "start")
    event.wait()
    print(name, "done")


if sys.argv[1:] not in (["at-the-end"], ["at-the-start"]):
    sys.exit("usage: python examples/event.py (at-the-end | at-the-start)")
joinall([spawn(setter, sys.argv[1] == "at-the-start"), *(spawn(waiter, f"waiter{number}") for number in (1, 2, 3))])

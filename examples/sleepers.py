"""Three greenlets sleep for three seconds.  Together that takes three seconds, not nine.

python examples/sleepers.py
"""

import time

from hublet.core import joinall, sleep, spawn


def sleeper(name: str) -> None:
    """Sleep for three seconds, and say so."""
    print(f"{name} falls asleep")
    sleep(3)
    print(f"{name} wakes up")


started = time.monotonic()
joinall([spawn(sleeper, name) for name in ("Ada", "Barbara", "Grace")])
print(f"all of that took {time.monotonic() - started:.1f} seconds")

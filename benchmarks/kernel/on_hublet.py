"""The kernel's cases on hublet."""

from greenlets import cases

import hublet.core as lib
from hublet.core.lowlevel import ParkingLot


class Event:
    """What `hublet.sync.Event` is to these cases, so that core can be measured alone."""

    def __init__(self) -> None:
        lot = ParkingLot()
        self.wait = lot.park
        self.set = lot.unpark_all


CASES = cases(lib, Event)

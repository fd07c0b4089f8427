# What compiled distributions beside core call in C: the part of `lowlevel` that every wait goes through.
#
# Their interpreted twins import the same names from `hublet.core.lowlevel`.  It is compiled into them, so they need a compiled
# core of their own version.
from ._entry cimport Listener
from ._greenlet cimport Greenlet, make_greenlet
from ._io cimport wait_to_call
from ._park cimport ParkingLot, Waiter, deadline_in, make_waiter, recycle, yield_now
from ._slots cimport empty, fill, size_of
from ._switch cimport current as getcurrent
from .loops._protocol cimport Handle

"""The kernel's cases on gevent."""

import gevent.event
from greenlets import cases

CASES = cases(gevent, gevent.event.Event)

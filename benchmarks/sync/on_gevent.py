"""Primitives, pools and locals of gevent."""

from greenlets import Greenlets
from rows import cases

CASES = cases(Greenlets("gevent"))

"""Primitives, pools and locals of hublet."""

from greenlets import Greenlets
from rows import ASKED, cases

__all__ = ["ASKED", "CASES"]

CASES = cases(Greenlets("hublet"))

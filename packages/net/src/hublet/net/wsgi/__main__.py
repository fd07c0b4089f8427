"""``python -m hublet.net.wsgi``: see `_runner`."""

from __future__ import annotations

import sys

from ._runner import main

sys.exit(main())

"""Run the tests of one module of CPython's `test` package and note what becomes of each, as it becomes.

    python [-m hublet.monkey | -m gevent.monkey] one_module.py MODULE RESULTS [PATTERN]

RESULTS is a file with a line of JSON for each test.  Tests that it knows already are not run again, so that a run that a
test has hung or crashed can go on after it; the test that was begun and not ended is the culprit.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import signal
import sys
import unittest
from pathlib import Path

PATIENCE = 40.0  # seconds that one test may take

if os.environ.get("MORE_OF_TEST"):  # at the top, for processes that import this one's main module
    import test

    test.__path__.append(os.environ["MORE_OF_TEST"])


class Results(unittest.TestResult):
    """Writes a line when a test begins and one when it ends."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.outcome = ("ok", "")
        self.pid = os.getpid()

    def note(self, test: object, outcome: str, detail: str = "") -> None:
        if os.getpid() == self.pid:  # not in the children of a fork
            os.write(self.file, (json.dumps([test.id(), outcome, detail]) + "\n").encode())

    def startTest(self, test):
        super().startTest(test)
        self.outcome = ("ok", "")
        self.note(test, "begun")
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)

    def stopTest(self, test):
        faulthandler.cancel_dump_traceback_later()
        self.note(test, *self.outcome)
        super().stopTest(test)

    def addFailure(self, test, err):
        self.outcome = ("failure", self._exc_info_to_string(err, test)[-3000:])

    def addError(self, test, err):
        self.outcome = ("error", self._exc_info_to_string(err, test)[-3000:])
        if not isinstance(test, unittest.TestCase):  # what sets up a class or a module
            self.note(test, *self.outcome)

    def addSkip(self, test, reason):
        self.outcome = ("skip", reason)

    def addExpectedFailure(self, test, err):
        self.outcome = ("ok", "")

    def addUnexpectedSuccess(self, test):
        self.outcome = ("failure", "unexpected success")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.outcome = ("failure", self._exc_info_to_string(err, test)[-3000:])


def flat(suite):
    """Yield the tests of a suite."""
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from flat(each)
        else:
            yield each


def main() -> None:
    """Act on the arguments."""
    module, path, pattern = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""
    known = {json.loads(line)[0] for line in Path(path).read_text().splitlines()} if Path(path).exists() else set()
    from test import support
    from test.support import threading_helper

    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell leaves it to what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Nothing that needs the network, or much time; of those that ask for it this one stays on loopback.
    support.use_resources = ["network"] if module == "test.test_socketserver" else []
    support.verbose = 0
    # After each test it waits for threads that are left, up to a minute, only to complain of them.
    threading_helper.threading_cleanup = lambda *original: None
    threading_helper.wait_threads_exit = lambda timeout=None: contextlib.nullcontext()
    if os.environ.get("WITH_EPOLL") and "hublet.monkey" in sys.modules:
        import select

        from hublet.net.select import epoll

        select.epoll = epoll  # which patching takes away
    loaded = unittest.defaultTestLoader.loadTestsFromName(module)
    chosen = [test for test in flat(loaded) if test.id() not in known and re.search(pattern, test.id())]
    results = Results(path)
    results.startTestRun()
    unittest.TestSuite(chosen).run(results)
    results.stopTestRun()
    os.write(results.file, (json.dumps(["", "finished", ""]) + "\n").encode())


if __name__ == "__main__":
    main()

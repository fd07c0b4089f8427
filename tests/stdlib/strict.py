"""Run CPython's own tests against what hublet puts into the standard library.

    python tests/stdlib/strict.py test_ssl test_select      the tests of these modules, patched
    python tests/stdlib/strict.py --unpatched test_ssl      the same with the standard library as it is, for comparison
    python tests/stdlib/strict.py --only=timeout test_ssl   those with "timeout" in their name

Each module runs in a process of its own, everything patched that is installed, before its first import.  Nothing that
needs the network is run.  What does not apply is in `exceptions.py`, with the reason, and is counted apart.  Ends with 1
if anything else fails.
"""

from __future__ import annotations

import faulthandler
import subprocess
import sys
import time
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path

LIMIT = 900  # seconds for one module


def main(arguments: list[str]) -> int:
    """Run each module in a process of its own; return how many failed."""
    options = [each for each in arguments if each.startswith("--")]
    failed = 0
    for module in arguments:
        if module not in options:
            failed += subprocess.run([sys.executable, __file__, "--here", *options, module], check=False).returncode != 0
    return min(failed, 1)


def run_here(module: str, patched: bool, only: str) -> bool:
    """Run one module in this process; say whether all went well."""
    if patched:
        from hublet.monkey import patch_all

        patch_all()
    from test import support

    support.use_resources = ["cpu"]  # not "network", among others
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    warnings.simplefilter("default")
    if patched and module == "test_epoll":
        import select

        from hublet.net.select import epoll

        select.epoll = epoll  # patching takes it away; here it is put in place instead
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{module}")
    except unittest.SkipTest as skipped:
        print(f"{module} on {sys.version.split()[0]}: skipped by CPython, {skipped}", flush=True)
        return False
    chosen, excepted = unittest.TestSuite(), []
    for test in flatten(suite):
        name = test.id().removeprefix(f"test.{module}.")
        reason = reason_against(module, name) if patched else None
        if reason is not None:
            excepted.append((name, reason))
        elif only in name:
            chosen.addTest(test)
    begun = time.monotonic()
    # Buffered, as regrtest does not do it: some of these tests print a great deal when all is well.
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=1, buffer=True).run(keep_classes_together(chosen))
    bad = [*result.failures, *result.errors]
    for test in result.unexpectedSuccesses:
        bad.append((test, "unexpected success"))
    print(
        f"{module} on {sys.version.split()[0]}, {'patched' if patched else 'unpatched'}: {result.testsRun} run, "
        f"{len(bad)} failed, {len(result.skipped)} skipped by CPython, {len(excepted)} excepted, "
        f"{time.monotonic() - begun:.1f} s",
        flush=True,
    )
    for test, _ in bad:
        print("  failed:", test, flush=True)
    return not bad


def flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield the single tests of *suite*, in order."""
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from flatten(each)
        else:
            yield each  # type: ignore[misc]


def keep_classes_together(suite: unittest.TestSuite) -> unittest.TestSuite:
    """Return *suite* as the loader would have made it: one suite for each class, whose `setUpClass` runs once."""
    classes: dict[type, unittest.TestSuite] = {}
    for test in suite:
        classes.setdefault(type(test), unittest.TestSuite()).addTest(test)
    return unittest.TestSuite(classes.values())


def reason_against(module: str, name: str) -> str | None:
    """Return why the test *name* of *module* is not run, `None` if it is."""
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        from exceptions import EXCEPTIONS
    finally:
        del sys.path[0]
    for excepted, reason in EXCEPTIONS.get(module, {}).items():
        if name == excepted or name.startswith(excepted + "."):
            return reason
    return None


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if "--here" in arguments:
        only = next((each.removeprefix("--only=") for each in arguments if each.startswith("--only=")), "")
        sys.exit(not run_here(arguments[-1], "--unpatched" not in arguments, only))
    sys.exit(main(arguments))

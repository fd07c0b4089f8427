"""Run CPython's own tests of threads, patched: `python tests/cpython_patched.py [-v]`.  `nox -s patched` does.

What does not apply is listed below, with the reason.
"""

from __future__ import annotations

import importlib
import sys
import unittest
from types import ModuleType

from hublet.monkey import patch_all

BLOCKS = "waits for a pipe by os.read, or turns without end, in one greenlet while another one should run"
NATIVE = "asks the interpreter about native threads"
FRESH = "loads the C module of queues anew, unpatched"

MODULES = {
    "test.test_thread": {"TestForkInThread": BLOCKS, "test_unraisable_exception": "the hub is told, not sys.unraisablehook"},
    "test.test_threading_local": {},
    "test.test_queue": {
        "CSimpleQueueTest": FRESH,
        "test_shutdown_all_methods_in_many_threads": BLOCKS,
        "test_shutdown_immediate_all_methods_in_many_threads": BLOCKS,
    },
    "test.test_threading": {
        "test_can_interrupt_tight_loops": BLOCKS,
        "test_interrupt_main_subthread": "Ctrl-C comes to the main greenlet in the hub's next turn, not in the middle of join()",
        "test__all__": "lists what is defined in `threading` itself",
        "test_PyThreadState_SetAsyncExc": NATIVE,
        "test_foreign_thread": NATIVE,
        "test_tstate_lock": NATIVE,
        "test_various_ops": NATIVE,
        "test_various_ops_large_stack": NATIVE,
        "test_various_ops_small_stack": NATIVE,
        "test_ident_of_no_threading_threads": "removes a dummy thread that is gone by itself here",
        "test_disallow_instantiation": "ours are classes",
        "test_lock_no_args": "ours are classes",
        "test_lock_no_subclass": "ours are classes",
        "test_signature": "an RLock takes the argument that gevent's takes",
    },
}


def without(module: ModuleType, names: dict[str, str]) -> unittest.TestSuite:
    """Return the tests of *module* without those that are named, or whose class is."""
    suite = unittest.TestSuite()

    def add(tests: unittest.TestSuite) -> None:
        for each in tests:
            if isinstance(each, unittest.TestSuite):
                add(each)
            elif each._testMethodName not in names and type(each).__name__ not in names:
                suite.addTest(each)

    add(unittest.defaultTestLoader.loadTestsFromModule(module))
    return suite


def main() -> int:
    """Run them all; 1 if one fails."""
    patch_all()
    suite = unittest.TestSuite()
    for name, names in MODULES.items():
        try:
            module = importlib.import_module(name)
        except ImportError:
            print(f"{name} is not installed with this Python", file=sys.stderr)
            continue
        suite.addTest(without(module, names))
    result = unittest.TextTestRunner(verbosity=2 if "-v" in sys.argv else 1).run(suite)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

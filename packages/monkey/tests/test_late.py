"""What was imported or made before the patching: it cannot be too late."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

EARLY = """
    from time import sleep
    from time import sleep as nap
    import time
    put_aside = time.sleep
    def pause(seconds, sleeper=time.sleep):
        sleeper(seconds)
"""
PATCH = """
    import early, time
    from hublet import monkey
    original = time.sleep
    monkey.patch_all()
"""


def test_what_a_module_has_imported_by_name_is_replaced_there(interpreter):
    interpreter.write("early.py", EARLY)

    printed = interpreter.script(PATCH + "    print(early.sleep is time.sleep, early.nap is time.sleep)")

    assert printed == "True True"


def test_what_a_module_has_put_aside_stays(interpreter):
    interpreter.write("early.py", EARLY)

    printed = interpreter.script(
        PATCH + "    print(early.put_aside is original, early.pause.__defaults__ == (original,))"
    )

    assert printed == "True True"


@pytest.mark.parametrize("name", ["gevent.early", "eventlet", "pydevd"])
def test_what_others_need_to_have_is_left_to_them(interpreter, name):
    interpreter.write(name.replace(".", "/") + ".py", "from time import sleep")
    if "." in name:
        interpreter.write("gevent/__init__.py", "")

    printed = interpreter.script(
        f"""
        import importlib, time
        from hublet import monkey
        module = importlib.import_module({name!r})
        original = time.sleep
        monkey.patch_all()
        print(module.sleep is original)
        """
    )

    assert printed == "True"


def test_a_package_can_say_that_it_keeps_originals(interpreter):
    interpreter.write("keeper/__init__.py", "")
    interpreter.write("keeper/_native.py", "__keeps_originals__ = True\nfrom time import sleep")
    interpreter.write("keeper/other.py", "from time import sleep")

    printed = interpreter.script(
        """
        import keeper._native, keeper.other, time
        from hublet import monkey
        original = time.sleep
        monkey.patch_all()
        print(keeper._native.sleep is original, keeper.other.sleep is original)
        """
    )

    assert printed == "True True"


def test_extension_modules_keep_what_they_have(script):
    printed = script(
        """
        import os, posix, time
        from hublet import monkey
        monkey.patch_all()
        print(posix.waitpid is monkey.get_original("os", "waitpid"))
        """
    )

    assert printed == "True"


LOCKING = """
    class Lock:
        def __enter__(self): pass
        def __exit__(self, *exc_info): pass
    class RLock(Lock): pass
"""


def test_locks_that_classes_have_are_renewed_unless_they_are_held(interpreter):
    interpreter.write(
        "early.py",
        """
        import threading
        class Thing:
            lock, rlock, held = threading.Lock(), threading.RLock(), threading.Lock()
        Thing.held.acquire()
        """,
    )
    interpreter.add_distribution("locking", "Patch('thread', 'threading', __name__, ('Lock', 'RLock'))", LOCKING)

    printed = interpreter.script(
        """
        import early, threading
        from hublet import monkey
        before = type(early.Thing.held)
        monkey.patch_thread()
        print(type(early.Thing.lock) is threading.Lock, type(early.Thing.rlock) is threading.RLock)
        print(type(early.Thing.held) is before)
        """,
        only=("locking",),
    )

    assert printed.splitlines() == ["True True", "True"]


# What this Python has otherwise


def test_a_python_that_differs_in_what_a_record_relies_on_is_a_warning(interpreter):
    interpreter.add_distribution(
        "private",
        "Patch('a', 'colorsys', __name__, ('rgb_to_hsv',), distribution='private', relies_on=("
        "'colorsys:rgb_to_hsv(r, g, b)', 'colorsys:rgb_to_hls(r, g)', 'colorsys:gone', 'no_such_module:x', 'time:sleep(x)', "
        "'colorsys:rgb_to_hsv[max, min]', 'colorsys:hls_to_rgb[_v, _gone]'))",
        "rgb_to_hsv = 1",
    )

    printed = interpreter.script(
        """
        import colorsys, warnings
        from hublet import monkey
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            monkey.patch_all()
        print(*(each.message for each in caught), [each.filename for each in caught])
        """,
        only=("private",),
    )

    assert "colorsys:rgb_to_hls takes (r, g, b), not (r, g) (private uses it)" in printed
    assert "colorsys:gone does not exist" in printed
    assert "no_such_module:x does not exist" in printed
    assert "time:sleep is not a function written in Python" in printed
    assert "colorsys:hls_to_rgb does not use _gone (private uses it)" in printed
    assert "rgb_to_hsv" not in printed
    assert printed.endswith("['<string>']")


def test_this_python_has_what_is_relied_on(script):
    printed = script(
        """
        import warnings
        warnings.simplefilter("error")
        from hublet import monkey
        from hublet.monkey._discover import installed
        monkey.patch_all()
        for record in installed():
            if not record.target.startswith("psycopg"):
                __import__(record.target.partition(":")[0])
        import multiprocessing.connection, multiprocessing.synchronize
        print("no warning")
        """
    )

    assert printed == "no warning"


@pytest.mark.skipif(find_spec("hublet.sync") is None, reason="hublet-sync is not installed")
@pytest.mark.parametrize(
    "change",
    [
        "threading.Thread.start = lambda self: None",
        "threading.current_thread = lambda: None",
        "threading.Condition.__init__ = lambda self, lock=None: None",
        "threading._DummyThread.__init__ = lambda self, another: None",
    ],
)
def test_a_python_with_another_threading_is_a_warning(script, change):
    printed = script(
        f"""
        import threading, warnings
        from hublet import monkey
        {change}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                monkey.patch_thread()
            finally:
                print(*(each.message for each in caught), flush=True)
                import os
                os._exit(0)  # such a `threading` need not work
        """
    )

    assert change.partition(" =")[0].replace("threading.", "threading:") in printed
    assert "hublet-sync uses it" in printed

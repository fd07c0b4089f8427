"""What is imported after patching: it is patched then, and nothing is imported for it before."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

NET = pytest.mark.skipif(find_spec("hublet.net") is None, reason="hublet-net is not installed")
SYNC = pytest.mark.skipif(find_spec("hublet.sync") is None, reason="hublet-sync is not installed")


@pytest.fixture
def colours(interpreter):
    """An interpreter with a distribution that replaces something in `colorsys`, by a module of its own."""
    interpreter.add_distribution("colours", "Patch('a', 'colorsys', 'our_colours', ('rgb_to_hsv',), distribution='colours')")
    interpreter.write("our_colours.py", "import colorsys\nfound = colorsys.rgb_to_hsv\nrgb_to_hsv = 'ours'")
    return interpreter


def test_neither_target_nor_replacement_is_imported_before_the_program_imports_the_target(colours):
    printed = colours.script(
        """
        import sys
        from hublet import monkey
        monkey.patch_all()
        print("colorsys" in sys.modules, "our_colours" in sys.modules)
        from colorsys import rgb_to_hsv
        import colorsys
        print(rgb_to_hsv, colorsys.rgb_to_hsv, "our_colours" in sys.modules)
        """
    )

    assert printed.splitlines() == ["False False", "ours ours True"]


def test_what_is_imported_already_is_patched_at_once(colours):
    assert colours.script("import colorsys, hublet.monkey as m; m.patch_all(); print(colorsys.rgb_to_hsv)") == "ours"


def test_what_is_to_be_patched_counts_as_patched(colours):
    printed = colours.script(
        """
        import sys
        from hublet import monkey
        print(monkey.is_module_patched("colorsys"), monkey.is_anything_patched())
        monkey.patch_all()
        print(monkey.is_module_patched("colorsys"), "colorsys" in sys.modules)
        print(monkey.is_object_patched("colorsys", "rgb_to_hsv"), monkey.is_object_patched("colorsys", "rgb_to_hls"))
        """
    )

    assert printed.splitlines() == ["False False", "True False", "True False"]


def test_asking_for_an_original_imports_the_target(colours):
    printed = colours.script(
        """
        from hublet import monkey
        monkey.patch_all()
        original = monkey.get_original("colorsys", "rgb_to_hsv")
        import colorsys
        print(original(0.0, 0.0, 0.0), colorsys.rgb_to_hsv, monkey.saved["colorsys"] == {"rgb_to_hsv": original})
        """
    )

    assert printed == "(0.0, 0.0, 0.0) ours True"


def test_a_replacement_that_is_imported_first_gets_the_originals(colours):
    printed = colours.script(
        """
        from hublet import monkey
        monkey.patch_all()
        import our_colours
        import colorsys
        print(callable(our_colours.found), colorsys.rgb_to_hsv)
        """
    )

    assert printed == "True ours"


def test_who_imported_it_by_name_while_a_replacement_was_imported_has_the_replacement(colours):
    colours.write("our_colours.py", "import colorsys\nimport bystander\nrgb_to_hsv = 'ours'")
    colours.write("bystander.py", "from colorsys import rgb_to_hsv")

    printed = colours.script(
        """
        from hublet import monkey
        monkey.patch_all()
        import our_colours, bystander
        print(bystander.rgb_to_hsv)
        """
    )

    assert printed == "ours"


def test_the_module_has_the_loader_that_it_always_had(colours):
    printed = colours.script(
        """
        from importlib.machinery import SourceFileLoader
        from importlib.util import find_spec
        from hublet import monkey
        monkey.patch_all()
        print(find_spec("colorsys").loader.get_filename("colorsys").endswith("colorsys.py"))
        import colorsys
        print(type(colorsys.__loader__) is type(colorsys.__spec__.loader) is SourceFileLoader)
        """
    )

    assert printed.splitlines() == ["True", "True"]


def test_reloaded_it_is_patched_again_and_the_original_stays_the_first(colours):
    printed = colours.script(
        """
        import colorsys, importlib
        original = colorsys.rgb_to_hsv
        from hublet import monkey
        monkey.patch_all()
        for _ in range(2):
            importlib.reload(colorsys)
            print(colorsys.rgb_to_hsv, monkey.get_original("colorsys", "rgb_to_hsv") is original)
        """
    )

    assert printed.splitlines() == ["ours True", "ours True"]


def test_imported_afresh_it_is_patched_again(colours):
    printed = colours.script(
        """
        import sys
        from hublet import monkey
        monkey.patch_all()
        import colorsys as one
        del sys.modules["colorsys"]
        import colorsys as other
        print(one is other, one.rgb_to_hsv, other.rgb_to_hsv)
        """
    )

    assert printed == "False ours ours"


def test_a_class_that_a_reload_has_made_anew_is_patched_in_place(interpreter):
    interpreter.add_distribution(
        "in-place",
        "Patch('a', 'fractions:Fraction', __name__ + ':Ours', ('limit_denominator',))",
        """
        class Ours:
            def limit_denominator(self):
                return "ours"
        """,
    )

    printed = interpreter.script(
        """
        import fractions, importlib
        from hublet import monkey
        monkey.patch_all()
        importlib.reload(fractions)
        print(fractions.Fraction(1, 2).limit_denominator())
        """
    )

    assert printed == "ours"


def test_what_the_program_puts_into_sys_modules_is_patched_when_somebody_asks(colours):
    printed = colours.script(
        """
        import sys, types
        from hublet import monkey
        monkey.patch_all()
        fake = sys.modules["colorsys"] = types.ModuleType("colorsys")
        fake.rgb_to_hsv = "the program's"
        print(monkey.is_object_patched("colorsys", "rgb_to_hsv"), fake.rgb_to_hsv)
        """
    )

    assert printed == "True ours"


def test_what_the_program_forbids_to_import_stays_forbidden(colours):
    printed = colours.script(
        """
        import sys
        sys.modules["colorsys"] = None
        from hublet import monkey
        monkey.patch_all()
        try:
            import colorsys
        except ModuleNotFoundError:
            print("forbidden")
        """
    )

    assert printed == "forbidden"


def test_importing_what_does_not_exist_is_the_usual_error(interpreter):
    interpreter.add_distribution("lazy", "Patch('a', 'no_such_thing', __name__, ('x',))", "x = 1")

    printed = interpreter.script(
        """
        import hublet.monkey as m
        m.patch_all()
        try:
            import no_such_thing
        except ModuleNotFoundError as error:
            print(error)
        """
    )

    assert printed == "No module named 'no_such_thing'"


def test_a_replacement_that_cannot_be_imported_fails_the_import_of_the_target_and_the_next_one_too(interpreter):
    interpreter.add_distribution("broken", "Patch('x', 'colorsys', 'no_such_module', ('rgb_to_hls',))")

    printed = interpreter.script(
        """
        import hublet.monkey
        hublet.monkey.patch_all()
        for _ in range(2):
            try:
                import colorsys
            except ModuleNotFoundError as error:
                print(error)
        """
    )

    assert printed.splitlines() == ["No module named 'no_such_module'"] * 2


def test_threads_that_import_at_once_all_get_it_patched(interpreter):
    # The replacement takes its time, so that the others come while the first is at it.
    interpreter.add_distribution("slow", "Patch('a', 'colorsys', 'slow_colours', ('rgb_to_hsv',))")
    interpreter.write("slow_colours.py", "import colorsys, time\ntime.sleep(0.05)\nrgb_to_hsv = 'ours'")

    printed = interpreter.script(
        """
        import threading
        from hublet import monkey
        monkey.patch_all(thread=False, time=False)
        found, together = [], threading.Barrier(8)
        def look(module):
            together.wait()
            __import__(module)
            from colorsys import rgb_to_hsv
            found.append(rgb_to_hsv)
        threads = [threading.Thread(target=look, args=("colorsys",)) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(set(found), len(found))
        """
    )

    assert printed == "{'ours'} 8"


def test_threads_that_import_target_and_replacement_at_once_find_it_patched_afterwards(interpreter):
    # Each of the two imports what the other is at: the interpreter resolves that by showing one of them half of a module.
    interpreter.add_distribution("crossed", "Patch('a', 'colorsys', 'crossed_colours', ('rgb_to_hsv',))")
    interpreter.write(
        "crossed_colours.py",
        "import pauses\npauses.inside.set()\nassert pauses.go_on.wait(10)\nimport colorsys\nrgb_to_hsv = 'ours'",
    )
    interpreter.write(
        "pauses.py", "import threading\ninside, go_on = threading.Event(), threading.Event()"
    )

    printed = interpreter.script(
        """
        import sys, threading
        from hublet import monkey
        monkey.patch_all(thread=False, time=False)
        import pauses
        other = threading.Thread(target=lambda: __import__("crossed_colours"))
        other.start()
        pauses.inside.wait()
        threading.Timer(0.05, pauses.go_on.set).start()
        import colorsys
        other.join()
        print(colorsys.rgb_to_hsv)
        """
    )

    assert printed == "ours"


def test_a_thread_that_imports_the_target_and_one_that_imports_the_replacement_do_not_wait_for_each_other(interpreter):
    # Here it is the one that patches to whom the interpreter refuses to wait.
    interpreter.add_distribution("crossed", "Patch('a', 'target', 'crossed_replacement', ('name',))")
    interpreter.write("pauses.py", "import threading\nin_target, begun = threading.Event(), threading.Event()")
    interpreter.write(
        "target.py",
        "import pauses, time\npauses.in_target.set()\nassert pauses.begun.wait(10)\ntime.sleep(0.1)\nname = 'the original'",
    )
    interpreter.write("crossed_replacement.py", "import pauses\npauses.begun.set()\nimport target\nname = 'ours'")

    printed = interpreter.script(
        """
        import threading
        from hublet import monkey
        monkey.patch_all(thread=False, time=False)
        import pauses
        def imports():
            pauses.in_target.wait()
            import crossed_replacement
        other = threading.Thread(target=imports)
        other.start()
        import target
        other.join()
        print(target.name)
        """
    )

    assert printed == "ours"


@SYNC
def test_the_original_is_found_although_the_target_has_it_from_a_module_that_was_patched_first(script):
    printed = script(
        """
        import _queue
        native = _queue.SimpleQueue
        from hublet import monkey
        monkey.patch_all()
        import queue
        print(queue.SimpleQueue is native, monkey.get_original("queue", "SimpleQueue") is native)
        """
    )

    assert printed == "False True"


@SYNC
def test_the_main_thread_is_the_one_that_patches_wherever_threading_is_imported(script):
    printed = script(
        """
        from hublet import monkey
        monkey.patch_all()
        from hublet.core import spawn
        def look():
            import threading
            return threading.current_thread() is threading.main_thread()
        print(spawn(look).get())
        """
    )

    assert printed == "False"


@NET
@pytest.mark.parametrize("first", ["ssl", "socket", "hublet.net.ssl", "hublet.net.socket", "select", "selectors", "asyncio"])
def test_whatever_comes_first_sockets_and_tls_are_cooperative(script, first):
    printed = script(
        f"""
        from hublet import monkey
        monkey.patch_all()
        import {first}
        import select, selectors, socket, ssl
        print(socket.socket.__module__, ssl.SSLContext.sslsocket_class.__module__, select.poll.__module__)
        print(issubclass(ssl.SSLSocket, socket.socket), hasattr(select, "epoll"), hasattr(selectors, "EpollSelector"))
        print(selectors.DefaultSelector._selector_cls.__module__)
        """
    )

    assert printed.splitlines() == [
        "hublet.net.socket hublet.net.ssl hublet.net.select",
        "False False True",
        "hublet.net.select",
    ]


def test_what_the_program_does_not_use_costs_it_nothing(script):
    printed = script(
        """
        import sys
        before = set(sys.modules)
        from hublet import monkey
        monkey.patch_all()
        loaded = set(sys.modules) - before
        print(*loaded & {"socket", "ssl", "select", "selectors", "subprocess", "signal", "queue", "logging"})
        from hublet.core import compiled
        print(*loaded & {"typing", "re"} if compiled else ())  # interpreted, more is written in Python
        print(*(name for name in loaded if name.startswith(("hublet.net", "hublet.process._popen"))))
        """
    )

    assert set(printed.split()) <= {"hublet.net", "hublet.net._patches"}

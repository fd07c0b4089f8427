"""`patch_all` and `patch_*`, each in an interpreter of its own."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from hublet.monkey import _patch
from hublet.monkey._features import FEATURES


def test_what_sleeps_lets_others_run(script):
    printed = script(
        """
        from hublet.monkey import patch_all
        patch_all()
        import time
        from hublet.core import joinall, spawn
        def naps(name):
            for _ in range(3):
                print(name, end=" ")
                time.sleep(0.001)
        joinall([spawn(naps, name) for name in "ab"])
        """
    )

    assert printed == "a b a b a b"


def test_patching_makes_no_hub(script):
    printed = script(
        """
        from hublet.monkey import patch_all
        from hublet.core.lowlevel import get_hub_if_exists
        patch_all()
        print(get_hub_if_exists())
        """
    )

    assert printed == "None"


def test_originals_are_kept_and_found(script):
    printed = script(
        """
        import time
        original, monotonic = time.sleep, time.monotonic
        from hublet import monkey
        assert not monkey.is_anything_patched() and not monkey.is_module_patched("time")
        assert monkey.get_original("time", "sleep") is original
        monkey.patch_time()
        assert time.sleep is not original and time.monotonic is monotonic
        assert monkey.saved["time"] == {"sleep": original}
        assert monkey.get_original("time", "sleep") is original
        assert monkey.get_original("time", ("sleep", "monotonic")) == [original, monotonic]
        assert monkey.is_anything_patched() and monkey.is_module_patched("time")
        assert monkey.is_object_patched("time", "sleep") and not monkey.is_object_patched("time", "monotonic")
        assert not monkey.is_module_patched("socket") and not monkey.is_object_patched("socket", "socket")
        try:
            monkey.get_original("time", "nonsense")
        except AttributeError:
            print("ok")
        """
    )

    assert printed == "ok"


def test_a_feature_can_be_left_out(script):
    printed = script(
        """
        import time, hublet.monkey
        before = time.sleep
        hublet.monkey.patch_all(time=False)
        print(time.sleep is before)
        """
    )

    assert printed == "True"


def test_patching_twice_alike_is_silent_and_keeps_the_originals(script):
    printed = script(
        """
        import time, warnings
        warnings.simplefilter("error")
        from hublet import monkey
        original = time.sleep
        monkey.patch_time()
        monkey.patch_all(dns=None)
        ours = time.sleep
        monkey.patch_all()
        print(time.sleep is ours, monkey.get_original("time", "sleep") is original)
        """
    )

    assert printed == "True True"


def test_patching_twice_differently_warns_once_and_keeps_the_originals(script):
    printed = script(
        """
        import time, warnings
        from hublet import monkey
        original = time.sleep
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            monkey.patch_all(time=False)
            monkey.patch_all()
            monkey.patch_all(time=False, socket=False)
        print([each.category.__name__ for each in caught], caught[0].filename, "time=False" in str(caught[0].message))
        print(time.sleep is not original, monkey.get_original("time", "sleep") is original)
        """
    )

    assert printed.splitlines() == ["['MonkeyPatchWarning'] <string> True", "True True"]


def test_what_a_program_has_put_there_after_us_stays(script):
    printed = script(
        """
        import time
        from hublet import monkey
        monkey.patch_all()
        time.sleep = "the program's"
        monkey.patch_all()
        monkey.patch_time()
        print(time.sleep)
        """
    )

    assert printed == "the program's"


@pytest.mark.parametrize("feature", sorted(set(FEATURES) - {"time"}))
def test_asking_for_what_is_not_installed_names_the_distribution(script, feature):
    code = f"""
        import sys
        from hublet import monkey
        for ask in (monkey.patch_{feature}, lambda: monkey.patch_all({feature}=True)):
            try:
                ask()
            except ImportError as error:
                print(error.name, "|", error, "|", type(error).__name__, monkey.saved)
        """

    distribution = FEATURES[feature].distribution
    for line in script(code, only=("hublet-core",)).splitlines():
        name, message, rest = line.split(" | ")
        assert name == distribution
        assert f"{feature!r}" in message and f"pip install {distribution}" in message
        assert rest == "MissingPatchError {}"


def test_asking_for_what_the_installed_version_lacks_says_so(script):
    printed = script(
        """
        from hublet import monkey
        from hublet.monkey._features import FEATURES, Feature
        FEATURES["sys"] = Feature("hublet-core", "what a later version of it will have")
        try:
            monkey.patch_sys()
        except monkey.MissingPatchError as error:
            print(error)
        """,
        only=("hublet-core",),
    )

    assert "hublet-core cannot patch 'sys' yet" in printed and "pip install --upgrade hublet-core" in printed


def test_without_being_asked_what_is_not_installed_is_passed_over(script):
    printed = script(
        """
        from hublet import monkey
        monkey.patch_all()
        print(sorted(monkey.saved))
        """,
        only=("hublet-core",),
    )

    assert printed == "['time']"


def test_asking_for_what_nobody_knows_is_a_type_error(script):
    printed = script(
        """
        from hublet import monkey
        try:
            monkey.patch_all(coffee=True)
        except TypeError as error:
            print(error, monkey.saved)
        """
    )

    assert "'coffee'" in printed and "socket, ssl" in printed and printed.endswith("{}")


def test_a_feature_of_others_can_be_switched_like_ours(interpreter):
    interpreter.add_distribution("made-up", "Patch('colours', 'colorsys', __name__, ('rgb_to_hsv',))", "rgb_to_hsv = 1")

    printed = interpreter.script(
        """
        import colorsys, hublet.monkey
        hublet.monkey.patch_all(colours=False)
        print(callable(colorsys.rgb_to_hsv))
        """
    )

    assert printed == "True"


def test_the_standard_streams_are_patched_only_if_asked(interpreter):
    interpreter.add_distribution("streams", "Patch('sys', 'sys', __name__, ('stdin',))", "stdin = 'ours'")

    printed = interpreter.script(
        """
        import sys, hublet.monkey
        hublet.monkey.patch_all()
        before = sys.stdin
        hublet.monkey.patch_sys()
        print(before != "ours", sys.stdin)
        """
    )

    assert printed == "True ours"


def test_sockets_bring_names_of_hosts_unless_told_otherwise(interpreter):
    interpreter.add_distribution(
        "sockets",
        "Patch('socket', 'colorsys', __name__, ('rgb_to_hsv',)), Patch('dns', 'colorsys', __name__, ('hsv_to_rgb',))",
        "rgb_to_hsv = hsv_to_rgb = 1",
    )
    code = """
        import sys, colorsys, hublet.monkey
        hublet.monkey.patch_socket({})
        print(colorsys.rgb_to_hsv == 1, colorsys.hsv_to_rgb == 1)
        """

    assert interpreter.script(code.format(""), only=("sockets",)) == "True True"
    assert interpreter.script(code.format("dns=False"), only=("sockets",)) == "True False"


def test_there_is_a_function_and_a_switch_for_every_feature():
    functions = {name.removeprefix("patch_") for name in _patch.__all__} - {"all"}
    switches = set(_patch.patch_all.__kwdefaults__)

    assert functions == switches == set(FEATURES)


@pytest.mark.skipif(find_spec("hublet.net") is None, reason="hublet-net is not installed")
def test_the_sockets_that_are_there_are_cooperative(script):
    printed = script(
        """
        import socket
        original, SocketType = socket.socket, socket.SocketType
        from hublet import monkey
        monkey.patch_all()
        print(socket.socket.__module__, issubclass(socket.socket, original), socket.SocketType is SocketType)
        one, other = socket.socketpair()
        listener = socket.create_server(("localhost", 0))
        copy = socket.fromfd(one.fileno(), one.family, one.type)
        print({type(each) is socket.socket for each in (one, other, listener, copy)})
        print(monkey.is_object_patched("socket", "getaddrinfo"), monkey.is_object_patched("socket", "socket"))
        """
    )

    assert printed.splitlines() == ["hublet.net.socket True True", "{True}", "True True"]


@pytest.mark.skipif(find_spec("hublet.net") is None, reason="hublet-net is not installed")
def test_create_connection_uses_what_a_program_puts_into_the_module(script):
    printed = script(
        """
        from hublet.monkey import patch_all
        patch_all()
        import socket
        class Proxied(socket.socket):
            def connect(self, address):
                print("proxied to", address)
        socket.socket = Proxied
        socket.getaddrinfo = lambda *args: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 80))]
        print(type(socket.create_connection(("host.test", 80))).__name__)
        """
    )

    assert printed.splitlines() == ["proxied to ('192.0.2.1', 80)", "Proxied"]


@pytest.mark.skipif(find_spec("hublet.net") is None, reason="hublet-net is not installed")
def test_a_socket_from_before_sends_only_what_fits_if_it_must_not_wait(script):
    printed = script(
        """
        import socket
        one, other = socket.socketpair()
        from hublet import monkey
        monkey.patch_socket()
        from hublet.core import fail_after
        with fail_after(10):
            try:
                one.sendall(bytes(1 << 24), socket.MSG_DONTWAIT)
            except BlockingIOError:
                print("refused", len(other.recv(100)))
        """
    )

    assert printed == "refused 100"


@pytest.mark.skipif(find_spec("hublet.net") is None, reason="hublet-net is not installed")
def test_tls_works_although_only_sockets_are_patched(script):
    # The part of `ssl` in C looks at the timeout that its sockets have in C, so they must not derive from ours.
    printed = script(
        """
        from hublet.monkey import patch_socket
        patch_socket()
        import socket, ssl
        print(issubclass(ssl.SSLSocket, socket.socket))
        one, other = socket.socketpair()
        one.settimeout(0.01)
        try:
            ssl.create_default_context().wrap_socket(one, server_hostname="host.test")
        except TimeoutError as error:
            print(error)
        """
    )

    assert printed.startswith("False\n") and "handshake operation timed out" in printed


def test_the_tests_themselves_are_not_patched():
    assert sys.modules["time"].sleep.__module__ == "time"


@pytest.mark.parametrize("loop", ["selectors", "native"])
def test_every_loop_stands_on_what_there_was_before(interpreter, loop):
    done = interpreter.run(
        "-c",
        "from hublet.monkey import patch_all; patch_all(); import time; from hublet.core import get_hub, spawn\n"
        "spawn(time.sleep, 0.001).join(); print(get_hub().loop.name)",
        HUBLET_LOOP=loop,
    )

    assert done.stdout.strip() == loop or (loop == "native" and "Error" in done.stderr and "_epoll" in done.stderr), done.stderr


@pytest.mark.skipif(find_spec("hublet.process") is None, reason="hublet-process is not installed")
def test_reading_and_writing_by_number_is_left_alone(script):
    printed = script(
        """
        import os
        before = os.read, os.write, os.posix_spawn
        from hublet import monkey
        monkey.patch_all()
        print(before == (os.read, os.write, os.posix_spawn), monkey.is_object_patched("os", "waitpid"))
        """
    )

    assert printed == "True True"

"""Errors that nobody waits for: told once, to one place, with the name and the line of who is to blame."""

from __future__ import annotations

import io
import logging
import signal
import sys

import pytest

from hublet import core
from hublet.core import Greenlet, GreenletExit, Hub, Timeout, get_hub, getcurrent, joinall, sleep, spawn, spawn_later, spawn_raw
from hublet.core.lowlevel import ParkingLot, Waiter, call_in_thread
from hublet.core.testing import FakeClock, wait_all_parked


def fail(error: BaseException) -> None:
    raise error


class Custom(BaseException):
    """Neither an `Exception` nor one that ends programs."""


# Replacing it


@pytest.fixture
def own_handler() -> list[tuple]:
    calls: list[tuple] = []
    hub = get_hub()
    hub.handle_error = lambda *args: calls.append(args)
    yield calls
    del hub.handle_error


def test_it_can_be_replaced_on_the_hub(own_handler: list):
    error = ValueError("wrong")
    greenlet = spawn(fail, error)
    greenlet.join()

    ((context, kind, value, traceback),) = own_handler
    assert (context, kind, value) == (greenlet, ValueError, error)
    assert traceback is error.__traceback__


def test_it_can_be_overridden_in_a_subclass(script):
    printed = script(
        """
from hublet.core import Hub, _switch, spawn
from hublet.core.lowlevel import Waiter

class Telling(Hub):
    def handle_error(self, context, kind, value, traceback):
        print(kind.__name__, value, context is greenlet)

hub = Telling()
_switch.set_thread_scheduler(hub.scheduler)
def fail():
    raise ValueError("wrong")
greenlet = spawn(fail)
greenlet.join()
"""
    )

    assert printed == "ValueError wrong True"


@pytest.mark.parametrize("error", [ValueError(), Custom(), Timeout(1), RecursionError(), StopIteration()])
def test_an_error_is_told_once(own_handler: list, error: BaseException):
    greenlet = spawn(fail, error)
    greenlet.join()
    with pytest.raises(type(error)):
        greenlet.get()
    joinall([greenlet])

    assert [value for _, _, value, _ in own_handler] == [error]


def test_what_a_callback_raises_is_told(own_handler: list):
    error = ValueError()

    get_hub().call_soon(fail, error)
    sleep(0)

    assert [value for _, _, value, _ in own_handler] == [error]


def test_what_a_link_raises_is_told_with_the_link(own_handler: list):
    error = ValueError()

    def link(source):
        raise error

    greenlet = spawn(int)
    greenlet.rawlink(link)
    wait_all_parked()

    ((context, _, value, _),) = own_handler
    assert context == (link, greenlet)
    assert value is error


def test_what_a_raw_greenlet_raises_is_told(own_handler: list):
    error = ValueError()

    spawn_raw(fail, error)
    wait_all_parked()

    assert [value for _, _, value, _ in own_handler] == [error]


def test_it_may_wait_when_a_greenlet_failed(own_handler: list):
    hub = get_hub()
    log = []

    def handler(*args):
        sleep(0)
        log.append("handled")

    hub.handle_error = handler
    greenlet = spawn(fail, ValueError())
    greenlet.join()

    assert log == ["handled"]
    assert isinstance(greenlet.exception, ValueError)


def test_the_greenlet_is_finished_only_when_its_error_was_handled(own_handler: list):
    states = []
    get_hub().handle_error = lambda context, *rest: states.append(context.ready())

    greenlet = spawn(fail, ValueError())
    greenlet.join()

    assert states == [False]


def test_the_error_is_being_handled_while_it_is_told():
    """So that `logging.exception` and `traceback.print_exc` work in a replacement."""
    handled = []
    hub = get_hub()
    hub.handle_error = lambda *told: handled.append(sys.exc_info()[1] is told[2])
    try:
        spawn(fail, ValueError("wrong")).join()
    finally:
        del hub.handle_error

    assert handled == [True]


# One that fails itself


def test_a_handler_that_fails_does_not_end_the_hub(script):
    """Its own error is said where no code of users is asked, and once."""
    printed = script(
        """
import sys
from hublet.core import get_hub, sleep, spawn

shown = []
sys.excepthook = lambda kind, value, traceback: shown.append(str(value))

def handler(*args):
    raise RuntimeError("in the handler")

def fail():
    raise ValueError("in the greenlet")

hub = get_hub()
hub.handle_error = handler
greenlet = spawn(fail)
greenlet.join()
hub.call_soon(fail)
sleep(0)
spawn(int).rawlink(lambda source: fail())
sleep(0.001)
print(shown)
print(repr(greenlet.exception), spawn(lambda: "works").get())
"""
    )

    assert printed.splitlines() == [
        "['in the handler', 'in the handler', 'in the handler']",
        "ValueError('in the greenlet') works",
    ]


@pytest.mark.parametrize("kind", ["stream", "logging"])
def test_an_output_that_fails_does_not_end_the_hub(monkeypatch: pytest.MonkeyPatch, capsys, kind: str):
    hub = get_hub()

    def broken(*args):
        raise OSError("disk full")

    if kind == "stream":
        stream = io.StringIO()
        stream.write = broken
        monkeypatch.setattr(hub, "exception_stream", stream, raising=False)
    else:
        handler = logging.Handler()
        handler.emit = broken
        monkeypatch.setattr(logging.getLogger("hublet.core"), "handlers", [handler])
    monkeypatch.setattr(logging, "raiseExceptions", True)

    greenlet = spawn(fail, ValueError("wrong"))
    greenlet.join()

    shown = capsys.readouterr().err
    assert shown.count("ValueError: wrong") == 1
    assert "disk full" in shown
    assert spawn(lambda: "works").get() == "works"


def test_a_greenlet_whose_repr_fails_does_not_end_the_hub(capsys):
    class Broken(Greenlet):
        def __repr__(self) -> str:
            raise OSError("no name")

    greenlet = Broken.spawn(fail, ValueError("wrong"))
    greenlet.join()

    shown = capsys.readouterr().err
    assert shown.count("ValueError: wrong") >= 1
    assert isinstance(greenlet.exception, ValueError)


# The default


def test_by_default_an_error_goes_to_logging_with_name_and_spawn_site(reports):
    line = sys._getframe().f_lineno + 1
    greenlet = spawn(fail, ValueError("wrong"))
    greenlet.name = "worker 7"
    greenlet.join()

    (record,) = reports.take()
    assert record.name == "hublet.core"
    assert record.levelno == logging.ERROR
    assert "worker 7" in record.getMessage()
    assert f"{__file__}:{line}" in record.getMessage()
    assert record.exc_info[1] is greenlet.exception
    assert "ValueError: wrong" in logging.Formatter().format(record)


def test_an_error_without_a_context_says_that_it_was_a_callback(reports):
    get_hub().call_soon(fail, ValueError("wrong"))
    sleep(0)

    (record,) = reports.take()
    assert "callback" in record.getMessage()
    assert str(record.exc_info[1]) == "wrong"


def test_without_any_configuration_an_error_is_printed_once(script):
    printed = script(
        """
import sys
sys.stderr = sys.stdout
from hublet.core import spawn

def fail():
    raise ValueError("wrong")

greenlet = spawn(fail)
greenlet.join()
"""
    )

    assert printed.count("ValueError: wrong") == 1
    assert printed.count("Traceback") == 1
    assert "spawned at <string>:9" in printed


def test_an_error_that_somebody_waits_for_is_printed_once(script):
    """It is reported when it happens; to raise it again from `get` is the caller's affair."""
    printed = script(
        """
import sys
sys.stderr = sys.stdout
from hublet.core import spawn

def fail():
    raise ValueError("wrong")

def outer():
    try:
        inner.get()
    except ValueError:
        pass

inner = spawn(fail)
spawn(outer).join()
"""
    )

    assert printed.count("ValueError: wrong") == 1


def test_the_exception_stream_is_written_to_instead(monkeypatch: pytest.MonkeyPatch, reports):
    stream = io.StringIO()
    monkeypatch.setattr(get_hub(), "exception_stream", stream, raising=False)

    greenlet = spawn(fail, ValueError("wrong"))
    greenlet.join()

    assert reports.take() == []
    assert stream.getvalue().count("ValueError: wrong") == 1
    assert greenlet.name in stream.getvalue()
    assert greenlet.spawn_site in stream.getvalue()


def test_the_exception_stream_of_the_class_serves_all_hubs(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(Hub, "exception_stream", stream)

    spawn(fail, ValueError("wrong")).join()

    assert "ValueError: wrong" in stream.getvalue()


def test_print_exception_can_be_called_by_a_handler_of_ones_own(own_handler: list, reports):
    hub = get_hub()
    hub.handle_error = lambda *args: hub.print_exception(*args)

    spawn(fail, ValueError("wrong")).join()

    assert [str(error) for error in reports.take_errors()] == ["wrong"]


def test_an_error_is_printed_if_what_reports_it_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.delattr(core, "_report", raising=False)
    monkeypatch.setitem(sys.modules, "hublet.core._report", None)

    spawn(fail, ValueError("wrong")).join()

    printed = capsys.readouterr().err
    assert printed.splitlines()[-1] == "ValueError: wrong"
    assert "_report" not in printed


def test_what_reports_errors_can_be_loaded_before_there_is_one(script):
    printed = script(
        """
import sys
from hublet.core.lowlevel import get_hub, load_report

def error_info():
    try:
        raise ValueError("wrong")
    except ValueError:
        return sys.exc_info()

hub = get_hub()
load_report()
loaded = set(sys.modules)
hub.print_exception(None, *error_info())
print("hublet.core._report" in loaded, set(sys.modules) - loaded)
"""
    )

    assert printed == "True set()"


def test_a_greenlet_exit_is_not_told(own_handler: list):
    get_hub().handle_error = Hub.handle_error.__get__(get_hub())
    spawn(fail, GreenletExit()).join()
    spawn_raw(fail, GreenletExit())
    get_hub().call_soon(fail, GreenletExit())
    wait_all_parked()


def test_what_is_no_error_can_be_changed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(get_hub(), "NOT_ERROR", (*Hub.NOT_ERROR, ValueError), raising=False)

    greenlet = spawn(fail, ValueError())
    greenlet.join()

    assert not greenlet.successful()


# What ends programs

SYSTEM = [SystemExit, KeyboardInterrupt, SystemError]

PLACES = {
    "greenlet": lambda error: spawn(fail, error),
    "later greenlet": lambda error: spawn_later(0, fail, error),
    "raw greenlet": lambda error: spawn_raw(fail, error),
    "callback": lambda error: get_hub().call_soon(fail, error),
    "raw link": lambda error: spawn(int).rawlink(lambda source: fail(error)),
    "link": lambda error: spawn(int).link(lambda source: fail(error)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SYSTEM)
def test_what_ends_programs_surfaces_in_the_main_greenlet(kind: type[BaseException], place: str):
    error = kind("at once")
    PLACES[place](error)

    with pytest.raises(kind) as caught:
        sleep(10)

    assert caught.value is error


@pytest.mark.parametrize("kind", SYSTEM)
def test_what_ends_programs_surfaces_though_the_main_greenlet_was_woken_meanwhile(kind: type[BaseException]):
    """It joins the one that fails, so both become ready together."""
    error = kind()

    with pytest.raises(kind) as caught:
        spawn(fail, error).join()

    assert caught.value is error


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", [ValueError(), GreenletExit(), GeneratorExit(), Custom(), Timeout(1)])
def test_other_errors_do_not_surface(reports, error: BaseException, place: str):
    PLACES[place](error)

    wait_all_parked()

    assert reports.take_errors() == ([] if isinstance(error, GreenletExit) else [error])


def test_the_greenlet_that_ended_the_program_has_failed():
    greenlet = spawn(fail, SystemExit(3))

    with pytest.raises(SystemExit):
        greenlet.join()
    greenlet.join()

    assert isinstance(greenlet.exception, SystemExit)
    assert not greenlet.successful()


def test_what_a_thread_raises_to_end_the_program_is_raised_in_who_called():
    with pytest.raises(SystemExit) as caught:
        call_in_thread(sys.exit, 3)

    assert caught.value.code == 3


def test_after_it_has_surfaced_everything_goes_on():
    for _ in range(3):
        spawn(fail, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            sleep(10)

    assert spawn(lambda: "works").get() == "works"


def test_the_main_greenlet_gets_it_at_once_though_others_are_ready():
    log = []

    def busy():
        for i in range(1000):
            log.append(i)
            sleep(0)

    others = [spawn(busy) for _ in range(3)]
    get_hub().call_soon(fail, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        sleep(10)

    assert len(log) < 20
    for each in others:
        each.kill()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals that come by themselves")
def test_ctrl_c_reaches_the_main_greenlet():
    lot = ParkingLot()
    caught_elsewhere = []

    def waiting():
        try:
            lot.park()
        except KeyboardInterrupt:
            caught_elsewhere.append("parked")

    def interrupt(number, frame):
        raise KeyboardInterrupt

    parked = spawn(waiting)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            sleep(10)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert caught_elsewhere == []
    lot.unpark()
    parked.join()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals that come by themselves")
def test_what_a_signal_handler_raises_while_the_hub_polls_surfaces_in_the_main_greenlet():
    def give_up(number, frame):
        raise LookupError("too late")

    before = signal.signal(signal.SIGALRM, give_up)
    parked = spawn(ParkingLot().park)
    try:
        with pytest.raises(LookupError, match="too late"):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            sleep(10)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert not parked.ready()
    parked.kill()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals that come by themselves")
def test_a_signal_handler_may_wake_a_greenlet_while_the_hub_sleeps():
    waiter = Waiter()
    before = signal.signal(signal.SIGALRM, lambda number, frame: waiter.unpark("signal"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with Timeout(10):
            waiter.park()
    finally:
        signal.signal(signal.SIGALRM, before)

    assert waiter.value == "signal"


def test_sys_exit_in_a_greenlet_ends_the_program_with_its_code(script):
    script(
        """
import sys
from hublet.core import sleep, spawn

spawn(sys.exit, 7)
sleep(10)
""",
        returncode=7,
    )


def test_a_failing_greenlet_leaves_nothing_behind(clock: FakeClock, census, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(get_hub(), "exception_stream", io.StringIO(), raising=False)  # logging would keep the errors
    before = census()

    for _ in range(50):
        spawn(fail, ValueError()).join()
        spawn_raw(fail, ValueError())
        get_hub().call_soon(fail, ValueError())
        wait_all_parked()

    assert census() - before == {}


def test_the_main_greenlet_is_where_the_tests_run():
    assert getcurrent().parent is None

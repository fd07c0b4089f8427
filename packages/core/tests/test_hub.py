"""The hub: one a thread, made on first use, asked for by callbacks, taken down for good."""

from __future__ import annotations

import os
import threading

import pytest

from hublet.core import Hub, InvalidSwitchError, _switch, get_hub, getcurrent, idle, sleep, spawn
from hublet.core.lowlevel import ParkingLot, Waiter, get_hub_if_exists
from hublet.core.testing import FakeClock, assert_no_switch, wait_all_parked


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def in_thread(function) -> object:
    """Run *function* in a native thread of its own and return its result or raise its error."""
    outcome = []

    def run():
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


# Found by thread


def test_there_is_one_hub_for_a_thread():
    assert get_hub() is get_hub()
    assert spawn(get_hub).get() is get_hub()
    assert get_hub_if_exists() is get_hub()


def test_each_thread_has_a_hub_of_its_own():
    def body() -> tuple[object, object]:
        hub = get_hub()
        try:
            return hub, spawn(get_hub).get()
        finally:
            hub.destroy()

    one, seen_by_greenlet = in_thread(body)

    assert one is seen_by_greenlet
    assert one is not get_hub()


def test_a_thread_has_no_hub_until_it_uses_one():
    assert in_thread(get_hub_if_exists) is None


def test_the_hub_knows_its_thread():
    assert get_hub().thread_ident == threading.get_ident()


def test_the_parent_of_the_hub_is_the_main_greenlet():
    assert get_hub().parent is getcurrent()
    assert getcurrent().parent is None


def test_a_hub_first_used_in_a_raw_greenlet_still_belongs_under_the_main_one():
    from greenlet import greenlet

    def body():
        seen = []
        raw = greenlet(lambda: seen.append(get_hub().parent))
        raw.switch()
        hub = get_hub()
        try:
            return seen[0] is getcurrent(), spawn(int).get()
        finally:
            hub.destroy()

    assert in_thread(body) == (True, 0)


def test_a_hub_can_have_a_loop_by_name():
    hub = Hub("selectors")

    assert hub.loop.name == "selectors"
    hub.destroy()


def test_an_unknown_loop_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match="selectors"):
        Hub("nonsense")


def test_its_repr_names_loop_and_thread():
    hub = get_hub()
    assert f"loop={hub.loop.name}" in repr(hub)

    hub.name = "the first"
    try:
        assert "'the first'" in repr(hub)
    finally:
        hub.name = ""


# Callbacks


def test_callbacks_are_called_in_the_hub_in_order():
    seen = []
    for i in range(3):
        get_hub().call_soon(lambda i=i: seen.append((i, getcurrent())))
    assert seen == []

    sleep(0)

    assert seen == [(i, get_hub()) for i in range(3)]


def test_a_callback_gets_its_arguments():
    seen = []

    get_hub().call_soon(lambda *args: seen.append(args), 1, 2)
    sleep(0)

    assert seen == [(1, 2)]


def test_a_cancelled_callback_is_not_called():
    seen = []
    callback = get_hub().call_soon(seen.append, 1)

    callback.cancel()
    callback.cancel()
    sleep(0)

    assert seen == []


def test_asking_for_a_call_does_not_switch():
    seen = []

    with assert_no_switch():
        get_hub().call_soon(seen.append, 1)

    assert seen == []
    sleep(0)


def test_callbacks_and_greenlets_take_turns_in_the_order_in_which_they_came():
    order = []
    get_hub().call_soon(order.append, "callback")
    spawn(order.append, "greenlet")
    get_hub().call_soon(order.append, "other callback")

    wait_all_parked()

    assert order == ["callback", "greenlet", "other callback"]


def test_a_callback_may_ask_for_another():
    order = []
    hub = get_hub()
    hub.call_soon(lambda: (order.append(1), hub.call_soon(order.append, 2)))

    wait_all_parked()

    assert order == [1, 2]


def test_a_callback_may_spawn_and_unpark():
    waiter = Waiter()
    get_hub().call_soon(spawn, waiter.unpark, "value")

    waiter.park()

    assert waiter.value == "value"


# Switching by hand


def test_who_switches_to_the_hub_is_resumed_by_a_switch():
    greenlet = spawn(lambda: get_hub().switch())
    wait_all_parked()

    get_hub().call_soon(greenlet.switch, "value")

    assert greenlet.get() == "value"


def test_the_hub_waits_for_what_has_links():
    greenlet = spawn(sleep, 0)

    assert get_hub().wait(greenlet) is True

    assert greenlet.ready()
    assert get_hub().wait(greenlet) is True


def test_the_hub_gives_up_waiting_when_the_time_is_up(clock: FakeClock):
    start = clock.now()
    greenlet = spawn(sleep, 100)

    assert get_hub().wait(greenlet, timeout=5) is False

    assert clock.now() == start + 5
    assert not greenlet.has_links()
    greenlet.kill()


def test_who_is_killed_while_the_hub_waits_for_it_leaves_no_link():
    lot = ParkingLot()
    greenlet = spawn(lot.park)
    waiting = spawn(get_hub().wait, greenlet)
    wait_all_parked()
    assert greenlet.has_links()

    waiting.kill()

    assert not greenlet.has_links()
    greenlet.kill()


# The end


def test_after_its_hub_was_destroyed_a_thread_gets_a_new_one():
    def body():
        first = get_hub()
        sleep(0)
        spawn(int).get()
        first.destroy()
        assert get_hub_if_exists() is None
        second = get_hub()
        assert spawn(lambda: "works").get() == "works"
        second.destroy()
        return first is not second, first.dead, second.dead

    assert in_thread(body) == (True, True, True)


def test_a_hub_that_never_ran_can_be_destroyed():
    def body():
        get_hub().destroy()
        return get_hub_if_exists()

    assert in_thread(body) is None


def test_destroying_gives_the_descriptors_of_the_loop_back():
    before = descriptors()

    def body():
        hub = get_hub()
        sleep(0.001)
        hub.destroy()

    for _ in range(3):
        in_thread(body)

    assert descriptors() == before


def test_destroying_may_leave_the_loop_to_its_owner():
    def body():
        hub = get_hub()
        sleep(0.001)
        loop = hub.loop
        hub.destroy(destroy_loop=False)
        loop.poll(0)
        loop.close()
        return hub.dead

    assert in_thread(body) is True


def test_what_was_registered_is_called_at_the_end_the_last_first():
    def body():
        order = []
        hub = get_hub()
        hub.at_close(lambda: order.append("first"))
        hub.at_close(lambda: order.append("second"))
        hub.destroy()
        return order

    assert in_thread(body) == ["second", "first"]


def test_destroying_twice_is_harmless():
    def body():
        hub = get_hub()
        spawn(int).get()
        hub.destroy()
        hub.destroy()
        return hub.dead

    assert in_thread(body) is True


def test_a_hub_cannot_destroy_itself():
    errors = []

    def callback():
        try:
            get_hub().destroy()
        except InvalidSwitchError as error:
            errors.append(error)

    get_hub().call_soon(callback)
    sleep(0)

    assert "main greenlet" in str(errors[0])


@pytest.mark.parametrize("where", ["in the loop", "in a callback", "in a greenlet", "in a link"])
def test_a_hub_can_be_destroyed_after_ctrl_c(script, where: str):
    """The main greenlet was interrupted out of the hub, which is still in the middle of whatever it did."""
    printed = script(
        f"""
where = {where!r}
import signal
from hublet.core import get_hub, spawn, sleep
from hublet.core.lowlevel import get_hub_if_exists

def interrupt(*args):
    raise KeyboardInterrupt

hub = get_hub()
if where == "in the loop":
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
elif where == "in a callback":
    hub.call_soon(interrupt)
elif where == "in a greenlet":
    spawn(interrupt)
else:
    spawn(int).rawlink(interrupt)
try:
    sleep(10)
except KeyboardInterrupt:
    print("interrupted")
hub.destroy()
print(hub.dead, get_hub_if_exists())
print(spawn(lambda: "works").get())
"""
    )

    assert printed.splitlines() == ["interrupted", "True None", "works"]


def test_a_hub_can_be_destroyed_after_a_loop_exit(script):
    printed = script(
        """
from hublet.core import LoopExit, get_hub, spawn
from hublet.core.lowlevel import Waiter

try:
    Waiter().park()
except LoopExit:
    print("nothing left")
hub = get_hub()
hub.destroy()
print(hub.dead)
print(spawn(lambda: "works").get())
"""
    )

    assert printed.splitlines() == ["nothing left", "True", "works"]


def test_a_program_that_ends_with_greenlets_parked_ends(script):
    printed = script(
        """
from hublet.core import sleep, spawn
from hublet.core.lowlevel import ParkingLot

lot = ParkingLot()
for _ in range(10):
    spawn(sleep, 1000)
    spawn(lot.park)
sleep(0.001)
print("end")
"""
    )

    assert printed == "end"


def test_importing_core_makes_no_hub(script):
    printed = script(
        """
import hublet.core, hublet.core.lowlevel, hublet.core.testing, hublet.core.resolvers
print(hublet.core.lowlevel.get_hub_if_exists())
"""
    )

    assert printed == "None"


def test_importing_core_loads_neither_sockets_nor_threads_nor_asyncio(script):
    printed = script(
        """
import sys
before = set(sys.modules)
import hublet.core
print(*sorted({"asyncio", "logging", "socket", "threading", "importlib.metadata", "inspect"} & (set(sys.modules) - before)))
"""
    )

    assert printed == ""


def test_the_scheduler_of_the_thread_is_that_of_the_hub():
    assert _switch.thread_scheduler() is get_hub().scheduler


def test_the_hub_is_idle_when_nothing_is_ready():
    idle()

    assert len(get_hub().scheduler.ready) == 0

"""`contextvars`: each greenlet has a context of its own, a copy of its spawner's."""

from __future__ import annotations

import contextvars
import gc
import threading
import weakref

import pytest

from hublet.core import Greenlet, get_hub, joinall, sleep, spawn, spawn_later
from hublet.core.testing import FakeClock, wait_all_parked

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")


@pytest.fixture(autouse=True)
def _unset():
    token = variable.set("outer")
    yield
    variable.reset(token)


def test_a_greenlet_sees_what_was_set_when_it_was_spawned():
    assert spawn(variable.get).get() == "outer"


def test_what_a_greenlet_sets_stays_its_own():
    def body() -> str:
        variable.set("inner")
        sleep(0)
        return variable.get()

    assert spawn(body).get() == "inner"
    assert variable.get() == "outer"


def test_siblings_do_not_see_each_others():
    def body(value: str) -> list[str]:
        seen = []
        variable.set(value)
        for _ in range(3):
            sleep(0)
            seen.append(variable.get())
        return seen

    greenlets = [spawn(body, value) for value in "abc"]
    joinall(greenlets)

    assert [greenlet.value for greenlet in greenlets] == [["a"] * 3, ["b"] * 3, ["c"] * 3]


@pytest.mark.parametrize(
    "make",
    [
        spawn,
        Greenlet.spawn,
        lambda function: spawn_later(1, function),
        lambda function: Greenlet.spawn_later(1, function),
    ],
    ids=["spawn", "Greenlet.spawn", "spawn_later", "Greenlet.spawn_later"],
)
def test_what_is_set_after_the_spawning_is_not_seen(clock: FakeClock, make):
    greenlet = make(variable.get)

    variable.set("later")

    assert greenlet.get() == "outer"
    variable.set("outer")


def test_the_context_is_copied_when_the_greenlet_is_made_not_when_it_starts():
    greenlet = Greenlet(variable.get)
    variable.set("later")

    greenlet.start()

    assert greenlet.get() == "outer"


def test_a_child_inherits_what_its_parent_has_set():
    def parent() -> str:
        variable.set("parent")
        return spawn(variable.get).get()

    assert spawn(parent).get() == "parent"


def test_a_context_can_be_given():
    context = contextvars.copy_context()
    context.run(variable.set, "given")

    def body() -> str:
        seen = variable.get()
        variable.set("changed")
        return seen

    greenlet = Greenlet(body, context=context)
    greenlet.start()

    assert greenlet.get() == "given"
    assert context[variable] == "changed"
    assert variable.get() == "outer"


def test_an_empty_context_can_be_given():
    greenlet = Greenlet.spawn(variable.get, context=contextvars.Context())

    assert greenlet.get() == "default"


def test_two_greenlets_may_share_a_context_one_after_the_other():
    context = contextvars.copy_context()
    Greenlet.spawn(variable.set, "first", context=context).join()

    assert Greenlet.spawn(variable.get, context=context).get() == "first"


def test_its_context_can_be_looked_at():
    context = contextvars.copy_context()
    greenlet = Greenlet(int, context=context)

    assert greenlet.gr_context is context


def test_switching_in_the_middle_of_a_context_run_keeps_it():
    def inside() -> str:
        variable.set("inside")
        sleep(0)
        return variable.get()

    def body() -> tuple[str, str]:
        context = contextvars.copy_context()
        return context.run(inside), variable.get()

    greenlets = [spawn(body) for _ in range(3)]
    joinall(greenlets)

    assert [greenlet.value for greenlet in greenlets] == [("inside", "outer")] * 3


def test_callbacks_do_not_run_in_the_context_of_whoever_parks():
    seen = []
    get_hub().call_soon(lambda: (variable.set("in the hub"), seen.append(variable.get())))

    sleep(0)

    assert seen == ["in the hub"]
    assert variable.get() == "outer"


def test_a_link_runs_in_a_context_that_does_not_reach_the_greenlet():
    greenlet = spawn(variable.get)
    greenlet.link(lambda source: variable.set("in the link"))
    wait_all_parked()

    assert variable.get() == "outer"
    assert greenlet.value == "outer"


def test_a_thread_that_never_set_a_variable_spawns_all_the_same():
    seen = []

    def body() -> None:
        seen.append(spawn(variable.get).get())
        seen.append(spawn(lambda: (variable.set("mine"), sleep(0), variable.get())[2]).get())
        seen.append(variable.get())
        get_hub().destroy()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

    assert seen == ["default", "mine", "default"]


def test_what_a_greenlet_has_set_is_let_go_with_it():
    class Value:
        pass

    big: contextvars.ContextVar[object] = contextvars.ContextVar("big")
    gone = []

    def body() -> None:
        value = Value()
        gone.append(weakref.ref(value))
        big.set(value)

    greenlet = spawn(body)
    greenlet.join()
    del greenlet
    wait_all_parked()
    gc.collect()

    assert gone[0]() is None

"""`local`: attributes of which every greenlet has its own."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref

import greenlet
import pytest

from hublet.core import Greenlet, get_hub, getcurrent, joinall, sleep, spawn, spawn_raw
from hublet.core.testing import wait_all_parked
from hublet.pool import local


class Thing:
    """Something that can be referenced weakly."""


class Counted(local):
    """Its attributes begin with what it was made with."""

    def __init__(self, start, *, step=1):
        self.number = start
        self.step = step
        made.append(getcurrent())


made: list = []


@pytest.fixture(autouse=True)
def _forget_made():
    made.clear()


def test_each_greenlet_has_its_own_value():
    here = local()
    found = []

    def use(number):
        here.number = number
        sleep(0)
        found.append(here.number)

    joinall([spawn(use, i) for i in range(5)], raise_error=True)

    assert found == [0, 1, 2, 3, 4]


def test_an_attribute_of_another_greenlet_is_an_attribute_error():
    here = local()
    here.name = "mine"

    def use():
        with pytest.raises(AttributeError, match="local' object has no attribute 'name'"):
            here.name  # noqa: B018
        with pytest.raises(AttributeError):
            del here.name
        assert not hasattr(here, "name")
        assert vars(here) == {}

    spawn(use).get()

    assert here.name == "mine"
    del here.name
    assert not hasattr(here, "name")


def test_init_is_called_once_in_each_greenlet_with_the_arguments_of_the_first():
    here = Counted(7, step=2)

    def use():
        assert (here.number, here.step) == (7, 2)
        here.number += here.step
        return here.number

    first, second = spawn(use), spawn(use)

    assert (first.get(), second.get(), here.number) == (9, 9, 7)
    assert made == [getcurrent(), first, second]


def test_a_greenlet_in_which_init_fails_has_nothing_and_may_try_again():
    fails = []

    class Picky(local):
        def __init__(self):
            self.ready = True
            if fails:
                raise fails.pop()

    here = Picky()
    fails.append(KeyError("not now"))

    def use():
        with pytest.raises(KeyError):
            here.ready  # noqa: B018
        return here.ready

    assert spawn(use).get() is True


def test_arguments_without_an_init_are_a_type_error():
    for arguments, keywords in (((1,), {}), ((), {"a": 1})):
        with pytest.raises(TypeError, match=r"local\(\) takes no arguments"):
            local(*arguments, **keywords)


def test_slots_properties_and_class_attributes_of_a_subclass_are_shared():
    class Special(local):
        __slots__ = ("shared",)
        constant = 1

        @property
        def double(self):
            return 2 * self.number

        @double.setter
        def double(self, value):
            self.number = value / 2

        def __getattr__(self, name):
            return f"no {name}"

    here = Special()
    here.shared = []
    here.double = 8

    def use():
        assert here.number == "no number"
        here.shared.append(1)
        here.constant = 5
        here.number = 3
        return here.double, here.constant

    assert spawn(use).get() == (6, 5)
    assert (here.shared, here.number, here.double, here.constant) == ([1], 4, 8, 1)
    del here.shared
    assert here.shared == "no shared"


def test_its_dictionary_is_that_of_the_greenlet_and_cannot_be_replaced():
    here = local()
    here.__dict__["a"] = 1

    assert here.a == 1
    assert "a" in dir(here)
    with pytest.raises(AttributeError, match="read-only"):
        here.__dict__ = {}
    with pytest.raises(AttributeError, match="read-only"):
        del here.__dict__


def test_a_copy_is_independent():
    here = Counted(1)
    here.number = 5
    here.items = [1]

    copied = copy.copy(here)
    copied.number = 6

    assert type(copied) is Counted
    assert (here.number, copied.number) == (5, 6)
    assert copied.items is here.items
    assert spawn(lambda: (here.number, copied.number)).get() == (1, 1)


@pytest.mark.parametrize("function", [copy.deepcopy, pickle.dumps])
def test_it_cannot_be_pickled_or_copied_deeply(function):
    own = local()
    own.x = 1

    with pytest.raises(TypeError, match="every greenlet has its own"):
        function(own)


def test_values_are_freed_when_the_greenlet_ends_though_its_object_is_referenced():
    here, things = local(), []

    def use():
        here.thing = Thing()
        things.append(weakref.ref(here.thing))

    greenlets = [spawn(use) for _ in range(3)]
    joinall(greenlets)
    wait_all_parked()

    assert [thing() for thing in things] == [None] * 3
    assert all(each.ready() for each in greenlets)


def test_values_of_a_killed_greenlet_are_freed():
    here, things = local(), []

    def use():
        here.thing = Thing()
        things.append(weakref.ref(here.thing))
        sleep(100)

    victim = spawn(use)
    wait_all_parked()
    assert things[0]() is not None
    victim.kill()
    wait_all_parked()

    assert things[0]() is None


def test_values_of_a_raw_greenlet_are_freed_with_its_object():
    here, things = local(), []

    def use():
        here.thing = Thing()
        things.append(weakref.ref(here.thing))

    raw = greenlet.greenlet(use)
    raw.switch()
    del raw
    spawn_raw(use)
    wait_all_parked()

    assert [thing() for thing in things] == [None] * 2


def test_values_of_a_native_thread_are_freed_when_it_ends(in_threads):
    here, things = local(), []
    here.thing = None

    def use():
        assert not hasattr(here, "thing")
        here.thing = Thing()
        things.append(weakref.ref(here.thing))

    def with_hub():
        use()
        spawn(use).get()  # whose end the hub had no time to tell anybody of

    in_threads(use, use, with_hub)
    gc.collect()

    assert [thing() for thing in things] == [None] * 4
    assert here.thing is None


def test_values_are_freed_with_the_local_and_no_greenlet_keeps_a_trace_of_it():
    def use():
        for _ in range(10):
            here = local()
            here.thing = Thing()
            thing, gone = weakref.ref(here.thing), weakref.ref(here)
            del here
            assert gone() is None and thing() is None
        return getcurrent().has_links()

    assert spawn(use).get() is False


def test_a_local_in_its_own_values_is_collected():
    here = local()
    here.itself = here
    gone = weakref.ref(here)

    del here
    gc.collect()

    assert gone() is None


def test_greenlets_that_get_the_address_of_a_dead_one_do_not_get_its_values():
    here = local()

    def use(i):
        assert not hasattr(here, "number")
        here.number = i

    for i in range(200):
        spawn(use, i).get()
        raw = greenlet.greenlet(use)
        raw.switch(i)
        del raw


def test_the_hub_and_a_greenlet_subclass_have_values_of_their_own(in_hub):
    here = local()
    here.x = "main"

    class Special(Greenlet):
        def _run(self):
            here.x = "special"
            return here.x

    assert in_hub(hasattr, here, "x") is False
    in_hub(setattr, here, "x", "hub")

    assert Special.spawn().get() == "special"
    assert in_hub(getattr, here, "x") == "hub"
    assert here.x == "main"
    assert get_hub() is not None


def test_many_threads_and_greenlets_at_once(in_threads):
    here = Counted(0)

    def use():
        for _ in range(50):
            here.number += 1
            sleep(0)
        assert here.number == 50

    def beside():
        joinall([spawn(use) for _ in range(10)], raise_error=True)
        for _ in range(300):
            here.number += 1
        assert here.number == 300

    in_threads(*[beside] * 4, use, use)


def test_a_finalizer_may_use_the_local_that_drops_its_object():
    here, seen = local(), []

    class Late:
        def __del__(self):
            here.note = "late"
            seen.append(here.note)

    def use():
        here.late = Late()
        here.late = None
        assert here.note == "late"
        here.late = Late()

    spawn(use).get()
    wait_all_parked()

    assert len(seen) == 2


def test_it_is_made_in_a_thread_and_used_in_others():
    box = []
    thread = threading.Thread(target=lambda: box.append(Counted(3)))
    thread.start()
    thread.join()

    assert box[0].number == 3


def test_all_names_of_the_class_begin_with_an_underscore():
    # Compiled, what does not is not looked for in it.
    assert [name for name in dir(local) if not name.startswith("_")] == []


def test_what_a_subclass_has_is_found_whatever_its_name():
    class Named(local):
        number = 1

        @property
        def double(self):
            return self.number * 2

    here = Named()
    here.number = 2

    assert (here.number, here.double) == (2, 4)
    with pytest.raises(AttributeError):
        here.double = 5

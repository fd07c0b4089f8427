"""Patch records: how they are found, ordered and applied, shown with distributions that the tests make up."""

from __future__ import annotations

import pytest

from hublet.core.patching import Patch
from hublet.monkey._discover import select
from hublet.monkey.errors import PatchError


def record(feature, *after):
    return Patch(feature, "time", "time", (), after)


# The order


def test_a_feature_comes_after_those_that_it_names():
    first, second, third = record("a", "b", "c"), record("b"), record("c", "b")

    assert select([first, second, third], {"a", "b", "c"}) == [second, third, first]


def test_all_records_of_a_feature_come_before_what_waits_for_it():
    records = [record("a", "b"), record("b"), record("c"), record("b")]

    assert select(records, {"a", "b", "c"}) == [records[1], records[2], records[3], records[0]]


def test_what_is_not_wanted_is_left_out_and_not_waited_for():
    records = [record("a", "b", "unknown"), record("b")]

    assert select(records, {"a"}) == [records[0]]


def test_a_feature_may_name_itself_without_waiting_for_itself():
    records = [record("a", "a"), record("a")]

    assert select(records, {"a"}) == records


def test_features_that_wait_for_each_other_are_an_error():
    with pytest.raises(PatchError, match="'a' after .*'b' after"):
        select([record("a", "b"), record("b", "a")], {"a", "b"})


# Finding them


def test_a_distribution_that_is_installed_is_found(interpreter):
    interpreter.add_distribution("made-up", "Patch('colours', 'colorsys', __name__, ('rgb_to_hsv',))", "rgb_to_hsv = 1")

    printed = interpreter.script(
        """
        import colorsys, hublet.monkey
        hublet.monkey.patch_all()
        print(colorsys.rgb_to_hsv, hublet.monkey.is_module_patched("colorsys"))
        """
    )

    assert printed == "1 True"


def test_a_distribution_that_cannot_be_loaded_is_an_error_before_anything_is_replaced(interpreter):
    interpreter.add_distribution("broken", "", "import no_such_module")

    printed = interpreter.script(
        """
        import time, hublet.monkey
        from hublet.core.plugins import PluginError
        before = time.sleep
        try:
            hublet.monkey.patch_all()
        except PluginError as error:
            print(error)
        print(time.sleep is before, hublet.monkey.saved)
        """
    )

    assert "no_such_module" in printed and "broken" in printed
    assert printed.endswith("True {}")


def test_an_entry_point_that_names_something_else_is_an_error(interpreter):
    interpreter.add_distribution("nonsense", "'a string'")

    printed = interpreter.script(
        """
        import hublet.monkey
        try:
            hublet.monkey.patch_all()
        except hublet.monkey.PatchError as error:
            print(error)
        """
    )

    assert "'nonsense'" in printed and "'a string'" in printed


# Applying them


def test_every_replacement_is_imported_before_anything_is_replaced(interpreter):
    interpreter.add_distribution("early", "Patch('colours', 'colorsys', __name__, ('rgb_to_hsv',))", "rgb_to_hsv = 'replaced'")
    interpreter.write("late_module.py", "import colorsys\nseen = colorsys.rgb_to_hsv\nhsv_to_rgb = 'replaced too'")
    interpreter.add_distribution("late", "Patch('colours', 'colorsys', 'late_module', ('hsv_to_rgb',))")

    printed = interpreter.script(
        """
        import hublet.monkey
        hublet.monkey.patch_all()
        import colorsys, late_module
        print(colorsys.rgb_to_hsv, colorsys.hsv_to_rgb, callable(late_module.seen))
        """
    )

    assert printed == "replaced replaced too True"


@pytest.mark.parametrize("broken", ["Patch('x', 'colorsys', 'no_such_module', ('rgb_to_hls',))", "MISNAMED"])
def test_if_one_replacement_does_not_exist_nothing_is_replaced(interpreter, broken):
    broken = broken.replace("MISNAMED", "Patch('x', 'colorsys', __name__, ('rgb_to_hls',))")
    interpreter.add_distribution("good", "Patch('a', 'colorsys', __name__, ('rgb_to_hsv',))", "rgb_to_hsv = 1")
    interpreter.add_distribution("unfinished", broken)

    printed = interpreter.script(
        """
        import colorsys, hublet.monkey
        try:
            hublet.monkey.patch_all()
        except (ImportError, hublet.monkey.PatchError) as error:
            print(type(error).__name__, callable(colorsys.rgb_to_hsv), hublet.monkey.is_anything_patched())
        """
    )

    assert printed.endswith("True False")


def test_a_name_that_this_python_does_not_have_is_passed_over(interpreter):
    interpreter.add_distribution(
        "portable", "Patch('a', 'colorsys', __name__, ('rgb_to_hsv', 'elsewhere'))", "rgb_to_hsv = elsewhere = 1"
    )

    printed = interpreter.script(
        """
        import colorsys, hublet.monkey
        hublet.monkey.patch_all()
        print(colorsys.rgb_to_hsv, hasattr(colorsys, "elsewhere"), list(hublet.monkey.saved["colorsys"]))
        """
    )

    assert printed == "1 False ['rgb_to_hsv']"


def test_a_class_is_patched_in_place_for_instances_and_subclasses_that_exist(interpreter):
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
        from fractions import Fraction
        class Sub(Fraction): pass
        old = Fraction(1, 2), Sub(1, 2)
        import hublet.monkey
        hublet.monkey.patch_all()
        print([each.limit_denominator() for each in old])
        original = hublet.monkey.get_original("fractions:Fraction", "limit_denominator")
        print(original(Fraction(1, 3), 2))
        print(hublet.monkey.is_module_patched("fractions"), hublet.monkey.is_module_patched("fraction"))
        print(hublet.monkey.is_object_patched("fractions:Fraction", "limit_denominator"))
        """
    )

    assert printed.splitlines() == ["['ours', 'ours']", "1/2", "True False", "True"]


def test_a_hook_is_called_once_after_the_names_are_replaced(interpreter):
    interpreter.add_distribution(
        "hooked",
        "Patch('a', 'colorsys', __name__, ('rgb_to_hsv',), hook=hook)",
        """
        rgb_to_hsv = "replaced"
        def hook():
            import colorsys
            print("hook sees", colorsys.rgb_to_hsv)
        """,
    )

    printed = interpreter.script("import colorsys, hublet.monkey as m; m.patch_all(); m.patch_all()")

    assert printed == "hook sees replaced"

"""The one door to what other distributions offer."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from hublet.core import plugins


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a distribution with entry points, and the modules that they name, on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "_groups", {})

    def install(distribution: str, entry_points: str, **modules: str) -> None:
        folder = tmp_path / f"{distribution}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(entry_points)
        for name, code in modules.items():
            (tmp_path / f"{name}.py").write_text(code)
            monkeypatch.delitem(sys.modules, name, raising=False)

    return install


def test_what_is_installed_is_found_by_its_group(install):
    install("first", "[some.group]\nbeta = first_module:thing\n[other.group]\ngamma = first_module:thing\n")
    install("second", "[some.group]\nalpha = second_module:thing\n")

    assert plugins.names("some.group") == ["alpha", "beta"]
    assert plugins.names("other.group") == ["gamma"]
    assert plugins.names("no.group") == []


def test_a_plug_in_is_imported_when_it_is_loaded_and_not_before(install):
    install("first", "[some.group]\nname = first_module:thing\n", first_module="thing = object()\n")

    plugins.names("some.group")
    assert "first_module" not in sys.modules

    assert plugins.load("some.group", "name") is sys.modules["first_module"].thing


def test_an_unknown_name_is_a_key_error(install):
    with pytest.raises(KeyError):
        plugins.load("some.group", "nonsense")


@pytest.mark.parametrize(
    "code, cause",
    [("import a_module_that_is_not_there\n", ModuleNotFoundError), ("thing = 1 / 0\n", ZeroDivisionError), ("", AttributeError)],
)
def test_one_that_cannot_be_loaded_is_an_error_with_the_cause_and_the_cure(install, code: str, cause: type[Exception]):
    install("first", "[some.group]\nname = first_module:thing\n", first_module=code)

    with pytest.raises(plugins.PluginError, match="reinstall the distribution 'first'") as caught:
        plugins.load("some.group", "name")

    assert isinstance(caught.value.__cause__, cause)
    assert isinstance(caught.value, ImportError)
    assert "'name'" in str(caught.value)


def test_the_metadata_is_read_once_for_a_group(install, monkeypatch: pytest.MonkeyPatch):
    install("first", "[some.group]\nname = first_module:thing\n")
    reads = []
    original = plugins._read_folders
    monkeypatch.setattr(plugins, "_read_folders", lambda group: reads.append(group) or original(group))

    for _ in range(3):
        plugins.names("some.group")

    assert reads == ["some.group"]


def test_what_folders_hold_is_what_importlib_finds():
    for group in ("hublet.core.resolvers", "hublet.monkey.patches", "console_scripts"):
        ours = {(each.name, each.value) for each in plugins._read_folders(group)}
        theirs = {(each.name, each.value) for each in plugins._ask_importlib(group)}

        assert ours == theirs
    assert ours


def test_the_format_is_read_with_its_liberties(install):
    install(
        "first",
        "# a comment\n[other.group]\nname = elsewhere:thing\n\n[some.group]\n ; another\n"
        "name=first_module:Thing.inner [an_extra]\n",
        first_module="class Thing:\n    inner = 7\n",
    )

    assert plugins.load("some.group", "name") == 7


def test_the_first_on_the_path_hides_another_version(install, tmp_path, monkeypatch: pytest.MonkeyPatch):
    install("some_thing", "[some.group]\nname = new:thing\n")
    older = tmp_path / "older" / "Some_Thing-0.1.dist-info"
    older.mkdir(parents=True)
    (older / "entry_points.txt").write_text("[some.group]\nold = old:thing\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "older")])

    assert plugins.names("some.group") == ["name"]


def test_in_an_archive_importlib_looks(tmp_path, monkeypatch: pytest.MonkeyPatch):
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("packed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: packed\nVersion: 1.0\n")
        file.writestr("packed-1.0.dist-info/entry_points.txt", "[some.group]\nname = packed_module:thing\n")
    monkeypatch.syspath_prepend(archive)
    monkeypatch.setattr(plugins, "_groups", {})

    assert plugins.names("some.group") == ["name"]

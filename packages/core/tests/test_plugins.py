"""The one door to what other distributions offer."""

from __future__ import annotations

import sys
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
    import importlib.metadata

    install("first", "[some.group]\nname = first_module:thing\n")
    reads = []
    original = importlib.metadata.entry_points
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **kwargs: reads.append(kwargs) or original(**kwargs))

    for _ in range(3):
        plugins.names("some.group")

    assert reads == [{"group": "some.group"}]

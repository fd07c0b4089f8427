"""One version number, and what else all distributions say in the same words."""

from __future__ import annotations

import re
from pathlib import Path

import changelog
import pytest
import version

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))


@pytest.fixture
def tree(tmp_path):
    """Return a repository with two distributions of version 0.1.0, and one change."""
    core = '[project]\nname = "hublet-core"\nversion = "0.1.0"\ndependencies = ["greenlet>=3.1"]\n'
    net = (
        '[project]\nname = "hublet-net"\nversion = "0.1.0"\ndependencies = ["hublet-core==0.1.0"]\n'
        '[project.optional-dependencies]\nall = ["hublet-net[http]", "httptools>=0.6"]\n'
    )
    for name, text in (("core", core), ("net", net)):
        folder = tmp_path / "packages" / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")
        (folder / "CHANGELOG.md").write_text("# Changes\n\n## Unreleased\n\nThe first version.\n", encoding="utf-8")
    fragment = tmp_path / "packages/net/changes/timeout.md"
    fragment.parent.mkdir()
    fragment.write_text("`recv_into()` honours a timeout\nthat is set while it waits.\n", encoding="utf-8")
    return tmp_path


def replace(root, name, old, new):
    path = root / "packages" / name / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_distribution_has_the_version_and_the_pins_of_core():
    assert version.problems(ROOT) == []


def test_the_extra_all_of_monkey_names_every_other_distribution():
    text = (ROOT / "packages/monkey/pyproject.toml").read_text(encoding="utf-8")

    extra = re.search(r"^all = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL)

    assert extra is not None
    others = {f"hublet-{package.name}" for package in PACKAGES} - {"hublet-monkey"}
    assert {name for name, _ in version.requirements(extra[1])} == others


def test_every_distribution_names_the_same_pythons():
    lines = {
        package.name: re.findall(r"^requires-python.*|.*Python :: 3\.\d+.*", text, re.MULTILINE)
        for package in PACKAGES
        for text in [(package / "pyproject.toml").read_text(encoding="utf-8")]
    }

    assert lines["core"]
    assert {name for name, found in lines.items() if found != lines["core"]} == set()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_distribution_carries_the_licence(package):
    assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_every_change_is_told_in_one_finished_sentence():
    assert changelog.problems(ROOT) == []


def test_two_distributions_of_one_version_pass(tree):
    assert version.problems(tree) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version = "0.1.0"', 'version = "0.1.1"', "the version is 0.1.1, core's is 0.1.0"),
        ('"hublet-core==0.1.0"', '"greenlet"', "hublet-net does not require hublet-core==0.1.0"),
        ("hublet-core==0.1.0", "hublet-core", "must be pinned as hublet-core==0.1.0, not hublet-core."),
        ("hublet-core==0.1.0", "hublet-core>=0.1.0", "not hublet-core>=0.1.0"),
        ("hublet-core==0.1.0", "hublet-core == 0.1.1", "not hublet-core== 0.1.1"),
        ("httptools>=0.6", "hublet-lost==0.1.0", "hublet-lost is required, but is no distribution of ours"),
        ('name = "hublet-net"', 'name = "hublet-network"', "must be named hublet-net"),
    ],
)
def test_a_lost_version_or_pin_is_found(tree, old, new, message):
    replace(tree, "net", old, new)

    found = version.problems(tree)

    assert any(message in problem for problem in found), found
    assert version.main(["--check", "--root", str(tree)]) == 1


def test_the_command_writes_version_and_pins_and_nothing_else(tree):
    before = (tree / "packages/net/pyproject.toml").read_text(encoding="utf-8")

    assert version.main(["0.2.0rc1", "--root", str(tree)]) == 0

    assert (tree / "packages/net/pyproject.toml").read_text(encoding="utf-8") == before.replace("0.1.0", "0.2.0rc1")
    assert version.problems(tree) == []


def test_the_command_refuses_what_is_no_version(tree, capsys):
    with pytest.raises(SystemExit):
        version.main(["soon", "--root", str(tree)])

    assert "'soon' is not a version" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["no capital.", "- A bullet.", "Two paragraphs.\n\nHere.", "No end", "# Title.", ""])
def test_a_fragment_that_is_no_sentence_is_found(tree, text):
    (tree / "packages/net/changes/timeout.md").write_text(text, encoding="utf-8")

    assert len(changelog.problems(tree)) == 1
    assert changelog.main(["--root", str(tree)]) == 1


def test_a_release_moves_the_fragments_under_its_number(tree):
    changelog.release(tree, "0.1.0", "2030-01-31")

    text = (tree / "packages/net/CHANGELOG.md").read_text(encoding="utf-8")
    assert text == (
        "# Changes\n\n## Unreleased\n\n## 0.1.0 (2030-01-31)\n\n"
        "- `recv_into()` honours a timeout that is set while it waits.\n\nThe first version.\n"
    )
    assert list((tree / "packages/net/changes").iterdir()) == []
    text = (tree / "packages/core/CHANGELOG.md").read_text(encoding="utf-8")
    assert "## 0.1.0 (2030-01-31)\n\nThe first version.\n" in text

"""Nobody imports what lies beside it: the rules of `tools/layers.py` hold here, and each of them can fail."""

from __future__ import annotations

from pathlib import Path

import layers
import pytest

ROOT = Path(__file__).resolve().parent.parent

SMALL_TABLE = """
__init__   *
errors
_hub       errors loops
           | _park
_park      _hub errors
loops
"""

SMALL_CORE = {
    "core/__init__.py": "from ._hub import Hub as Hub\n",
    "core/errors.py": "",
    "core/_hub.py": "from . import errors\nfrom .loops import make\ndef wait():\n    from ._park import Waiter\n",
    "core/_park.py": "from ._hub import Hub\nfrom .errors import LoopExit\n",
    "core/loops/__init__.py": "",
}


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes a repository of the given files and returns its folder."""

    def make(files):
        for name, text in files.items():
            distribution = name.partition("/")[0]
            path = tmp_path / "packages" / distribution / "src" / "hublet" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            (tmp_path / "packages" / distribution / "src" / "hublet" / distribution / "py.typed").touch()
        return tmp_path

    return make


def test_there_is_something_to_check():
    found = layers.distributions(ROOT)

    assert {"core", "sync", "pool", "net", "process", "dns", "monkey"} <= set(found)
    assert any(path.suffix == ".pyx" for path, _ in layers.modules(found["core"]))


def test_no_distribution_imports_its_neighbour_or_what_is_private_to_core():
    assert layers.sideways(ROOT) == []


def test_core_never_imports_itself_by_name():
    assert layers.portable(ROOT) == []


def test_nobody_owns_the_namespace_and_each_portion_is_typed():
    assert layers.namespace(ROOT) == []


def test_the_modules_of_core_import_what_the_table_allows():
    assert layers.inside(ROOT) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("net/socket.py", "from hublet.sync import Event\n", "hublet.net may not know hublet.sync"),
        ("net/socket.py", "import hublet.dns.thread as thread\n", "hublet.net may not know hublet.dns.thread"),
        ("net/socket.py", "from hublet import pool\n", "hublet.net may not know hublet.pool"),
        ("net/socket.py", "import hublet\n", "hublet.net may not know hublet"),
        ("net/socket.py", "from ..process import os\n", "hublet.net may not know hublet.process"),
        ("net/http/parser.py", "from ...sync import Event\n", "hublet.net may not know hublet.sync"),
        ("net/socket.py", "def late():\n    from hublet.pool import Pool\n", "hublet.net may not know hublet.pool"),
        ("net/socket.py", "if TYPE_CHECKING:\n    from hublet.pool import Pool\n", "may not know hublet.pool"),
        ("monkey/_find.py", "import_module('hublet.net')\n", "hublet.monkey may not know hublet.net"),
        ("monkey/_find.py", "PATCHES = ['hublet.net._patches:PATCHES']\n", "may not know hublet.net._patches"),
        ("sync/event.py", "from hublet.core import _park\n", "_park is private to hublet.core"),
        ("sync/event.py", "from hublet.core._park import Waiter\n", "_park is private to hublet.core"),
        ("sync/event.py", "import hublet.core.loops._epoll\n", "_epoll is private to hublet.core"),
        ("sync/event.py", "from ..core._park import Waiter\n", "_park is private to hublet.core"),
        ("sync/_fast.pyx", "from hublet.core._park cimport Waiter\n", "_park is private to hublet.core"),
        ("sync/_fast.pyx", "cimport hublet.pool\n", "hublet.sync may not know hublet.pool"),
    ],
)
def test_a_sideways_or_private_import_is_found(tree, name, text, message):
    found = layers.sideways(tree({name: text}))

    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "from hublet.core import spawn\n",
        "from hublet.core.lowlevel import ParkingLot\n",
        "import hublet.core.testing\n",
        "from hublet.core import __version__\n",
        "from hublet.sync._lists import Links\n",
        "from ._lists import Links\n",
        "'''Like `hublet.net`, which is a neighbour.'''\n",
    ],
)
def test_a_public_or_own_import_is_no_sideways_one(tree, text):
    assert layers.sideways(tree({"sync/event.py": text})) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("core/_hub.py", "from hublet.core import errors\n", "core must not name itself"),
        ("core/_hub.py", "import hublet.core.errors\n", "core must not name itself"),
        ("core/_hub.py", "import hublet\n", "core must not name itself"),
        ("core/_hub.py", "def late():\n    from hublet.core.errors import LoopExit\n", "core must not name itself"),
        ("core/_hub.py", "log = getLogger('hublet.core')\n", "core must not name itself"),
        ("core/_hub.py", "load(f'hublet.{name}')\n", "core must not name itself"),
        ("core/_hub.py", "from ..net import socket\n", "leads out of core"),
        ("core/_hub.py", "from .. import net\n", "leads out of core"),
        ("core/loops/_epoll.py", "from ...net import socket\n", "leads out of core"),
        ("core/_ring.pyx", "from hublet.core._entry cimport Entry\n", "core must not name itself"),
        ("core/_ring.pxd", "cimport hublet.core._entry\n", "core must not name itself"),
    ],
)
def test_an_absolute_import_in_core_is_found(tree, name, text, message):
    found = layers.portable(tree({name: text}))

    assert len(found) == 1
    assert message in found[0]


def test_relative_imports_keep_core_portable(tree):
    files = {
        "core/_hub.py": "import sys\nfrom greenlet import greenlet\nfrom . import errors\nfrom .errors import Exit\n",
        "core/loops/_epoll.pyx": "from .._entry cimport Entry\nfrom cpython.list cimport PyList_GET_SIZE\n",
    }

    assert layers.portable(tree(files)) == []


@pytest.mark.parametrize("stray", ["__init__.py", "py.typed", "_shared.py", "sync"])
def test_a_stray_file_in_the_namespace_is_found(tree, stray):
    root = tree({"net/socket.py": ""})
    (root / "packages/net/src/hublet" / stray).touch()

    found = layers.namespace(root)

    assert found == [f"packages/net/src/hublet/{stray}: only the folder net may lie here"]


def test_a_missing_type_marker_is_found(tree):
    root = tree({"net/socket.py": ""})
    (root / "packages/net/src/hublet/net/py.typed").unlink()

    assert layers.namespace(root) == ["packages/net/src/hublet/net: has no py.typed"]


def test_a_core_that_keeps_to_its_table_passes(tree):
    assert layers.inside(tree(SMALL_CORE), SMALL_TABLE) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("core/errors.py", "from . import _hub\n", "errors.py:1: errors may import _hub not at all"),
        ("core/errors.py", "from ._hub import Hub\n", "errors may import _hub not at all"),
        ("core/errors.py", "def late():\n    from ._hub import Hub\n", "errors may import _hub not at all"),
        ("core/_hub.py", "from ._park import Waiter\n", "_hub may import _park only inside a function"),
        ("core/loops/__init__.py", "from .. import errors\n", "loops may import errors not at all"),
        ("core/loops/__init__.py", "from ..errors import LoopExit\n", "loops may import errors not at all"),
        ("core/_hub.pyx", "cimport cython\nfrom ._park cimport (\n    Lot,\n)\n", "_hub.pyx:2: _hub may import _park"),
        ("core/errors.pxd", "from . cimport _hub\n", "errors may import _hub not at all"),
        ("core/_new.py", "", "_new is new: give it a row"),
        ("core/loops/_uring.py", "", "loops._uring is new: give it a row"),
    ],
)
def test_an_import_that_the_table_does_not_allow_is_found(tree, name, text, message):
    found = layers.inside(tree({**SMALL_CORE, name: text}), SMALL_TABLE)

    assert len(found) == 1
    assert message in found[0]


def test_an_import_for_type_checkers_needs_no_row(tree):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ._hub import Hub\n"

    assert layers.inside(tree({**SMALL_CORE, "core/errors.py": text}), SMALL_TABLE) == []


def test_a_row_for_a_module_that_is_gone_is_found(tree):
    found = layers.inside(tree(SMALL_CORE), SMALL_TABLE + "_gone errors\n")

    assert found == ["tools/layers.py: the table has a row for _gone, which does not exist"]


def test_a_table_in_which_two_modules_stand_on_each_other_is_found(tree):
    found = layers.inside(tree(SMALL_CORE), SMALL_TABLE.replace("| _park", "_park", 1))

    assert found == [
        "tools/layers.py: in the table _hub stands on itself",
        "tools/layers.py: in the table _park stands on itself",
    ]


def test_the_command_reports_every_rule(tree):
    root = tree({"core/_nowhere.py": "import hublet.core\n", "net/socket.py": "import hublet.sync\n"})
    (root / "packages/net/src/hublet/__init__.py").touch()

    found = " ".join(layers.problems(root))

    for message in ("may not know", "must not name itself", "may lie here", "is new"):
        assert message in found

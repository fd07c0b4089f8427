"""What somebody who builds from source gets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
SOURCES = {".py", ".pyi", ".pxd", ".pyx", ".h", ".typed"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_source_distribution_has_all_that_it_is_built_from(package, tmp_path):
    copy = tmp_path / package
    ignored = shutil.ignore_patterns("build", "dist", "*.egg-info", "*.so", "__pycache__")
    shutil.copytree(ROOT / "packages" / package, copy, ignore=ignored)
    code = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    # Without extensions: they would add their own sources, and ask for Cython and for core.
    environment = {**os.environ, "HUBLET_PURE": "1"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=copy, env=environment, check=True, capture_output=True)

    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    sources = {path.relative_to(copy).as_posix() for path in copy.rglob("src/hublet/**/*") if path.suffix in SOURCES}
    assert sources - packed == set()

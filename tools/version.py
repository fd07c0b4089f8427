#!/usr/bin/env python3
"""Write or check the one version number of all distributions.

    python tools/version.py            print it
    python tools/version.py 0.2.0      write it into every pyproject.toml, pins included
    python tools/version.py --check    exit with 1 and one line for each place that differs

The number stands as a literal in each `packages/*/pyproject.toml`, and whoever requires another distribution of ours
pins it with `==`: they are released together and only tested together.  Standard library only, and no TOML parser (3.10
has none): both are found by pattern, so that the rest of the file is left exactly as it was written.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

CORE = "hublet-core"
VERSION = re.compile(r'^(version = ")([^"]*)(")$', re.MULTILINE)
NAME = re.compile(r'^name = "([^"]*)"$', re.MULTILINE)
# A quoted requirement: the name, extras if any, and whatever follows up to the quote or a marker.
REQUIREMENT = re.compile(r"""(["'])(hublet-[a-z0-9-]+)(\[[^\]]*\])?([^"';]*)""")
NUMBER = re.compile(r"\d+(\.\d+)+((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")


def projects(root: Path) -> list[Path]:
    """Return the `pyproject.toml` of each distribution, core first."""
    found = sorted(root.glob("packages/*/pyproject.toml"), key=lambda path: (path.parent.name != "core", path))
    if not found:
        raise SystemExit(f"no packages/*/pyproject.toml below {root}")
    return found


def version_of(path: Path) -> str:
    """Return the version literal in *path*."""
    found = VERSION.search(path.read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit(f'{path} has no line \'version = "…"\'')
    return found[2]


def requirements(text: str) -> list[tuple[str, str]]:
    """Return name and pin of each requirement on a distribution of ours in *text*."""
    return [(found[2], found[4].strip()) for found in REQUIREMENT.finditer(NAME.sub("", text))]


def problems(root: Path) -> list[str]:
    """Return one sentence for each place where the version, or a pin, is not that of core."""
    paths = projects(root)
    version = version_of(paths[0])
    names = {f"hublet-{path.parent.name}" for path in paths}
    found = []
    for path in paths:
        where = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        own = f"hublet-{path.parent.name}"
        declared = NAME.search(text)
        if declared is None or declared[1] != own:
            found.append(f"{where}: the distribution must be named {own}.")
        if version_of(path) != version:
            found.append(f"{where}: the version is {version_of(path)}, core's is {version}.")
        pins = requirements(text)
        if own != CORE and CORE not in dict(pins):
            found.append(f"{where}: {own} does not require {CORE}=={version}.")
        for name, pin in pins:
            if name not in names:
                found.append(f"{where}: {name} is required, but is no distribution of ours.")
            if pin != f"=={version}" and name != own:
                found.append(f"{where}: {name} must be pinned as {name}=={version}, not {name}{pin}.")
    return found


def write(root: Path, version: str) -> None:
    """Make *version* the version and every pin."""
    for path in projects(root):
        own = f"hublet-{path.parent.name}"

        def pinned(found: re.Match[str], own: str = own) -> str:
            quote, name, extras = found[1], found[2], found[3] or ""
            return found[0] if name == own else f"{quote}{name}{extras}=={version}"

        text = path.read_text(encoding="utf-8")
        text = VERSION.sub(rf"\g<1>{version}\g<3>", text, count=1)
        path.write_text(REQUIREMENT.sub(pinned, text), encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write or check the one version number of all distributions.")
    parser.add_argument("version", nargs="?", help="the version to write, such as 0.2.0")
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.version is not None:
        if options.check:
            parser.error("give a version to write, or --check, not both")
        if NUMBER.fullmatch(options.version) is None:
            parser.error(f"{options.version!r} is not a version such as 0.2.0 or 0.2.0rc1")
        write(options.root, options.version)
    found = problems(options.root)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(version_of(projects(options.root)[0]))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())

#!/usr/bin/env python3
"""Gather what changed for the user: one sentence per change, from `packages/*/changes/*.md` into each CHANGELOG.md.

    python tools/changelog.py --check      exit with 1 and one line for each fragment that is no finished sentence
    python tools/changelog.py 0.2.0        move the fragments under a heading with this version and today's date

A fragment is a file of its own, so that two changes never meet in one place of one file.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

UNRELEASED = "## Unreleased\n"


def fragments(package: Path) -> list[Path]:
    """Return the fragments of one distribution, by name."""
    return sorted(package.glob("changes/*"))


def sentence(fragment: Path) -> str:
    """Return the text of *fragment* as one line."""
    return " ".join(fragment.read_text(encoding="utf-8").split())


def problems(root: Path) -> list[str]:
    """Return one sentence for each fragment that is not one."""
    found = []
    for package in sorted(root.glob("packages/*")):
        for fragment in fragments(package):
            where = fragment.relative_to(root).as_posix()
            text = fragment.read_text(encoding="utf-8").strip()
            if fragment.suffix != ".md":
                found.append(f"{where}: a fragment's name ends in .md.")
            elif not text.endswith(".") or "\n\n" in text or text.startswith(("#", "-", "*")) or text[0].islower():
                found.append(f"{where}: a fragment is one finished sentence, without heading or bullet.")
        changelog = package / "CHANGELOG.md"
        if not changelog.is_file() or UNRELEASED not in changelog.read_text(encoding="utf-8"):
            found.append(f"{changelog.relative_to(root).as_posix()}: has no section '## Unreleased'.")
    return found


def release(root: Path, version: str, today: str) -> None:
    """Move what is unreleased under a heading with *version*."""
    for package in sorted(root.glob("packages/*")):
        changelog = package / "CHANGELOG.md"
        before, unreleased, after = changelog.read_text(encoding="utf-8").partition(UNRELEASED)
        lines = "".join(f"- {sentence(fragment)}\n" for fragment in fragments(package))
        body = f"\n{lines}{after if lines else after.lstrip(chr(10))}"
        changelog.write_text(f"{before}{unreleased}\n## {version} ({today})\n{body}", encoding="utf-8", newline="\n")
        for fragment in fragments(package):
            fragment.unlink()


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Gather the changelog fragments of all distributions.")
    parser.add_argument("version", nargs="?", help="the version that is being released, such as 0.2.0")
    parser.add_argument("--check", action="store_true", help="only read the fragments (what happens without a version)")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    found = problems(options.root)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found and options.version is not None and not options.check:
        release(options.root, options.version, date.today().isoformat())
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())

#!/usr/bin/env python3
"""Check who imports whom: between the distributions, and between the modules of core.

    python tools/layers.py             print each import that breaks a rule, and exit with 1 if there is one

The sources are read, never run.  The rules:

- `sideways`: a distribution imports itself and the public modules of `hublet.core`; never another distribution, never
  an underscored module or name of core, not even by a string such as `import_module("hublet.net")`.
- `portable`: core names itself only by relative imports, so that a copy of its folder runs under any other name.
- `namespace`: nobody owns `hublet/` itself; each distribution has one folder in it, with a `py.typed`.
- `inside`: in core, a module imports what its row in `CORE` allows.  A module without a row is an error: where it
  stands is decided when it is made.

Imports for type checkers only (`if TYPE_CHECKING:`) count for the first two rules, not for the last.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What each module of core imports of core, the lowest first.  After the bar: what it imports only inside a function,
# because that module stands on this one, or is seldom needed.  A star: it only re-exports, so anything.
CORE = """
_chunks
_config
_entry
_native
_report
_slots
errors
loops._signal_fd
loops._wakeup
loops.install_pyuv
patching
plugins
_polling           patching
_deadlines         _entry
_patches           patching
_ring              _entry _slots
_switch            _chunks _entry _native _ring
_running_loop      _switch
loops._protocol    _entry
_scheduler         _deadlines _entry _native _ring _running_loop _switch errors loops._protocol
_spawn_tree        _switch
loops              _config loops._protocol
loops._epoll       loops._protocol loops._signal_fd
loops._pyuv        loops._protocol loops._signal_fd loops._wakeup patching
loops._selectors   _polling loops._protocol loops._signal_fd loops._wakeup
_hub               _chunks _config _entry _native _scheduler _switch errors loops
                   | _deadlock _park _report _threads _watchdog resolvers
_fork              _hub _native
_park              _entry _hub _native _ring _scheduler _switch errors
_timeout           _entry _hub _scheduler _switch
_start             _entry _scheduler _switch
_greenlet          _chunks _config _entry _hub _park _scheduler _start _switch _timeout | _spawn_tree _spawned_link
_spawned_link      _greenlet
_collecting        _greenlet
_onlookers         _entry _park loops
_parked            _park | _scheduler
_left_behind       _greenlet _onlookers _parked _switch loops
_io                _hub _onlookers _park _scheduler _switch errors loops loops._protocol | _polling
capi               _entry _greenlet _io _park _slots _switch loops._protocol
_threads           _config _hub _native _park
_deadlock          _greenlet _park _parked errors
_scopes            _hub _park _switch _timeout
_watchdog          _native _report
_spawn             _collecting _greenlet _hub _native _park _scheduler _start _switch
_iwait             _entry _greenlet _park
_wait              _greenlet _hub _iwait _park _timeout
lowlevel           *
resolvers          _config _threads plugins | _hub
__init__           *
_time              _spawn
testing            _hub _park _spawn _switch
"""

DOTTED = re.compile(r"hublet\.[\w.]*(:\w*)?")
CYTHON_IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)(?:from[ \t]+(?P<source>\.*[\w.]*)[ \t]+c?import[ \t]+(?P<names>\([^)]*\)|[^\n#]*)"
    r"|c?import[ \t]+(?P<modules>[^\n#]*))",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Import:
    """One import of something below `hublet`, as an absolute name."""

    path: Path
    line: int
    module: str
    names: tuple[str, ...] = ()
    relative: bool = False
    late: bool = False
    typing_only: bool = False
    literal: bool = False

    @property
    def parts(self) -> list[str]:
        """The dotted name, split."""
        return self.module.split(".")


@dataclass(frozen=True)
class Row:
    """What a module of core may import of core: when it is imported, and later."""

    imports: frozenset[str]
    late: frozenset[str]
    anything: bool = False


# Reading -------------------------------------------------------------------------------------------------------------


def distributions(root: Path) -> dict[str, Path]:
    """Return the name of each distribution and its `src` folder."""
    return {path.parent.name: path for path in sorted(root.glob("packages/*/src"))}


def modules(source: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file below *source* that holds code, and its dotted module name."""
    for path in sorted(source.rglob("*.p*")):
        if path.suffix in (".py", ".pyx", ".pxd", ".pyi"):
            parts = path.relative_to(source).with_suffix("").parts
            yield path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(source: str | None, level: int, module: str, is_package: bool) -> str:
    """Return the absolute name of a relative import with *level* dots made in *module*."""
    if level == 0:
        return source or ""
    parts = module.split(".")
    kept = len(parts) - level + (1 if is_package else 0)
    return ".".join([*parts[: max(kept, 0)], *([source] if source else [])])


def imports(path: Path, module: str) -> Iterator[Import]:
    """Yield each import in *path* that names something below `hublet`."""
    text = path.read_text(encoding="utf-8")
    is_package = path.stem == "__init__"
    found = _python(path, module, is_package, text) if path.suffix in (".py", ".pyi") else _cython(path, module, text)
    for each in found:
        if each.relative or each.parts[0] == "hublet":
            yield each


def _python(path: Path, module: str, is_package: bool, text: str) -> Iterator[Import]:
    def walk(node: ast.AST, late: bool, typing_only: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            line = getattr(child, "lineno", 0)
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(path, line, alias.name, late=late, typing_only=typing_only)
            elif isinstance(child, ast.ImportFrom):
                target = absolute(child.module, child.level, module, is_package)
                names = tuple(alias.name for alias in child.names)
                yield Import(path, line, target, names, child.level > 0, late, typing_only)
            elif isinstance(child, ast.Constant) and isinstance(child.value, str) and DOTTED.fullmatch(child.value):
                yield Import(path, line, child.value.partition(":")[0].rstrip("."), late=True, literal=True)
            elif isinstance(child, ast.If) and _is_type_checking(child.test):
                for statement in child.body:
                    yield from walk(ast.Module([statement], []), late, True)
                for statement in child.orelse:
                    yield from walk(ast.Module([statement], []), late, typing_only)
            else:
                inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
                yield from walk(child, late or inside, typing_only)

    yield from walk(ast.parse(text, str(path)), False, False)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _cython(path: Path, module: str, text: str) -> Iterator[Import]:
    for found in CYTHON_IMPORT.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        late = bool(found["indent"])
        if found["modules"] is not None:
            for each in found["modules"].split(","):
                yield Import(path, line, each.split()[0] if each.split() else "", late=late)
        else:
            level = len(found["source"]) - len(found["source"].lstrip("."))
            target = absolute(found["source"].lstrip(".") or None, level, module, path.stem == "__init__")
            names = tuple(each.split()[0] for each in found["names"].strip("()").split(",") if each.split())
            yield Import(path, line, target, names, level > 0, late)


# Rules ---------------------------------------------------------------------------------------------------------------


def sideways(root: Path) -> list[str]:
    """Return what a sibling imports beside itself and the public modules of core."""
    found = []
    for name, source in distributions(root).items():
        if name == "core":
            continue
        for path, module in modules(source):
            for each in imports(path, module):
                # `from hublet import net` names the distribution among its names.
                whole = [each.parts] if len(each.parts) > 1 else [[*each.parts, last] for last in each.names or [""]]
                for full in whole:
                    private = [part for part in [*full[2:], *each.names] if _is_private(part)]
                    if full[1] == name:
                        continue
                    if full[1] != "core":
                        found.append(_at(root, each, f"hublet.{name} may not know {'.'.join(full)}"))
                    elif private:
                        found.append(_at(root, each, f"{private[0]} is private to hublet.core"))
    return found


def portable(root: Path) -> list[str]:
    """Return what core imports by the name `hublet`, or from outside its folder."""
    found = []
    source = distributions(root).get("core")
    for path, module in modules(source) if source else ():
        for each in imports(path, module):
            if not each.relative:
                found.append(_at(root, each, f"core must not name itself: {each.module} instead of a relative import"))
            elif each.parts[:2] != ["hublet", "core"]:
                found.append(_at(root, each, "a relative import that leads out of core"))
    return found


def namespace(root: Path) -> list[str]:
    """Return what lies in `hublet/` that belongs to nobody, and what lacks a `py.typed`."""
    found = []
    for name, source in distributions(root).items():
        for path in sorted((source / "hublet").iterdir()) if (source / "hublet").is_dir() else ():
            if path.name not in (name, "__pycache__"):
                found.append(f"{path.relative_to(root).as_posix()}: only the folder {name} may lie here")
        if not (source / "hublet" / name / "py.typed").is_file():
            found.append(f"{(source / 'hublet' / name).relative_to(root).as_posix()}: has no py.typed")
    return found


def inside(root: Path, table: str | None = None) -> list[str]:
    """Return what a module of core imports of core without a right to."""
    rows = read_table(CORE if table is None else table)
    found = [f"tools/layers.py: {cycle}" for cycle in cycles(rows)]
    source = distributions(root).get("core")
    if source is None:
        return found
    files = dict(modules(source))
    known = {_short(module) for module in files.values()}
    for name in sorted(set(rows) - known):
        found.append(f"tools/layers.py: the table has a row for {name}, which does not exist")
    for name in sorted(known - set(rows)):
        found.append(f"tools/layers.py: {name} is new: give it a row in the table CORE that says what it may import")
    for path, module in files.items():
        row = rows.get(_short(module))
        if row is None or row.anything:
            continue
        for each in imports(path, module):
            if each.typing_only or each.literal:
                continue
            for target in sorted(targets(each, known) - {_short(module)}):
                if target in row.imports or (each.late and target in row.late):
                    continue
                how = "only inside a function" if target in row.late else "not at all"
                found.append(_at(root, each, f"{_short(module)} may import {target} {how}"))
    return found


def problems(root: Path) -> list[str]:
    """Return what breaks any of the rules."""
    return [*sideways(root), *portable(root), *namespace(root), *inside(root)]


# The table -----------------------------------------------------------------------------------------------------------


def read_table(table: str) -> dict[str, Row]:
    """Return the rows of a table such as `CORE`; an indented line continues the one above."""
    rows = {}
    for line in re.sub(r"\n[ \t]+", " ", table).splitlines():
        if not line.split():
            continue
        name, *rest = line.partition("|")[0].split()
        late = frozenset(line.partition("|")[2].split())
        if name in rows:
            raise ValueError(f"the table has two rows for {name}")
        rows[name] = Row(frozenset(rest) - {"*"}, late, "*" in rest)
    return rows


def cycles(rows: dict[str, Row]) -> list[str]:
    """Return a sentence for each row that is above itself, late imports not counted."""

    def below(name: str, seen: set[str]) -> set[str]:
        for each in rows[name].imports if name in rows else ():
            if each not in seen:
                seen.add(each)
                below(each, seen)
        return seen

    return [f"in the table {name} stands on itself" for name in sorted(rows) if name in below(name, set())]


def targets(each: Import, known: set[str]) -> set[str]:
    """Return which modules of core an import inside core names."""
    base = _short(each.module)
    within = "" if base == "__init__" else base + "."
    named = {within + name for name in each.names}
    return (named & known) | ({base} if not named or not named <= known else set())


def _short(module: str) -> str:
    return module.removeprefix("hublet.core").lstrip(".") or "__init__"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _at(root: Path, each: Import, message: str) -> str:
    return f"{each.path.relative_to(root).as_posix()}:{each.line}: {message}"


def main() -> int:
    """Run every rule over this repository."""
    found = problems(Path(__file__).resolve().parent.parent)
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())

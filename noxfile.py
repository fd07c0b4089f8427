"""Every check of this repository, on every Python that it supports: `nox -l` lists them, `nox` runs the default ones.

Each distribution is tested from its wheel, as users get it, never from the source tree.  A wheel is built at most once
for one state of the sources and one Python, and kept in `.nox/wheels`: compiling core is the slow part.

By default `together` runs on the oldest and the newest Python found; `tests` (each distribution alone), `vendor` and `pure`
on the newest.
Name a session to run it everywhere, `nox -s tests`, or in one place,
`nox -s "tests-3.12(net)"`.  The Pythons are those in the classifiers of core; one that is not installed is skipped, and
nox says so.

What follows `--` goes to pytest, or to the demo: `nox -s "tests-3.13(core)" -- -k timeout -x`.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nox

ROOT = Path(__file__).resolve().parent
WHEELS = ROOT / ".nox" / "wheels"
TOP = nox.project.load_toml("pyproject.toml")
PROJECTS = {
    path.parent.name: nox.project.load_toml(path)
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"), key=lambda path: (path.parent.name != "core", path))
}
PACKAGES = list(PROJECTS)

# What the tests of a distribution need beside core: the name server of those of dns is a `DatagramServer`.
BESIDE = {"dns": ["net"]}

# Wheels that did not build in this run: no other session need try.
BROKEN: set[Path] = set()

# The tests in two parts that take about equally long.
QUICK = ["core", "dns", "pool", "sync"]
HALVES = (
    [f"packages/{package}" for package in QUICK],
    # Source distributions are made with setuptools, which only `layers` installs.
    [*(f"packages/{package}" for package in PACKAGES if package not in QUICK), "tests", "--ignore=tests/test_sdists.py"],
)

# What a session imports is what it installed, whatever the caller's shell has set.
CLEAN = {"PYTHONPATH": None, "PYTHONHOME": None}

# Prints which builds this Python can load, and whether it can make one: that takes a C compiler, and Python's headers.
ASK_PYTHON = """
import os, shlex, subprocess, sys, sysconfig
print(sys.implementation.cache_tag, sysconfig.get_platform(), sep="-")
compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "no-compiler")
command = [*compiler, "-fsyntax-only", "-I", sysconfig.get_path("include"), "-x", "c", "-"]
try:
    subprocess.run(command, input=b"#include <Python.h>", check=True, capture_output=True)
except (OSError, subprocess.CalledProcessError):
    print("cannot compile")
"""
ASK_INSTALLED = """
from importlib.metadata import distributions
print(*sorted({each.name.removeprefix("hublet-") for each in distributions() if each.name.startswith("hublet")}))
"""


# Pythons -------------------------------------------------------------------------------------------------------------


def reach_pyenv() -> None:
    """Put every Python that pyenv has installed on the PATH, before pyenv's shims.

    The shim `python3.12` works only while that version is active; the interpreter behind it always does.
    """
    if shutil.which("pyenv") is None:
        return
    asked = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return

    def number(folder: Path) -> list[int]:
        return [int(digits) for digits in re.findall(r"\d+", folder.parent.name)]

    found = sorted(Path(asked.stdout.strip()).glob("versions/[0-9]*/bin"), key=number, reverse=True)
    path = os.environ["PATH"].split(os.pathsep)
    shims = next((at for at, folder in enumerate(path) if Path(folder).name == "shims"), len(path))
    os.environ["PATH"] = os.pathsep.join([*path[:shims], *map(str, found), *path[shims:]])


def is_installed(python: str) -> bool:
    """Return whether nox will find this Python."""
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return True
    command = ["py", f"-{python}"] if sys.platform == "win32" else [f"python{python}"]
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "-c", ""], capture_output=True, check=False).returncode == 0


reach_pyenv()
PYTHONS = nox.project.python_versions(PROJECTS["core"])
FOUND = [python for python in PYTHONS if is_installed(python)]
if not FOUND:
    # Newer than any that we know, and all there is: better to try it than to skip everything and call it a success.
    PYTHONS = FOUND = [f"{sys.version_info.major}.{sys.version_info.minor}"]

nox.needs_version = ">=2026.4.10"
nox.options.default_venv_backend = "uv" if shutil.which("uv") else "virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = [
    "lint",
    "types",
    "layers",
    f"vendor-{FOUND[-1]}",
    *dict.fromkeys([f"together-{FOUND[0]}", f"together-{FOUND[-1]}"]),
    f"tests-{FOUND[-1]}",
    f"pure-{FOUND[-1]}",
    "demo",
]


# Wheels and what else is installed -----------------------------------------------------------------------------------


def sources(package: str, pattern: str = "*") -> dict[str, bytes]:
    """Return each file that the wheel of *package* is made from: its name inside the package's folder, its content."""
    folder = ROOT / "packages" / package
    found = {}
    for path in sorted(folder.rglob(pattern)):
        inner = path.relative_to(folder)
        other = {"build", "dist", "changes", "tests", "__pycache__"} & set(inner.parts) or ".egg-info" in str(inner)
        if path.is_file() and not other and path.suffix not in (".so", ".pyd", ".pyc"):
            found[inner.as_posix()] = path.read_bytes()
    return found


def build(session: nox.Session, package: str, pure: bool) -> str:
    """Return the wheel of one distribution, built now or before.

    Where a C compiler works, a distribution that does not compile is an error; where none does, it is built interpreted.
    """
    tag, hublet_pure = "any", "1"
    has_extensions = (ROOT / "packages" / package / "setup.py").exists()
    if has_extensions and not pure and os.environ.get("HUBLET_PURE") != "1":
        python, *cannot = str(session.run("python", "-c", ASK_PYTHON, silent=True, log=False)).split("\n", 1)
        tag, hublet_pure = f"{python}-compiled", "0"
        if any("cannot compile" in line for line in cannot) and os.environ.get("HUBLET_PURE") != "0":
            session.warn(f"No C compiler works for this Python, or its headers are missing: {package} runs interpreted.")
            tag, hublet_pure = "any", "1"
    state = hashlib.sha256()
    for variable in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS") if hublet_pure == "0" else ():
        state.update(f"{variable}={os.environ.get(variable)}\0".encode())
    files = {f"{package}/{name}": content for name, content in sources(package).items()}
    if hublet_pure == "0" and any(b"hublet.core.capi" in content for content in files.values()):
        # It is compiled against core's declarations, which are found beside it; with `__init__.py`, by which Cython knows a
        # package.
        declarations = sources("core", "*.pxd") | sources("core", "__init__.py")
        files |= {f"core/{name}": content for name, content in declarations.items()}
    for name, content in files.items():
        state.update(name.encode() + b"\0" + content + b"\0")
    kept = WHEELS / tag / f"{package}-{state.hexdigest()[:16]}"
    if kept in BROKEN:
        session.error(f"{package} did not build, see above")
    if not kept.is_dir():
        BROKEN.add(kept)
        session.log(f"building {package} for {tag}")
        # From a copy: setuptools leaves `build/` behind, and packs what an earlier state of the sources left there.
        temporary = WHEELS / tag / f".{package}-{os.getpid()}"
        for name, content in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
        try:
            if session.venv_backend == "uv":
                session.install("pip")
            out = temporary / "wheel"
            command = ("python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(out), str(temporary / package))
            session.run_install(*command, env={**CLEAN, "HUBLET_PURE": hublet_pure}, silent=True)
            if out.is_dir() and not kept.is_dir():
                for old in (WHEELS / tag).glob(f"{package}-*"):
                    shutil.rmtree(old)
                out.rename(kept)
            BROKEN.discard(kept)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return str(next(kept.glob("*.whl"), kept))


def group(project: dict[str, Any], name: str) -> list[str]:
    """Return the dependency group *name* of a project, empty if it has none."""
    groups = project.get("dependency-groups", {})
    return list(nox.project.dependency_groups(project, name)) if name in groups else []


def needs(*packages: str, extras: bool = False) -> list[str]:
    """Return what *packages* require from outside of this repository."""
    found = []
    for package in dict.fromkeys(["core", *packages]):
        project = PROJECTS[package]["project"]
        found += project["dependencies"]
        for extra in project.get("optional-dependencies", {}).values() if extras else ():
            found += extra
    return [each for each in found if not each.startswith("hublet-")]


def install(session: nox.Session, *packages: str, pure: bool = False, purpose: str = "test") -> None:
    """Install the wheels of *packages* and nothing else of ours, and what they and their group *purpose* need."""
    wheels = [build(session, package, pure) for package in packages]
    projects = [TOP, *(PROJECTS[package] for package in packages)]
    extra = [each for project in projects for each in group(project, purpose)]
    session.install(*dict.fromkeys([*needs(*packages), *extra]))
    if wheels:
        session.install("--no-deps", "--force-reinstall", *wheels)
    present = str(session.run("python", "-c", ASK_INSTALLED, silent=True, log=False, env=CLEAN)).split()
    if present != sorted(packages):
        session.error(f"expected {sorted(packages)} of hublet here, found {present}: delete .nox and try again")


def pytest(session: nox.Session, *arguments: str, silent: bool = False, **environment: str) -> Any:
    """Run pytest.  To collect nothing is a failure.  What fails is shown again when all sessions are over."""
    report = Path(session.bin).with_name(f"report-{threading.get_ident()}.xml")
    report.unlink(missing_ok=True)  # of an earlier run, should this one end without any
    atexit.register(show_failures, session.name, report)
    command = ["pytest", f"--junitxml={report}", *arguments, *session.posargs]
    return session.run(*command, env={**CLEAN, **environment}, silent=silent)


def show_failures(session: str, report: Path) -> None:
    """Print what failed in *session*, from the end of each traceback."""
    for case in ElementTree.parse(report).iter("testcase") if report.exists() else ():
        for failure in (*case.iter("failure"), *case.iter("error")):
            print(f"\n{session}: {case.get('classname')}::{case.get('name')}", *(failure.text or "").splitlines()[-15:], sep="\n")


def pytest_everything(session: nox.Session, **environment: str) -> None:
    """Run all tests, in two processes beside each other: a test spends most of its time waiting."""
    if session.posargs:
        pytest(session, **environment)
        return
    with ThreadPoolExecutor() as both:
        runs = [both.submit(pytest, session, *half, silent=True, **environment) for half in HALVES]
    for run in runs:
        print(run.result())  # raises if the tests failed, whose output nox has printed


# Sessions ------------------------------------------------------------------------------------------------------------


@nox.session(python=PYTHONS)
@nox.parametrize("package", [nox.param(package, id=package) for package in PACKAGES])
def tests(session: nox.Session, package: str) -> None:
    """Test one distribution with core alone installed, and what its tests themselves need, so that a sideways import fails."""
    install(session, *dict.fromkeys(["core", package, *BESIDE.get(package, [])]))
    pytest(session, f"packages/{package}/tests")


@nox.session(python=PYTHONS)
def together(session: nox.Session) -> None:
    """Test everything with everything installed, compiled where there is a C compiler."""
    install(session, *PACKAGES)
    pytest_everything(session)


@nox.session(python=PYTHONS)
def pure(session: nox.Session) -> None:
    """Test everything with everything installed and nothing compiled."""
    install(session, *PACKAGES, pure=True)
    pytest_everything(session, HUBLET_PURE="1")


@nox.session(python=PYTHONS)
def vendor(session: nox.Session) -> None:
    """Run a copy of core under another name, where no hublet is installed."""
    install(session)
    pytest(session, "tests/vendor")


@nox.session
def layers(session: nox.Session) -> None:
    """Check who imports whom, the version number and its pins, and what source distributions have."""
    session.install(*group(TOP, "test"), *group(TOP, "sdists"))
    pytest(session, "tests/test_layers.py", "tests/test_versions.py", "tests/test_sdists.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Lint everything with ruff."""
    session.install(*group(TOP, "lint"))
    session.run("ruff", "check", *(session.posargs or ["."]))


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of all distributions with mypy, strictly, and what it makes of code that uses them."""
    session.install(*dict.fromkeys([*group(TOP, "types"), *needs(*PACKAGES, extras=True)]))
    checked = [*(f"packages/{package}/src" for package in PACKAGES), "tests/types"]
    session.run("mypy", *(session.posargs or checked), env=CLEAN)


@nox.session
def demo(session: nox.Session) -> None:
    """Crawl a site on loopback with unmodified standard-library code, one page at a time and with 100 greenlets."""
    install(session, *PACKAGES, purpose="demo")
    # Time to print what it has when somebody presses Ctrl-C.
    session.run("python", "examples/demo.py", *session.posargs, env=CLEAN, interrupt_timeout=5, terminate_timeout=5)


@nox.session(python=PYTHONS)
def bench(session: nox.Session) -> None:
    """Measure kernel, primitives and pools beside gevent, asyncio, uvloop; on a quiet machine, one Python at a time."""
    install(session, *PACKAGES)
    session.install(*group(TOP, "bench"))
    for folder in [session.posargs] if session.posargs else [["kernel"], ["sync"]]:
        session.run("python", "benchmarks/compare.py", *folder, env=CLEAN)
    if not session.posargs:
        session.run("python", "benchmarks/import_time.py", env=CLEAN)


@nox.session(python=PYTHONS)
@nox.parametrize("build", [nox.param(False, id="compiled"), nox.param(True, id="interpreted")])
def stress(session: nox.Session, build: bool) -> None:
    """Do random things to the kernel for long, and check that nothing is lost, doubled or leaked."""
    install(session, "core", pure=build)
    session.run("python", "packages/core/tests/stress.py", *session.posargs, env=CLEAN)


@nox.session(python=PYTHONS)
def pyuv(session: nox.Session) -> None:
    """Build and install pyuv with core's own command, then run on its loop the tests of core, net and dns."""
    install(session, "core", "net", "dns")
    session.run("python", "-m", "hublet.core.loops.install_pyuv", env=CLEAN)
    pytest(session, "packages/core/tests", "packages/net/tests", "packages/dns/tests", HUBLET_LOOP="pyuv")


@nox.session(python=[python for python in PYTHONS if python in ("3.11", "3.13")] or PYTHONS[-1:])
def stdlib(session: nox.Session) -> None:
    """Run CPython's own tests plainly, under hublet and under gevent, and compare; options and modules after --.  An hour."""
    install(session, *PACKAGES)
    session.install(*group(TOP, "bench"))
    session.run("python", "tests/stdlib/run.py", *session.posargs, env=CLEAN)
    if not session.posargs:
        # Once more with native threads, which have no hub: there the sockets block.
        modules = "ssl select poll epoll selectors ftplib smtplib poplib imaplib httplib urllib2_localnet".split()
        ways = ("--ways", "plain,hublet", "--with-epoll")
        session.run("python", "tests/stdlib/run.py", *ways, "--without", "thread", *modules, env=CLEAN)


@nox.session
def apps(session: nox.Session) -> None:
    """Run programs of others, patched, against real servers from Debian's packages, 200 operations at once."""
    install(session, *PACKAGES)
    session.install(*group(PROJECTS["monkey"], "apps"))
    session.run("python", "tests/apps/run.py", *session.posargs, env=CLEAN)


@nox.session(python=PYTHONS)
def forks(session: nox.Session) -> None:
    """Fork ten thousand times from random greenlets beside logging, look-ups and TLS."""
    install(session, *PACKAGES)
    session.install(*group(PROJECTS["monkey"], "apps"))
    session.run("python", "-m", "hublet.monkey", "tests/forks/forks.py", *session.posargs, env=CLEAN)


@nox.session(python=PYTHONS)
def http_fuzz(session: nox.Session) -> None:
    """Hold the HTTP server against h11 on a hundred thousand requests of hypothesis, sound and broken: some ten minutes."""
    install(session, "core", "net")
    oracle = "packages/net/tests/wsgi/test_against_h11.py"
    pytest(session, oracle, "-s", "-o", "faulthandler_timeout=7200", HTTP_REQUESTS="100000")


@nox.session(python=PYTHONS)
def http_apps(session: nox.Session) -> None:
    """Serve Flask, Django and an upload of one GiB, patched, from the command line."""
    install(session, *PACKAGES)
    session.install(*group(PROJECTS["net"], "apps"))
    session.run("python", "tests/http/apps.py", *session.posargs, env=CLEAN)


@nox.session(python=PYTHONS)
def http_soak(session: nox.Session) -> None:
    """Serve clients that are slow, gone or mad, and check that neither memory nor descriptors are lost."""
    install(session, "core", "net")
    session.run("python", "packages/net/tests/wsgi/soak.py", *session.posargs, env=CLEAN)


@nox.session(python=PYTHONS)
def dns_table(session: nox.Session) -> None:
    """Compare the resolvers with the C library on thousands of calls, in a network of its own; takes Linux, glibc, iproute2."""
    install(session, "core", "dns", *BESIDE["dns"])
    session.run("python", "packages/dns/tests/side_by_side.py", env=CLEAN)


@nox.session(python=PYTHONS)
@nox.parametrize("build", [nox.param(False, id="compiled"), nox.param(True, id="interpreted")])
def celery(session: nox.Session, build: bool) -> None:
    """Send a million items through one queue to eight native threads of a thousand greenlets each; each arrives once."""
    install(session, "core", "sync", pure=build)
    session.run("python", "benchmarks/celery_shaped.py", *session.posargs, env=CLEAN)


@nox.session(python=PYTHONS)
def patched(session: nox.Session) -> None:
    """Run CPython's own tests of threads with everything patched, but for those that need threads to be native."""
    install(session, *PACKAGES)
    modules = session.posargs or ["thread", "threading", "threading_local", "queue"]
    session.run("python", "tests/stdlib/run.py", "--ways", "plain,hublet", *modules, env=CLEAN)

#!/usr/bin/env python3
"""Run hublet's demo or its tests on a bare machine.

    python3 run.py demo     crawl a site on loopback with 100 greenlets, and show what that saves
    python3 run.py test     run the checks that a change has to pass

Makes a virtual environment in `.venv`, installs nox into it, and runs nox there.  Further arguments are nox's:
`python3 run.py test -s lint`, `python3 run.py demo -- --help`.  Needs Python 3.10 or later, and no compiler.
"""

import os
import subprocess
import sys

COMMANDS = {"demo": ["-s", "demo"], "test": []}
NOX = "nox>=2026.4.10"
ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))

NO_VENV = """\
This Python ({python}) cannot make virtual environments: its module {module} is missing.
On Debian and Ubuntu it is a package of its own:  apt install python{version}-venv
On other systems install a complete Python, or name one:  /path/to/python3 run.py ..."""


def works(*arguments):
    """Return whether the virtual environment's Python runs with these arguments."""
    if not os.path.exists(PYTHON):
        return False
    try:
        return subprocess.run([PYTHON, *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


def make_venv():
    """Make the virtual environment, or repair it where the Python that it was made with is gone."""
    if works("-c", "import sys; sys.exit(sys.version_info < (3, 10))"):
        return
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError as error:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(NO_VENV.format(python=sys.executable, module=error.name, version=version))
    print("run.py: making " + VENV, flush=True)
    venv.EnvBuilder(clear=True, with_pip=True, symlinks=os.name != "nt").create(VENV)


def install_nox():
    """Install nox, unless the virtual environment has it."""
    minimum = NOX.partition(">=")[2]
    check = (
        "import sys; from importlib.metadata import version; "
        "number = lambda text: [int(part) for part in text.split('.')[:3]]; "
        "sys.exit(number(version('nox')) < number(sys.argv[1]))"
    )
    if works("-c", check, minimum):
        return
    if not works("-m", "pip", "--version"):
        subprocess.run([PYTHON, "-m", "ensurepip"], check=True)
    print("run.py: installing nox", flush=True)
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NOX]
    done = subprocess.run(command)
    if done.returncode != 0:
        sys.exit("run.py: pip could not install nox (above it says why): is the network, or a proxy, in the way?")


def run_nox(arguments):
    """Run nox and return its exit code; a Ctrl-C is for nox, which stops in its own time."""
    noxfile = os.path.join(ROOT, "noxfile.py")
    process = subprocess.Popen([PYTHON, "-m", "nox", "--noxfile", noxfile, *arguments], cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def main():
    """Read the command line."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this file is what an older Python gets to run
        sys.exit("hublet needs Python 3.10 or later; this is " + sys.version.split()[0])
    if not sys.argv[1:]:
        sys.exit(__doc__.strip())
    command, *rest = sys.argv[1:]
    if command in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    if command not in COMMANDS:
        sys.exit(f"run.py: unknown command {command!r}; known are {' and '.join(COMMANDS)}")
    make_venv()
    install_nox()
    return run_nox([*COMMANDS[command], *rest])


if __name__ == "__main__":
    sys.exit(main())

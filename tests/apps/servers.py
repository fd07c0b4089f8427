"""Real servers for the programs to talk to, on loopback, each in a folder of its own, ended when the block is left.

They come from Debian's packages; as root they are run as the users that these make, since they refuse to be root.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

DELAY = 2.0  # seconds that an operation takes at the peer


class Unavailable(Exception):
    """A server is not installed, or does not start; the message says what would help."""


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def program(package: str, *patterns: str) -> str:
    """Return the path of a server's program, the newest of several."""
    for pattern in patterns:
        for path in sorted(glob.glob(pattern), reverse=True):
            if os.access(path, os.X_OK):
                return path
    raise Unavailable(f"{package} is not installed: apt-get install {package}")


@contextlib.contextmanager
def folder(user: str | None) -> Iterator[tuple[Path, dict[str, str]]]:
    """Make a folder, and say how to run something as *user*, who owns it; who is not root is himself."""
    path = Path(tempfile.mkdtemp(prefix="apps-"))
    as_user: dict[str, str] = {}
    if os.geteuid() == 0 and user is not None:
        try:
            pwd.getpwnam(user)
        except KeyError:
            user = "nobody"
        shutil.chown(path, user)
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid}  # type: ignore[dict-item]
    try:
        yield path, as_user
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, log: Path, **options: object) -> Iterator[None]:
    """Run a server until the block is left, which begins when it accepts connections."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)  # type: ignore[call-overload]
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None:
                raise Unavailable(f"{name} ended with {process.returncode}: {log.read_text(errors='replace')[-1000:]}")
            time.sleep(0.05)
        else:
            raise Unavailable(f"{name} accepts no connections: {log.read_text(errors='replace')[-1000:]}")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def web() -> Iterator[dict[str, object]]:
    """Serve HTTP, each answer late: the number that was asked for."""
    port = free_port()
    with folder(None) as (path, _):
        command = [sys.executable, str(Path(__file__).parent / "slow_web.py"), str(port), str(DELAY)]
        with running("slow_web.py", command, port, path / "log"):
            yield {"port": port}


@contextlib.contextmanager
def application(script: str) -> Iterator[dict[str, object]]:
    """Serve an application, patched, under our own server."""
    port = free_port()
    with folder(None) as (path, _):
        command = [sys.executable, "-m", "hublet.monkey", str(Path(__file__).parent / script), str(port), str(DELAY)]
        with running(script, command, port, path / "log"):
            yield {"port": port}


@contextlib.contextmanager
def redis() -> Iterator[dict[str, object]]:
    """Run Redis."""
    server, port = program("redis-server", "/usr/bin/redis-server", "/usr/local/bin/redis-server"), free_port()
    with folder("redis") as (path, as_user):
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(path), "--maxclients", "1000"]
        with running("redis-server", [server, *options], port, path / "log", cwd=path, **as_user):
            yield {"port": port}


@contextlib.contextmanager
def mysql() -> Iterator[dict[str, object]]:
    """Run MariaDB, with a user `apps` that needs no password."""
    server = program("mariadb-server", "/usr/sbin/mariadbd", "/usr/sbin/mysqld")
    install = program("mariadb-server", "/usr/bin/mariadb-install-db", "/usr/bin/mysql_install_db")
    port = free_port()
    with folder("mysql") as (path, as_user):
        data = [f"--datadir={path}/data", "--no-defaults"]
        (path / "start.sql").write_text(
            "CREATE USER IF NOT EXISTS apps@'%';\nCREATE DATABASE IF NOT EXISTS apps;\nGRANT ALL ON *.* TO apps@'%';\n"
        )
        command = [install, data[1], data[0], "--auth-root-authentication-method=normal", "--skip-test-db"]
        made = subprocess.run(command, capture_output=True, text=True, cwd=path, **as_user)  # type: ignore[call-overload]
        if made.returncode:
            raise Unavailable(f"mariadb-install-db failed: {made.stdout[-500:]}{made.stderr[-500:]}")
        options = [data[1], data[0], f"--port={port}", "--bind-address=127.0.0.1", f"--socket={path}/socket"]
        options += [f"--pid-file={path}/pid", "--max-connections=300", f"--init-file={path}/start.sql", "--skip-log-bin"]
        options += ["--innodb-flush-method=fsync", "--innodb-use-native-aio=0", "--skip-name-resolve"]
        options += ["--back-log=512"]  # beyond it, the kernel drops who connects, and they try again after seconds
        with running("mariadbd", [server, *options], port, path / "log", cwd=path, **as_user):
            yield {"port": port, "user": "apps"}


@contextlib.contextmanager
def postgresql() -> Iterator[dict[str, object]]:
    """Run PostgreSQL, which trusts loopback."""
    server = program("postgresql", "/usr/lib/postgresql/*/bin/postgres", "/usr/local/bin/postgres")
    port = free_port()
    with folder("postgres") as (path, as_user):
        initdb = str(Path(server).with_name("initdb"))
        command = [initdb, "-D", f"{path}/data", "-A", "trust", "-U", "apps", "--no-sync"]
        made = subprocess.run(command, capture_output=True, text=True, cwd=path, **as_user)  # type: ignore[call-overload]
        if made.returncode:
            raise Unavailable(f"initdb failed: {made.stdout[-500:]}{made.stderr[-500:]}")
        options = ["-D", f"{path}/data", "-p", str(port), "-h", "127.0.0.1", "-k", str(path), "-F", "-N", "260"]
        with running("postgres", [server, *options], port, path / "log", cwd=path, **as_user):
            yield {"port": port, "user": "apps"}


@contextlib.contextmanager
def ssh() -> Iterator[dict[str, object]]:
    """Run sshd, with a key that lets this user in."""
    server = program("openssh-server", "/usr/sbin/sshd")
    keygen = program("openssh-client", "/usr/bin/ssh-keygen")
    port = free_port()
    with folder(None) as (path, _):
        for name in ("host", "user"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", path / name], check=True)
        shutil.copy(path / "user.pub", path / "authorized")
        path.chmod(0o700)
        (path / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host\nAuthorizedKeysFile {path}/authorized\n"
            f"PidFile {path}/pid\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n"
            "MaxStartups 100\nMaxSessions 50\n"
            f"SetEnv HOME={path}\n"  # a shell reads what the user has there for each command, and that may take its time
        )
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where its children are confined to
        with running("sshd", [server, "-D", "-e", "-f", str(path / "config")], port, path / "log"):
            user = pwd.getpwuid(os.getuid()).pw_name
            yield {"port": port, "user": user, "key": str(path / "user")}


SERVERS = {
    "web": web,
    "flask": partial(application, "flask_app.py"),
    "django": partial(application, "django_app.py"),
    "redis": redis,
    "mysql": mysql,
    "postgresql": postgresql,
    "ssh": ssh,
}

"""The same calls to the C library and to the resolver: the same results, or the same exceptions with the same numbers."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import side_by_side

from hublet.dns._hosts import Hosts
from hublet.dns.dnspython import Resolver

HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="compared with glibc, whose rules are followed")


@pytest.fixture
def ours():
    """Return a resolver that would find nobody to ask."""
    return Resolver(nameservers=[("127.0.0.1", 1)], attempts=1)


def test_what_needs_no_name_server_is_as_in_the_c_library(ours):
    count, found = side_by_side.differences(ours, side_by_side.without_name_server())

    assert found == []
    assert count > 1000


def test_localhost_is_as_in_the_c_library(ours):
    hosts = Hosts()
    if hosts.by_name("localhost", socket.AF_INET) is None or hosts.by_address("127.0.0.1") is None:
        pytest.skip("this machine's hosts file does not know localhost, so the C library would ask for it")

    assert side_by_side.differences(ours, side_by_side.of_localhost())[1] == []


def test_what_a_name_server_answers_is_as_in_the_c_library(tmp_path):
    """In namespaces of their own, where the C library can be made to ask a name server on loopback."""
    (tmp_path / "resolv.conf").write_text(side_by_side.CONF)
    (tmp_path / "hosts").write_text(side_by_side.HOSTS)
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\nservices: files\nprotocols: files\n")
    if shutil.which("unshare") is None:
        pytest.skip("there is no `unshare`")
    mounts = "".join(f"mount --bind {tmp_path}/{name} /etc/{name} && " for name in ("resolv.conf", "hosts", "nsswitch.conf"))
    separate = ["unshare", "--map-root-user", "--mount", "--net", "sh", "-c"]
    if subprocess.run([*separate, mounts + "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces, or mounting in them, are not allowed here")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    for name in ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"):
        environment.pop(name, None)

    ran = subprocess.run(
        [*separate, f'{mounts} exec "$0" "$1"', sys.executable, str(HERE / "side_by_side.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["found"] == []
    assert result["count"] > 2500
    assert 0 < len(result["meant"]) <= len(side_by_side.DEVIATIONS)

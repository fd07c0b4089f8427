"""Inputs on which the C library and our resolvers are compared, and the comparison.

Run as a program, it makes namespaces of its own, with a network that is loopback and nothing else, a name server on port 53
that the C library asks, and files for both; it prints what differs, and fails if that is more than what is meant to.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hublet.core import joinall, spawn
from hublet.core.resolvers import BlockingResolver, ThreadResolver

STREAM = socket.SOCK_STREAM
FLAGS = (
    0,
    socket.AI_CANONNAME,
    socket.AI_ADDRCONFIG,
    socket.AI_NUMERICHOST,
    socket.AI_PASSIVE,
    socket.AI_V4MAPPED,
    socket.AI_V4MAPPED | socket.AI_ALL,
    socket.AI_NUMERICSERV,
    0x10000,
)
FAMILIES = (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6)

# What is never a name: the C library asks nobody, whatever the flags.
NUMERIC = (
    "127.0.0.1",
    b"127.0.0.1",
    "192.0.2.1",
    "1.2",
    "0",
    "0x7f.1",
    "::1",
    b"::1",
    "2001:db8::1",
    "::ffff:1.2.3.4",
    "fe80::1%1",
    "*",
    "",
    b"",
    None,
    "127.0.0.1\0x",
    b"127.0.0.1\0x",
    "\0",
    "a" * 64,
    "a..b",
    ".",
    5,
    1.5,
    ("127.0.0.1",),
    bytearray(b"127.0.0.1"),
    memoryview(b"127.0.0.1"),
)
PORTS = (
    *(0, 80, 65535, 65536, 70000, -1, 2**40, 2**70, True, 1.5, None),
    *("80", " 80", "0x50", "http", b"http", "domain", "no-such", ""),
)
SOCKET_ADDRESSES = (
    ("127.0.0.1", 80),
    ("127.0.0.1", 80, 0, 0),
    ("127.0.0.1",),
    (),
    ["127.0.0.1", 80],
    None,
    ("127.0.0.1", "80"),
    (b"127.0.0.1", 80),
    (None, 80),
    ("", 80),
    ("nobody", 80),
    ("127.0.0.1", 99999),
    ("127.0.0.1", -1),
    ("::1", 80),
    ("::1", 80, 0, 0),
    ("::1", 80, 0x100000, 0),
    ("::", 0),
)

Case = tuple[str, tuple[Any, ...]]


def without_name_server() -> Iterable[Case]:
    """Yield calls for which neither the C library nor we ask anybody, on any machine."""
    for host in NUMERIC:
        for family in FAMILIES:
            for flags in FLAGS:
                yield "getaddrinfo", (host, 80, family, STREAM, 0, flags)
        yield "gethostbyname", (host,)
    for host in ("127.0.0.1", "::1", None, ""):
        for port in PORTS:
            for kind in (0, STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, 77):
                yield "getaddrinfo", (host, port, 0, kind)
            yield "getaddrinfo", (host, port, 99)
            yield "getaddrinfo", (host, port, "x")
            yield "getaddrinfo", (host, port, 0, 0, socket.IPPROTO_UDP)
            yield "getaddrinfo", (host, port, 0, STREAM, socket.IPPROTO_UDP)
            yield "getaddrinfo", (host, port, 0, 0, 0, socket.AI_NUMERICSERV)
            yield "getaddrinfo", (host, port, 0, 0, 0, socket.AI_PASSIVE)
    for address in SOCKET_ADDRESSES:
        for flags in (socket.NI_NUMERICHOST, socket.NI_NUMERICHOST | socket.NI_NAMEREQD, 0x1001, "x"):
            yield "getnameinfo", (address, flags)
    for host in ("127.0.0.1", "1.2", "192.0.2.1", None, 5, "a" * 64, b"a\0b", "\0x"):
        yield "gethostbyname_ex", (host,)
    for host in (None, 5, "a" * 64, b"a\0b", "", b""):
        yield "gethostbyaddr", (host,)
    yield "gethostbyname", ("<broadcast>",)


def of_localhost() -> Iterable[Case]:
    """Yield calls that are answered from the hosts file, if it is as it should be."""
    for host in ("localhost", b"LocalHost"):
        for flags in (0, socket.AI_CANONNAME, socket.AI_NUMERICHOST, socket.AI_PASSIVE):
            yield "getaddrinfo", (host, "http", 0, 0, 0, flags)
            yield "getaddrinfo", (host, 80, socket.AF_INET, STREAM, 0, flags)
        for name in ("gethostbyname", "gethostbyname_ex"):
            yield name, (host,)
    for flags in (0, socket.NI_NAMEREQD, socket.NI_NUMERICSERV, socket.NI_DGRAM):
        yield "getnameinfo", (("127.0.0.1", 53), flags)
    yield "gethostbyaddr", ("127.0.0.1",)


NAMES = (
    "www.test",
    "WWW.Test",
    b"www.test",
    "www.test\0.elsewhere",
    b"www.test\0.elsewhere",
    "www.test.",
    "v4.test",
    "v6.test",
    "alias.test",
    "text.test",
    "dangling.test",
    "nobody.test",
    "nobody.elsewhere",
    "nobody.elsewhere.",
    "host",
    "only",
    "host.",
    "nodata",
    "a.b",
    "broken",
    "under_score.test",
    "oddalias.test",
    "cut.test",
    "large.test",
    "half.test",
    "formerr.test",
    "grün.test",
    "GRÜN.test",
    "xn--grn-ioa.test",
    "ｗｗｗ．test",
    "www\u3002test",
    "straße.test",
    "ü" * 64,
    "ü" * 60,
    "\u0661\u0662.test",
    "\ud800.test",
    "a" * 63 + ".test",
    ".".join(["a" * 61] * 4),
    ".".join(["a" * 62] * 4),
    b".".join([b"a" * 61] * 5),
    b"gr\xc3\xbcn.test",
    "www.test..",
    ".www.test",
    "www..test",
    "*.test",
    "_sip._udp.test",
    "chain.test",
    "round.test",
    "both.test",
    "looks.like.1",
    "0x7f.test",
    "127.1",
    "127.0.0.1 ",
    " 127.0.0.1",
    "fe80::1%lo",
    "ff02::1%1",
    "::ffff:192.0.2.1",
    "2001:db8::1%5",
    "ip6-localhost",
    "fileonly",
    "FileOnly",
    "filealias",
    "fileonly.",
    "localhost",
    "1.2.3.4.5",
    "256.1.1.1",
    "127.0.0.1.",
    "fe80::1%nowhere",
    "::1%0",
    "[::1]",
    b"a" * 64,
    b"a..b",
    b"a\\.b",
    b"\xff",
    "two words",
    "-x",
    "x!y",
)
ADDRESSES = (
    "192.0.2.1",
    "192.0.2.4",
    "192.0.2.5",
    "192.0.2.7",
    "192.0.2.8",
    "192.0.2.99",
    "192.0.2.98",
    "192.0.2.200",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8::99",
    "::ffff:192.0.2.1",
    "::ffff:192.0.2.7",
    "::",
    "0.0.0.0",
    "fe80::1",
)


def with_name_server() -> Iterable[Case]:
    """Yield calls that ask the name server of this module."""
    yield from without_name_server()
    yield from of_localhost()
    for host in NAMES:
        for family in FAMILIES:
            for flags in FLAGS:
                yield "getaddrinfo", (host, 80, family, STREAM, 0, flags)
        for name in ("gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
            yield name, (host,)
    for host in ("www.test", b"www.test", "nobody.test", "text.test", "localhost"):
        for port in PORTS:
            yield "getaddrinfo", (host, port)
            yield "getaddrinfo", (host, port, 0, socket.SOCK_DGRAM, 0, socket.AI_NUMERICSERV)
    yield "getaddrinfo", ("link.test", 80, 0, STREAM)
    yield "gethostbyname_ex", ("0x7f.1",)
    yield "getnameinfo", (("fe80::1", 80, 0, 1), 0)
    for address in ADDRESSES:
        if address != "::":  # for which the C library sets no number, so that there is that of the call before
            yield "gethostbyaddr", (address,)
        for flags in (0, 1, 2, 4, 8, 16, 18, 0x1000):
            yield "getnameinfo", ((address, 80) if ":" not in address else (address, 80, 0, 0), flags)


FUNCTIONS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("getaddrinfo", (80, 0, STREAM)),
    ("getaddrinfo", (80, socket.AF_INET6, STREAM)),
    ("gethostbyname_ex", ()),
)


def with_bad_servers() -> list[Case]:
    """Return calls that ask the name server of this module for what it does not answer as it should."""
    from nameserver import BAD

    return [(name, (f"{bad}.test.", *arguments)) for bad in BAD for name, arguments in FUNCTIONS]


# Where we mean to differ from glibc, and why.
DEVIATIONS: tuple[tuple[str, Case], ...] = (
    (
        "a temporary failure is told as one for a single family too; glibc 2.36 forgets it when asked for AF_INET alone",
        ("getaddrinfo", ("fails.test", 80, socket.AF_INET)),
    ),
    (
        "RFC 7686: names under onion are never asked for",
        ("getaddrinfo", ("broken.onion", 80)),
    ),
    (
        "RFC 6761: localhost, and what is under it, is never asked for",
        ("getaddrinfo", ("localhost.", 80)),
    ),
    (
        "a reply that ends too early is none, and another server is asked; glibc takes its beginning for an answer",
        ("getaddrinfo", ("broken-off.test.", 80)),
    ),
    (
        "as above",
        ("gethostbyname_ex", ("broken-off.test.",)),
    ),
    (
        "that a server hangs up is a temporary failure, which glibc 2.36 forgets when asked for AF_INET alone",
        ("gethostbyname_ex", ("hangs-up.test.",)),
    ),
    (
        "RFC 6724 puts unique local addresses after those of IPv4; glibc 2.36 has the precedences of RFC 3484",
        ("getaddrinfo", ("local.test", 80, 0, STREAM)),
    ),
    (
        "RFC 6724 has places for Teredo and the network of the 6bone that RFC 3484, and so glibc 2.36, has not",
        ("getaddrinfo", ("tunnels.test", 80, 0, STREAM)),
    ),
    (
        "IPv4 addresses stay in the order of the server, which may rotate them; glibc 2.36 puts those of the own subnet first",
        ("getaddrinfo", ("near.test", 80, 0, STREAM)),
    ),
    (
        "an IPv4 address of the link is one of the link in IPv6 too; glibc 2.36 takes it for one of the world there",
        ("getaddrinfo", ("link.test", 80, socket.AF_INET6, STREAM, 0, socket.AI_V4MAPPED)),
    ),
)


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return what a call returns, with the types in it, or which exception with which arguments it raises."""
    try:
        result = function(*arguments)
    except Exception as error:
        # By number where there is one: the words are the platform's.
        return type(error).__name__, error.errno if isinstance(error, OSError) else str(error)
    if isinstance(result, list):
        return [[[type(item).__name__, str(item)] for item in row] for row in result]
    return result


def differences(resolver: Any, cases: Iterable[Case], standard: Any = socket) -> tuple[int, list[str]]:
    """Return how many calls were compared, and a line for each that differs from the *standard*, by default the C library."""
    found = []
    count = 0
    for name, arguments in cases:
        count += 1
        theirs, ours = outcome(getattr(standard, name), arguments), outcome(getattr(resolver, name), arguments)
        if theirs != ours:
            found.append(f"{name}{arguments!r}: expected {theirs}, got {ours}")
    return count, found


def differences_at_once(resolver: Any, cases: list[Case], standard: Any = socket) -> list[str]:
    """As `differences`, all cases at once: for those that wait for servers that do not answer."""
    theirs, ours = outcomes_at_once(standard, cases), outcomes_at_once(resolver, cases)
    return [
        f"{name}{arguments!r}: expected {expected}, got {got}"
        for (name, arguments), expected, got in zip(cases, theirs, ours)
        if expected != got
    ]


def outcomes_at_once(resolver: Any, cases: list[Case]) -> list[Any]:
    """Return the outcome of each of *cases*: of the C library in native threads, of other resolvers in greenlets."""
    if resolver is socket or isinstance(resolver, BlockingResolver):
        with ThreadPoolExecutor(len(cases)) as threads:
            return list(threads.map(lambda case: outcome(getattr(resolver, case[0]), case[1]), cases))
    asking = [spawn(outcome, getattr(resolver, name), arguments) for name, arguments in cases]
    joinall(asking)
    return [each.get() for each in asking]


CONF = "nameserver 127.0.0.1\nsearch one.test # two.test\noptions timeout:1 attempts:1\n"
HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost
192.0.2.99 FileOnly filealias other
2001:db8::99 fileonly
192.0.2.98 filealias
192.0.2.97 machine.test machine
:: nothing
0.0.0.0 nothing
"""
NETWORK = (
    "addr add 10.0.0.2/24 dev lo",
    "addr add 2001:db8:1::1/64 dev lo nodad",
    "addr add fd00:1::1/64 dev lo nodad",
    "route add default dev lo src 10.0.0.2",
    "-6 route add default dev lo",
)
"""What `ip` is told, so that addresses can be reached from others, by which they are put into order."""

RECORDS = (
    "dangling.test. 60 CNAME nobody.elsewhere.",
    "nodata.one.test. 60 TXT none",
    "a.b.two.test. 60 A 192.0.2.15",
    "broken.two.test. 60 A 192.0.2.16",
    "under_score.test. 60 A 192.0.2.17",
    "oddalias.test. 60 CNAME no\\032name.test.",
    "no\\032name.test. 60 A 192.0.2.18",
    "cut.test. 60 A 192.0.2.19",
    "half.test. 60 A 192.0.2.20",
    "xn--grn-ioa.test. 60 A 192.0.2.21",
    "_sip._udp.test. 60 A 192.0.2.22",
    "a" * 63 + ".test. 60 A 192.0.2.23",
    *(f"c{i}.test. 60 CNAME c{i + 1}.test." for i in range(8)),
    "c8.test. 60 AAAA 2001:db8::8",
    "chain.test. 60 CNAME c0.test.",
    *("both.test. 60 A 203.0.113.5", "both.test. 60 A 198.51.100.9"),
    *("both.test. 60 AAAA 2001:db8:9::1", "both.test. 60 AAAA 2001:db8:1::55"),
    *("link.test. 60 A 169.254.3.3", "link.test. 60 A 198.51.100.9"),
    *("local.test. 60 A 198.51.100.9", "local.test. 60 AAAA fd00:1::55"),
    *("tunnels.test. 60 AAAA 2002:c000:204::1", "tunnels.test. 60 AAAA 2001:0:1::1", "tunnels.test. 60 AAAA 3ffe::1"),
    *("near.test. 60 A 198.51.100.9", "near.test. 60 A 10.0.0.77"),
)


def fill(server: Any) -> None:
    """Let *server* know, and do, what is asked for here."""
    from nameserver import BAD, fails, says, truncates

    server.add(*RECORDS, *(f"large.test. 60 A 198.51.100.{i}" for i in range(1, 60)))
    server.behave("fails.test.", fails)
    server.behave("broken.one.test.", fails)
    server.behave("broken.onion.", fails)
    server.behave("5.2.0.192.in-addr.arpa.", fails)
    server.behave("formerr.test.", says(1))
    server.behave("cut.test.", truncates)
    for name, behaviour in BAD.items():
        server.behave(f"{name}.test.", behaviour)
    server.behave("half.test.", lambda asked: (fails if asked.question.kind == "AAAA" else says_right)(asked))


def says_right(asked: Any) -> None:
    asked.send_message(asked.reply())


def raise_loopback() -> None:
    """Switch the loopback interface of this network namespace on."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        name = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(sock, 0x8913, name))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh22x", b"lo", flags | 1))  # SIOCSIFFLAGS, IFF_UP


def compare() -> int:
    """Be the program inside: compare, print, and return how many differences there are that are not meant."""
    from hublet.dns import cares, dnspython

    raise_loopback()
    for command in NETWORK:
        subprocess.run(["ip", *command.split()], check=True)
    socket.sethostname("machine")
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        # A process of its own: CPython 3.10 holds its lock while the C library looks up the name of an address.
        from nameserver import ZONE, NameServer

        server = NameServer("127.0.0.1", 53)
        server.add(*ZONE)
        fill(server)
        os.write(write_end, b".")
        os.close(write_end)
        threading.Event().wait()  # until it is killed
    os.close(write_end)  # or it would be waited for in vain
    assert os.read(read_end, 1) == b".", "the name server did not start"
    try:
        wrong = 0
        ours = (BlockingResolver(), ThreadResolver(), dnspython.Resolver(cache_size=0), cares.Resolver(cache_size=0))
        for resolver in ours:
            count, found = differences(resolver, with_name_server())
            unlike = {(function, arguments[0]) for _, (function, arguments) in DEVIATIONS}
            bad = [case for case in with_bad_servers() if (case[0], case[1][0]) not in unlike]
            count += len(bad)
            found += differences_at_once(resolver, bad)
            meant = [(why, each) for why, case in DEVIATIONS for each in differences(resolver, [case])[1]]
            wrong += len(found)
            name = f"{type(resolver).__module__}.{type(resolver).__name__}"
            print(f"{name}: {count} calls, {len(found)} unlike the C library, {len(meant)} meant to be unlike it")
            print(*found, *(f"meant: {why}: {each}" for why, each in meant), sep="\n")
        return wrong
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def separate() -> int:
    """Run this program in namespaces in which the C library asks our name server; return its status."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"resolv.conf": CONF, "hosts": HOSTS, "nsswitch.conf": "hosts: files dns\nservices: files\nprotocols: files\n"}
        mounts = ""
        for name, content in files.items():
            (Path(folder) / name).write_text(content)
            mounts += f"mount --bind {folder}/{name} /etc/{name} && "
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        for name in ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"):
            environment.pop(name, None)
        command = ["unshare", "--map-root-user", "--mount", "--net", "--uts", "sh", "-c", f'{mounts} exec "$0" "$1" inside']
        return subprocess.run([*command, sys.executable, __file__], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(compare() > 0 if "inside" in sys.argv else separate())

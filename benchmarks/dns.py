"""How fast names are looked up: hublet's resolvers beside gevent's, against one name server on loopback, in one run.

    python benchmarks/dns.py [--repeat 3] [--only hublet-cares gevent-ares]

Each row is 10,000 look-ups by 100 greenlets, of names that are all different or of one name; each figure is microseconds
per look-up, of the processor (user and system, the best of the repetitions) and of the clock.  Each peer runs in a process
of its own, and they take turns.

The C library reads /etc/resolv.conf and asks port 53, so everything runs in namespaces of its own (Linux, `unshare`), with
a network that is nothing but loopback.  The name server is a few lines of C, which are compiled first, so that it is not
what is measured; different names have different addresses.  gevent's `dnspython` resolver needs dnspython before 2.4, and is
left out with a later one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

del sys.path[0]  # or this file would be what `import dns` finds, instead of dnspython

LOOKUPS, GREENLETS = 10_000, 100

SERVER = r"""
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Answers every question: for A and AAAA an address that follows from the name, for the rest nothing and an SOA record. */
int main(int argc, char **argv) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 1 << 22;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(53)}, peer;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&here, sizeof here)) return 1;
    for (;;) {
        unsigned char m[1500];
        socklen_t length = sizeof peer;
        ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&peer, &length);
        if (n < 17) continue;
        int end = 12;
        while (end < n && m[end]) end += m[end] + 1;
        unsigned hash = 2166136261u;
        for (int i = 12; i < end && i < n; i++) hash = (hash ^ m[i]) * 16777619u;
        end += 5;
        if (end > n) continue;
        int type = m[end - 4] << 8 | m[end - 3], size_of_data = type == 1 ? 4 : type == 28 ? 16 : 0;
        m[2] = 0x84 | (m[2] & 1), m[3] = 0x80;
        memset(m + 6, 0, 6);
        unsigned char *p = m + end;
        if (size_of_data) {
            const unsigned char address[16] = {0x20, 1, 0xd, 0xb8, [12] = hash >> 24, hash >> 16, hash >> 8, hash};
            m[7] = 1;
            *p++ = 0xc0, *p++ = 12, *p++ = 0, *p++ = type, *p++ = 0, *p++ = 1;
            *p++ = 0, *p++ = 0, *p++ = 0x0e, *p++ = 0x10, *p++ = 0, *p++ = size_of_data;
            memcpy(p, address + 16 - size_of_data, size_of_data);
            if (type == 1) *p = 10;
            p += size_of_data;
        } else {
            m[9] = 1;
            *p++ = 0xc0, *p++ = 12, *p++ = 0, *p++ = 6, *p++ = 0, *p++ = 1;
            *p++ = 0, *p++ = 0, *p++ = 0, *p++ = 60, *p++ = 0, *p++ = 22;
            *p++ = 0, *p++ = 0;
            memset(p, 0, 20), p[19] = 60, p += 20;
        }
        sendto(fd, m, p - m, 0, (struct sockaddr *)&peer, length);
    }
}
"""


def hublet_peer(resolver: str):
    from hublet.core import joinall, resolvers, spawn

    used = resolvers.use(resolver)
    return used, spawn, joinall


def gevent_peer(resolver: str):
    os.environ["GEVENT_RESOLVER"] = resolver
    import gevent

    return gevent.get_hub().resolver, gevent.spawn, gevent.joinall


PEERS = {
    "hublet-thread": (hublet_peer, "thread"),
    "hublet-dnspython": (hublet_peer, "dnspython"),
    "hublet-cares": (hublet_peer, "cares"),
    "gevent-thread": (gevent_peer, "thread"),
    "gevent-dnspython": (gevent_peer, "dnspython"),
    "gevent-ares": (gevent_peer, "ares"),
}
CALLS = {
    "gethostbyname": lambda resolver, name: resolver.gethostbyname(name),
    "getaddrinfo": lambda resolver, name: resolver.getaddrinfo(name, 80, 0, 1),
}
ROWS = [(call, names) for call in CALLS for names in ("distinct", "same")]


def be_peer(peer: str, call: str, names: str) -> None:
    """Be a peer: look up, and print microseconds per look-up, of the processor and of the clock."""
    make, kind = PEERS[peer]
    resolver, spawn, joinall = make(kind)
    look_up = CALLS[call]
    look_up(resolver, "first.bench.test")

    def work(start: int) -> None:
        for i in range(start, LOOKUPS, GREENLETS):
            look_up(resolver, f"n{i}.bench.test" if names == "distinct" else "one.bench.test")

    started, cpu = time.perf_counter(), time.process_time()
    greenlets = [spawn(work, start) for start in range(GREENLETS)]
    joinall(greenlets)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - started
    for greenlet in greenlets:
        greenlet.get()
    print(json.dumps([cpu / LOOKUPS * 1e6, wall / LOOKUPS * 1e6]))


def measure(folder: str, repeat: int, only: list[str]) -> None:
    """Be the program inside: serve, let the peers take turns, print the table."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "packages/dns/tests"))
    from side_by_side import raise_loopback

    raise_loopback()
    server = subprocess.Popen([f"{folder}/server"])
    peers = [peer for peer in PEERS if not only or peer in only]
    found: dict[tuple[str, str, str], list[list[float]]] = {}
    try:
        for _ in range(repeat):
            for call, names in ROWS:
                for peer in peers:
                    command = [sys.executable, __file__, "--peer", peer, call, names]
                    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
                    if ran.returncode:
                        print(peer, call, names, *ran.stderr.splitlines()[-1:], file=sys.stderr)
                        continue
                    found.setdefault((peer, call, names), []).append(json.loads(ran.stdout))
    finally:
        server.kill()
        server.wait()
    print("| µs per look-up: processor (clock) |", *(f" {peer.replace('-', ' ')} |" for peer in peers), sep="")
    print("|---|", "---|" * len(peers), sep="")
    for call, names in ROWS:
        cells = []
        for peer in peers:
            runs = found.get((peer, call, names))
            cells.append(f" {min(run[0] for run in runs):.0f} ({min(run[1] for run in runs):.0f}) |" if runs else " – |")
        print(f"| `{call}`, {'different names' if names == 'distinct' else 'the same name'} |", *cells, sep="")


def separate(arguments: list[str]) -> int:
    """Compile the server and run this program in namespaces."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "server.c").write_text(SERVER)
        subprocess.run(["cc", "-O2", "-o", f"{folder}/server", f"{folder}/server.c"], check=True)
        files = {
            "resolv.conf": "nameserver 127.0.0.1\n",
            "hosts": "127.0.0.1 localhost\n",
            "nsswitch.conf": "hosts: files dns\n",
        }
        mounts = ""
        for name, content in files.items():
            (Path(folder) / name).write_text(content)
            mounts += f"mount --bind {folder}/{name} /etc/{name} && "
        command = ["unshare", "--map-root-user", "--mount", "--net", "sh", "-c", f'{mounts} exec "$0" "$@"']
        return subprocess.run(
            [*command, sys.executable, __file__, "--inside", folder, *arguments], check=False
        ).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="how often each peer is measured")
    parser.add_argument("--only", nargs="*", default=[], choices=PEERS, help="these peers alone")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        be_peer(*options.peer)
    elif options.inside:
        measure(options.inside, options.repeat, options.only)
    else:
        return separate(sys.argv[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())

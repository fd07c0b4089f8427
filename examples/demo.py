"""Crawl a real web site one page at a time, then with 100 greenlets, and compare.

    python examples/demo.py

The site is the documentation that `pydoc` writes about the standard library, served on loopback by another process;
each page takes 50 ms, as pages from far away do.  The crawler is `crawl.py`: `urllib.request` and `html.parser`, made
cooperative by the two lines below.
"""

from hublet import monkey

monkey.patch_all()  # first of all, so that whatever is imported from here on is cooperative

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from crawl import Crawl, report, shown, summary, table

SITE = Path(__file__).with_name("pydoc_site.py")
SAMPLE = 48  # pages of the site, evenly spread, that are read one at a time


@contextlib.contextmanager
def served_site(delay: float) -> Iterator[str]:
    """Serve the site while the block runs, and give its address."""
    command = [sys.executable, str(SITE), "--delay", str(delay), "--sample", str(SAMPLE)]
    # In a session of its own a Ctrl-C does not reach it.  It ends when its standard input does.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("http"):
                    break
                say(line.strip(), passing=True)
            else:
                raise SystemExit("demo.py: the site did not start; what it said stands above")
            yield line.strip()
        finally:
            process.stdin.close()
            process.kill()


def crawl_it(crawl: Crawl) -> float | None:
    """Run *crawl* and return for how many seconds other programs kept it from the CPU; `None` where nobody counts.

    Linux does.  Without that figure nobody could tell a crawl that waits from one on a busy machine.
    """

    def stood_in_line() -> float | None:
        try:
            return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            return None

    before = stood_in_line()
    with shown(crawl):
        crawl.run()
    after = stood_in_line()
    return None if before is None or after is None else after - before


def say(text: str, passing: bool = False) -> None:
    """Tell who watches what goes on; what is *passing* only on a terminal, and the next words take its place."""
    terminal = sys.stderr.isatty()
    if terminal or not passing:
        start = "\r\x1b[K" if terminal else ""
        print(start + text, end="" if passing else "\n", file=sys.stderr, flush=True)


def comparison(one: Crawl, many: Crawl, in_line: list[float | None]) -> str:
    """Return the table that compares the two crawls, which stood *in_line* for a CPU for so many seconds."""

    def per_page(seconds: float, crawl: Crawl) -> float:
        return 1000 * seconds / max(1, crawl.pages)

    wall = per_page(one.wall_time, one), per_page(many.wall_time, many)
    cpu = per_page(one.cpu_time, one), per_page(many.cpu_time, many)
    waits = ["not known" if seconds is None else f"{seconds:.2f} s" for seconds in in_line]
    return table(
        [
            ("", "one at a time", f"{many.concurrency} greenlets", "ratio"),
            *((*row, figure, "") for row, (_, figure) in zip(summary(one), summary(many), strict=True)),
            ("kept from the CPU by others", *waits, ""),
            ("wall time / CPU time", f"{wall[0] / cpu[0]:.2f}", f"{wall[1] / cpu[1]:.2f}", ""),
            ("wall time per page", f"{wall[0]:.1f} ms", f"{wall[1]:.1f} ms", f"{wall[0] / wall[1]:.1f}"),
            ("CPU time per page", f"{cpu[0]:.1f} ms", f"{cpu[1]:.1f} ms", f"{cpu[0] / cpu[1]:.1f}"),
        ]
    )


def main() -> int:
    """Serve, crawl twice, compare.  Return 0, 1 if anything was wrong with the site, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description="Crawl a site on loopback, one page at a time and many.")
    parser.add_argument("--concurrency", type=int, default=100, metavar="N", help="greenlets (%(default)s)")
    parser.add_argument("--delay", type=float, default=0.05, metavar="SECONDS", help="of each page (%(default)s)")
    options = parser.parse_args()
    if options.concurrency < 1:
        parser.error("it takes at least one greenlet to crawl")
    os.environ["no_proxy"] = "127.0.0.1"  # `urllib` would ask a proxy for our site, where one is configured
    crawl = None
    try:
        say("The site: what pydoc writes about the modules of the standard library.")
        with served_site(options.delay) as address:
            say(f"{SAMPLE} of its pages, one at a time:")
            one = crawl = Crawl([address + "sample.html"], concurrency=1, limit=1 + SAMPLE, timeout=60)
            in_line = [crawl_it(crawl)]
            say(f"All of its pages, with {options.concurrency} greenlets:")
            many = crawl = Crawl([address], concurrency=options.concurrency, timeout=60)
            in_line.append(crawl_it(crawl))
    except KeyboardInterrupt:
        say("Interrupted.")
        if crawl is not None:
            print(report(crawl))
        return 130
    print(f"\n{comparison(one, many, in_line)}\n")
    print(f"Each page takes {1000 * options.delay:g} ms to come.  The two did not read equally many: compare per page.")
    print("A wall time near the CPU time means that the crawl has no time left to wait in.")
    for url, what in (one.errors | many.errors).items():
        print(url, what)
    return int(bool(one.errors or many.errors))


if __name__ == "__main__":
    sys.exit(main())

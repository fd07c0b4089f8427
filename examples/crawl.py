"""Crawl web sites with the standard library's blocking code, many pages at a time.

    python -m hublet.monkey examples/crawl.py https://example.org/ --concurrency 50 --limit 500

The first half of this file reads one page with `urllib.request` and `html.parser`, and knows nothing of greenlets.  The
second half has many greenlets do that at once.  It stays on the hosts of the start addresses and asks for each page
once: a redirect counts as a link.  Whatever is wrong with a page is a row in the table at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import string
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import IncompleteRead
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from hublet import monkey
from hublet.core import Timeout, sleep, spawn
from hublet.pool import Pool
from hublet.sync import Event

LONGEST = 10_000_000  # bytes; a page that goes on after that is not one

# One page: plain blocking Python -------------------------------------------------------------------------------------


@dataclass
class Page:
    """What an address had to offer."""

    size: int = 0  # bytes
    links: int = 0
    targets: list[str] = field(default_factory=list)  # of the links, each once
    redirect: str | None = None
    complaint: str | None = None


class LinkParser(HTMLParser):
    """Collects the addresses that a page links to, as they stand there."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("a", "base"):
            target = dict(attributes).get("href")
            if target and tag == "a":
                self.links.append(target)
            elif target and not self.base:
                self.base = target


class RedirectsAreLinks(HTTPRedirectHandler):
    """Leaves redirects to the caller, who gets an `HTTPError`."""

    def redirect_request(self, *arguments: object) -> None:
        return None


def absolute(base: str, link: str) -> str | None:
    """Return the address of the page that *link* on the page *base* leads to; `None` if it is none of the web's."""
    try:
        parts = urlsplit(urljoin(base, link.strip()))
        path, query = (quote(part, safe=string.punctuation) for part in (parts.path or "/", parts.query))
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return parts._replace(netloc=parts.netloc.lower(), path=path, query=query, fragment="").geturl()


def read_page(opener: OpenerDirector, url: str, timeout: float) -> Page:
    """Ask for one page and find its links.  What can go wrong is as `urlopen`, and `ValueError` for what is no page."""
    request = Request(url, headers={"User-Agent": "hublet-crawl", "Accept": "text/html"})
    try:
        response = opener.open(request, timeout=timeout)
    except HTTPError as error:
        with error:
            redirect = error.headers.get("Location")
            if redirect is not None and 300 <= error.code < 400:
                return Page(redirect=redirect)
            raise
    with response:
        kind = response.headers.get_content_type()
        if kind not in ("text/html", "application/xhtml+xml"):
            raise ValueError(f"not HTML but {kind}")
        body = response.read(LONGEST)
        if len(body) == LONGEST:
            raise ValueError(f"longer than {LONGEST:,} bytes")
        if response.length:
            raise IncompleteRead(body, response.length)
    said = re.search(rb"charset=[\"']?([\w-]+)", body[:1024])
    encoding = response.headers.get_content_charset() or (said[1].decode() if said else "utf-8")
    complaint = None
    try:
        html = body.decode(encoding)
    except (LookupError, ValueError) as error:
        # Its links are worth having all the same: most of them are ASCII.
        complaint = str(error)
        html = body.decode(errors="replace")
    parser = LinkParser()
    try:
        parser.feed(html)
        parser.close()
    except AssertionError as error:  # is what `html.parser` raises when it is lost
        complaint = f"broken HTML: {error}"
    base = urljoin(url, parser.base)
    places = dict.fromkeys(link.partition("#")[0] for link in parser.links)  # each worked out once, not once a section
    targets = [target for place in places if (target := absolute(base, place)) is not None]
    return Page(len(body), len(parser.links), targets, complaint=complaint)


def describe(error: Exception) -> str:
    """Say in a few words what was wrong."""
    if isinstance(error, HTTPError):
        return f"{error.code} {error.reason}".strip()
    if isinstance(error, URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    name, text = type(error).__name__, str(error)
    return text if name == "ValueError" or name in text else f"{name}: {text}"


# Many at once: greenlets ---------------------------------------------------------------------------------------------


class Crawl:
    """A crawl, and what has come of it so far.

    At most *concurrency* greenlets read at once, each for at most *timeout* seconds a page; no more than *limit*
    addresses are asked for.  Start addresses that are none of the web's, and no greenlets, raise `ValueError`.
    """

    def __init__(
        self, starts: Sequence[str], *, concurrency: int = 10, limit: int | None = None, timeout: float = 10.0
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"it takes at least one greenlet to crawl, not {concurrency}")
        self.concurrency = concurrency
        self.limit = limit
        self.timeout = timeout
        self.pages = self.size = self.links = 0
        self.answered = 0  # addresses whose page, redirect or error is here
        self.errors: dict[str, str] = {}  # address -> what is wrong with it
        self.wall_time = self.cpu_time = 0.0  # seconds, once it has run
        self.seen: set[str] = set()
        self._frontier: deque[str] = deque()  # seen, and not asked for yet
        self._redirects: dict[str, str] = {}
        self._news = Event()
        self._opener = build_opener(RedirectsAreLinks)
        addresses = [absolute("", start) for start in starts]
        self.hosts = {urlsplit(address).netloc for address in addresses if address}
        for start, address in zip(starts, addresses, strict=True):
            if address is None:
                raise ValueError(f"{start!r} is no address to start from; one looks like http://example.org/")
            self._discover(address)

    def run(self) -> None:
        """Read until there is nothing new.  Parks.  `KeyboardInterrupt` ends it at once; what has been found stays."""
        wall, cpu = time.monotonic(), time.process_time()
        workers = Pool(self.concurrency)
        try:
            while self.answered < len(self.seen):
                if self._frontier and not workers.full():
                    workers.spawn(self._work, self._frontier.popleft())
                else:
                    self._news.clear()
                    self._news.wait()
        finally:
            workers.kill()
            self.wall_time, self.cpu_time = time.monotonic() - wall, time.process_time() - cpu

    def _work(self, url: str | None) -> None:
        # Who is done with a page asks for the next one at once.  If a new greenlet did that, it would come after all
        # that are ready to run, and they would end up working, and then waiting, all at the same time.
        while url is not None:
            self._visit(url)
            url = self._frontier.popleft() if self._frontier else None

    def _visit(self, url: str) -> None:
        try:
            # The timeout of a socket starts afresh with each byte that comes in; this one is for the whole page.
            with Timeout(self.timeout):
                page = read_page(self._opener, url, self.timeout)
        except Timeout:
            self.errors[url] = f"no complete answer within {self.timeout:g} s"
        except Exception as error:  # a page can be wrong in more ways than anybody can list
            self.errors[url] = describe(error)
        else:
            if page.redirect is not None:
                self._follow(url, page.redirect)
            else:
                self.pages += 1
                self.size += page.size
                self.links += page.links
                if page.complaint is not None:
                    self.errors[url] = page.complaint
                for target in page.targets:
                    self._discover(target)
        self.answered += 1
        self._news.set()

    def _discover(self, url: str) -> bool:
        """Put *url* in line if it is new; false if it lies elsewhere."""
        if url not in self.seen:
            if urlsplit(url).netloc not in self.hosts:
                return False
            if self.limit is None or len(self.seen) < self.limit:
                self.seen.add(url)
                self._frontier.append(url)
        return True

    def _follow(self, url: str, redirect: str) -> None:
        target = absolute(url, redirect)
        if target is None or not self._discover(target):
            self.errors[url] = f"leads away, to {redirect}"
            return
        last = target
        while last != url and last in self._redirects:
            last = self._redirects[last]
        if last == url:
            self.errors[url] = "redirects in a circle"
        else:
            self._redirects[url] = target  # so that there is never a circle in what we remember, to be lost in

    def status(self) -> str:
        """Say in one line how far it is."""
        return (
            f"{self.answered:,} of {len(self.seen):,} addresses, {self.size / 1e6:.1f} MB, "
            f"{self.links:,} links, {len(self.errors):,} errors"
        )


# What is seen of it --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def shown(crawl: Crawl) -> Iterator[None]:
    """Show how far *crawl* is while the block runs: a bar on a terminal, otherwise a line now and then."""
    ticker = spawn(drawing(crawl) if sys.stderr.isatty() else writing(crawl))
    try:
        yield
    finally:
        ticker.kill()


def writing(crawl: Crawl) -> Callable[[], None]:
    """Return a function that writes a line each second, until it is killed."""

    def write() -> None:
        while True:
            sleep(1)
            print(crawl.status(), file=sys.stderr, flush=True)

    return write


def drawing(crawl: Crawl) -> Callable[[], None]:
    """Return a function that draws a bar, until it is killed."""
    try:
        from rich.console import Console  # late: only terminals need it, and not everybody has it
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
    except ImportError:
        return writing(crawl)
    columns = SpinnerColumn(), BarColumn(), TextColumn("{task.description}")
    bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)

    def draw() -> None:
        with bar:
            line = bar.add_task("")
            while True:
                bar.update(line, completed=crawl.answered, total=len(crawl.seen), description=crawl.status())
                bar.refresh()
                sleep(0.1)

    return draw


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay *rows* out in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def summary(crawl: Crawl) -> list[tuple[str, str]]:
    """Return what came of it, as rows of a name and a figure."""
    return [
        ("pages", f"{crawl.pages:,}"),
        ("bytes", f"{crawl.size:,}"),
        ("links found", f"{crawl.links:,}"),
        ("errors", f"{len(crawl.errors):,}"),
        ("wall time", f"{crawl.wall_time:.2f} s"),
        ("CPU time", f"{crawl.cpu_time:.2f} s"),
    ]


def report(crawl: Crawl) -> str:
    """Return the tables that end a crawl: what came of it, and what was wrong."""
    lines = [table(summary(crawl))]
    if crawl.errors:
        width = max(map(len, crawl.errors))
        rows = (f"{url.ljust(width)}  {what}" for url, what in crawl.errors.items())
        # What a server says goes to a terminal here, which may take it for commands.
        lines += ["", *("".join(each if each.isprintable() else "?" for each in row) for row in rows)]
    return "\n".join(lines)


def main() -> int:
    """Crawl what the command line says.  Return 0, 1 if not one page could be read, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description="Crawl web sites, many pages at a time.")
    parser.add_argument("starts", nargs="+", metavar="START_URL", help="where to start; other hosts are left alone")
    parser.add_argument("--concurrency", type=int, default=10, metavar="N", help="pages at a time (%(default)s)")
    parser.add_argument("--limit", type=int, default=1000, metavar="PAGES", help="ask for no more (%(default)s)")
    parser.add_argument("--timeout", type=float, default=10, metavar="SECONDS", help="for one page (%(default)s)")
    options = parser.parse_args()
    try:
        crawl = Crawl(options.starts, concurrency=options.concurrency, limit=options.limit, timeout=options.timeout)
    except ValueError as error:
        parser.error(str(error))
    if not monkey.is_module_patched("socket"):
        print("One page at a time, for sockets still block.  Try: python -m hublet.monkey", *sys.argv, file=sys.stderr)
    interrupted = False
    try:
        with shown(crawl):
            crawl.run()
    except KeyboardInterrupt:
        interrupted = True
    print(report(crawl))
    return 130 if interrupted else int(crawl.pages == 0)


if __name__ == "__main__":
    sys.exit(main())

"""Look at the pages of the built book as a browser does, and say what is wrong with them.

``make test-site`` asks these questions of every page. ``python tools/site_checks.py`` prints the
answers as a table: what axe-core finds in either colour scheme, errors on the console, requests
that leave the machine, links that lead nowhere, faults of the HTML, and the weight of the page.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import html5lib
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "_build" / "html"
SCHEMES = ("light", "dark")
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # axe's rules that depend on the scheme
WIDTHS = (390, 768, 1300)  # a phone, a tablet, a laptop, in CSS pixels


def chromium() -> str | None:
    """Return the path of an installed Chromium, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium, and end it."""
    with sync_playwright() as playwright:
        # Nothing but our own pages is opened; in containers Chromium's sandbox does not start.
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback interface; gives the address, which ends in a slash."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def pages(built: Path = BUILT) -> list[str]:
    """Name the pages, relative to the built book."""
    found = (path.relative_to(built).as_posix() for path in built.rglob("*.html"))
    # Static files hold pieces of the theme, which are no pages.
    return sorted(page for page in found if not page.startswith(("_static/", "_sources/")))


@dataclass
class Findings:
    """What is wrong with a page; a page is right when all lists are empty."""

    axe: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in SCHEMES})
    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    sideways: list[str] = field(default_factory=list)
    icons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    kilobytes: float = 0.0


Tag = tuple[str, dict[str, str | None]]


class _Tags(HTMLParser):
    """Collects the tags of a page, with their attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[Tag] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@functools.lru_cache(maxsize=1)
def _parsed(path: Path, changed_ns: int) -> list[Tag]:
    return _Tags(path.read_text(encoding="utf-8")).found


def _tags(path: Path) -> list[Tag]:
    return _parsed(path, path.stat().st_mtime_ns)


@functools.cache
def _targets(path: Path) -> frozenset[str | None]:
    tags = _Tags(path.read_text(encoding="utf-8")).found
    return frozenset(
        {has["id"] for _, has in tags if "id" in has}
        | {has["name"] for tag, has in tags if tag == "a" and "name" in has}
    )


def broken_links(page: str, built: Path = BUILT) -> list[str]:
    """List the links of a page to files or anchors of the book that do not exist."""
    leads = {"a": "href", "img": "src", "script": "src", "link": "href"}
    broken = []
    for tag, attributes in _tags(built / page):
        link = attributes.get(leads.get(tag, ""))
        if link is None or urlsplit(link).scheme or link.startswith("//"):
            continue
        address, anchor = urldefrag(urljoin(page, link))
        target = built / unquote(urlsplit(address).path or page)
        if not target.is_file() or (
            anchor and target.suffix == ".html" and unquote(anchor) not in _targets(target)
        ):
            broken.append(link)
    return broken


def faults_of_html(page: str, built: Path = BUILT) -> list[str]:
    """List what HTML5's own parser has to mend, and ids that stand twice."""
    text = (built / page).read_text(encoding="utf-8")
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    parser.parse(text)
    lines = text.splitlines()
    faults = [
        f"{kind} {details or ''} in line {line}: {lines[line - 1].strip()[:80]}"
        for (line, _), kind, details in parser.errors
    ]
    ids = Counter(has["id"] for _, has in _tags(built / page) if "id" in has)
    return faults + [f"id {name!r} stands twice" for name in sorted(ids) if ids[name] > 1]


def _leads_to(page: str, built: Path) -> str | None:
    """Name the page that a page sends its readers on to at once, if it does."""
    for tag, has in _tags(built / page):
        if tag == "meta" and has.get("http-equiv") == "refresh":
            return urljoin(page, has["content"].partition("url=")[2])
    return None


# Images without words for those who do not see them; a file's name is no such word.
_IMAGES = """() => [...document.querySelectorAll('main img, main svg[role=img]')]
  .filter(image => !image.closest('[aria-hidden=true]'))
  .filter(image => {
    const text = image.getAttribute('alt') ?? image.getAttribute('aria-label')
      ?? image.querySelector?.('title')?.textContent;
    return text === null || text === undefined || /\\.(png|svg|jpe?g)$|^_?images/i.test(text);
  }).map(image => image.outerHTML.slice(0, 120))"""

# Icons whose drawing is missing.
_ICONS = """() => [...document.querySelectorAll('i[class*="fa-"], span[class*="fa-"]')]
  .filter(icon => getComputedStyle(icon, '::before').maskImage === 'none')
  .map(icon => icon.className)"""

# What cells wrote to stderr and no reader asked for.
_WARNINGS = """() => [...document.querySelectorAll('.output.stderr')]
  .map(output => output.textContent.trim().slice(0, 120))"""

# Measuring a contrast takes axe a millisecond or two, and a page has thousands of words of code and
# cells of tables. Of those that agree in all that decides about it (colours, backgrounds, size and
# weight, and the text around a link), one is as good as all. This notes how each looks now ...
_NOTE_LOOKS = """() => {
  const isText = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
  const style = element => getComputedStyle(element);
  const known = new Map();
  const behind = element => {  // what an element stands on; null where it may cover others
    if (element === null) return '';
    if (!known.has(element)) {
      const {position, opacity, filter, backgroundImage, backgroundColor} = style(element);
      const own = [opacity, filter, backgroundImage, backgroundColor].join('|');
      const further = behind(element.parentElement);
      if (!['absolute', 'fixed', 'sticky'].includes(position)) {
        known.set(element, further === null ? null : `${own}|${further}`);
      } else {  // what it covers does not show through a colour
        const covers = opacity === '1' && backgroundColor.startsWith('rgb(');
        known.set(element, covers && further !== null ? `${own}|over|${further}` : null);
      }
    }
    return known.get(element);
  };
  window.looks ??= new Map();
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some(isText)) continue;
    if (!element.checkVisibility({visibilityProperty: true})) continue;
    const {color, fontSize, fontWeight, textShadow, textDecorationLine} = style(element);
    const around = style(element.parentElement);
    const look = behind(element) === null ? Math.random() : [
      color, fontSize, fontWeight, textShadow, textDecorationLine, element.closest('a') !== null,
      around.color, around.textDecorationLine, behind(element)].join('|');
    window.looks.set(element, (window.looks.get(element) ?? '') + '|' + look);
  }
}"""
# ... and this takes away the words of what looked like another each time, and then what holds none.
# A link is judged by the words around it.
_KEEP_ONE_OF_EACH = """() => {
  const first = new Map();
  for (const [element, look] of window.looks) if (!first.has(look)) first.set(look, element);
  const kept = new Set(first.values());
  for (const element of [...kept]) kept.add(element.closest('a')?.parentElement);
  for (const element of window.looks.keys()) {
    if (kept.has(element)) continue;
    for (const node of [...element.childNodes]) if (node.nodeType === Node.TEXT_NODE) node.remove();
  }
  for (const element of [...document.body.querySelectorAll('*')].reverse()) {
    if (!element.childElementCount && !element.textContent.trim()) element.remove();
  }
}"""


def _axe(tab, options: dict) -> list[str]:
    # Preloading fetches style sheets again, from the wrong folder.
    options = {"resultTypes": ["violations"], "preload": False, **options}
    violations = tab.evaluate(
        "async options => (await axe.run(document, options)).violations", options
    )
    return [
        f"{rule['id']} ({len(rule['nodes'])}): {rule['nodes'][0]['html'][:160]}"
        for rule in violations
    ]


@contextlib.contextmanager
def _noticing(tab: Page, **handlers: Callable) -> Iterator[None]:
    """Call handlers of a tab's events, by name, until the end of the block."""
    for event, handler in handlers.items():
        tab.on(event, handler)
    try:
        yield
    finally:
        for event, handler in handlers.items():
            tab.remove_listener(event, handler)


def look(tab: Page, address: str, page: str, built: Path = BUILT) -> Findings:
    """Open a page once, and look at it in both colour schemes and at three widths.

    Parameters
    ----------
    tab : playwright.sync_api.Page
        Can be used for all pages: a process of Chromium for each, which reads the theme's scripts
        and style sheets anew, would take half as much again. It is left blank.
    address : str
        Of the served book; ends in a slash.
    page : str
        Such as ``book/callbacks.html``.
    built : Path
        The folder that is served.

    Returns
    -------
    Findings
    """
    found = Findings(links=broken_links(page, built), html=faults_of_html(page, built))
    weights = []
    in_pieces = False

    def at_response(answer) -> None:
        weights.append(_weight(answer, built, address))

    def at_console(message) -> None:
        if message.type in ("error", "warning") or "invalid" in message.text.lower():
            found.console.append(f"{message.text} {message.location['url']}")

    def at_error(error) -> None:
        if not in_pieces:
            found.console.append(str(error))

    def at_request(request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            found.outside.append(request.url)

    with _noticing(
        tab, response=at_response, console=at_console, pageerror=at_error, request=at_request
    ):
        tab.emulate_media(color_scheme="light", reduced_motion="no-preference")
        tab.goto(address + page)
        if target := _leads_to(page, built):
            # Looked at on the way there, it would be half of one page and half of the other.
            tab.wait_for_url(address + target)
        tab.wait_for_load_state("load")
        tab.wait_for_timeout(100)  # what scripts do once the page is there
        found.kilobytes = sum(weights) / 1000
        found.images = tab.evaluate(_IMAGES)
        found.icons = sorted(set(tab.evaluate(_ICONS)))
        found.warnings = tab.evaluate(_WARNINGS)
        # Colours are measured where they end, not on their way from one scheme to the other.
        tab.add_style_tag(content="* { transition: none !important; animation: none !important }")
        tab.evaluate(Axe().axe_script)
        later = {rule: {"enabled": False} for rule in OF_COLOURS}
        found.axe["light"] += _axe(tab, {"rules": later})
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            root = "document.documentElement"
            over = tab.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
            if over > 0:
                found.sideways.append(f"{over} pixels too wide at {width}")
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            tab.evaluate(_NOTE_LOOKS)
        in_pieces = True  # where scripts may miss what is gone
        tab.evaluate(_KEEP_ONE_OF_EACH)
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found.axe[scheme] += _axe(tab, {"runOnly": OF_COLOURS})
        # The next page is looked at as if it were the first.
        tab.evaluate("localStorage.clear(), sessionStorage.clear()")
        tab.goto("about:blank")
    return found


def _weight(answer, built: Path, address: str) -> int:
    path = built / unquote(urlsplit(answer.url).path.lstrip("/"))
    return path.stat().st_size if answer.url.startswith(address) and path.is_file() else 0


def main() -> int:
    """Print the table; fail if anything was found."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="for example book/callbacks.html; else all")
    parser.add_argument("--details", action="store_true", help="say what was found, too")
    options = parser.parse_args()
    columns = (
        "axe light",
        "axe dark",
        "console",
        "outside",
        "links",
        "html",
        "images",
        "sideways",
        "icons",
        "warnings",
    )
    table = Table("page", *columns, "kB")
    details, total = [], 0
    with browser() as chrome, serve(BUILT) as address:
        tab = chrome.new_page(viewport={"width": WIDTHS[-1], "height": 900})
        for page in options.pages or pages():
            found = look(tab, address, page)
            lists = [*found.axe.values(), found.console, found.outside, found.links]
            lists += [found.html, found.images, found.sideways, found.icons, found.warnings]
            total += sum(map(len, lists))
            table.add_row(page, *(str(len(each)) for each in lists), f"{found.kilobytes:.0f}")
            details += [
                f"{page} {column}: {text}"
                for column, each in zip(columns, lists, strict=True)
                for text in each
            ]
            print(page, flush=True, file=sys.stderr)
    Console(width=145).print(table)
    if options.details:
        print("\n".join(details))
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())

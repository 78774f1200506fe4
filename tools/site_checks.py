"""Open the pages of the built book in a browser and report what is wrong with them.

``make test-site`` tests every page. ``python tools/site_checks.py`` prints the results as a table:
findings of axe-core in both colour schemes, errors on the console, requests to other machines,
broken links, HTML errors, and the size of the page.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import io
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
import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "_build" / "html"
SCHEMES = ("light", "dark")
COLOUR_RULES = ["color-contrast", "link-in-text-block"]  # axe's rules that depend on the scheme
WIDTHS = (320, 390, 768, 1300)  # a laptop at 400 %, a phone, a tablet, a laptop; in CSS pixels


def chromium() -> str | None:
    """Return the path of an installed Chromium; None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium; close it at the end of the block."""
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start in containers; it opens only our own pages.
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback interface; yield the address, which ends in a slash."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def pages(built: Path = BUILT) -> list[str]:
    """Return the paths of all pages, relative to the built book."""
    found = (path.relative_to(built).as_posix() for path in built.rglob("*.html"))
    # Static files contain parts of the theme, which are not pages.
    return sorted(page for page in found if not page.startswith(("_static/", "_sources/")))


@dataclass
class Findings:
    """The problems of a page; all lists are empty if there are none."""

    axe: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in SCHEMES})
    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    sideways: list[str] = field(default_factory=list)
    icons: list[str] = field(default_factory=list)  # without a drawing, or fonts that are loaded
    warnings: list[str] = field(default_factory=list)
    kilobytes: float = 0.0


Tag = tuple[str, dict[str, str | None]]


class _Tags(HTMLParser):
    """Parser that collects the tags of a page with their attributes."""

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
    """Return the links of a page to files or anchors of the book that do not exist."""
    leads = {"a": "href", "img": "src", "script": "src", "link": "href"}
    broken = []
    for tag, attributes in _tags(built / page):
        link = attributes.get(leads.get(tag, ""))
        if link is None or urlsplit(link).scheme or link.startswith("//"):
            continue
        address, anchor = urldefrag(urljoin(page, link))
        target = built / unquote(urlsplit(address).path or page)
        if not target.is_file():
            broken.append(link)
        elif anchor and target.suffix == ".html":
            ids = _targets(target)
            # What follows "playground=" are settings of the figure, no place on the page.
            figure = anchor.startswith("playground=") and any(
                each.startswith("coursekit-playground-") for each in ids
            )
            if not figure and unquote(anchor) not in ids:
                broken.append(link)
    return broken


def html_errors(page: str, built: Path = BUILT) -> list[str]:
    """Return errors that an HTML5 parser finds, ids that occur twice, images without a size."""
    text = (built / page).read_text(encoding="utf-8")
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    parser.parse(text)
    lines = text.splitlines()
    faults = [
        f"{kind} {details or ''} in line {line}: {lines[line - 1].strip()[:80]}"
        for (line, _), kind, details in parser.errors
    ]
    ids = Counter(has["id"] for _, has in _tags(built / page) if "id" in has)
    faults += [
        f"image without width and height: {has.get('src')}"
        for tag, has in _tags(built / page)
        if tag == "img" and not {"width", "height"} <= has.keys() and "style" not in has
    ]
    return faults + [f"id {name!r} stands twice" for name in sorted(ids) if ids[name] > 1]


def redirect_target(page: str, built: Path) -> str | None:
    """Return the page to which a page redirects; None if it does not."""
    for tag, has in _tags(built / page):
        if tag == "meta" and has.get("http-equiv") == "refresh":
            return urljoin(page, has["content"].partition("url=")[2])
    return None


# Images without a text alternative; a file name does not count.
_IMAGES_WITHOUT_TEXT_JS = """() => [...document.querySelectorAll('main img, main svg[role=img]')]
  .filter(image => !image.closest('[aria-hidden=true]'))
  .filter(image => {
    const text = image.getAttribute('alt') ?? image.getAttribute('aria-label')
      ?? image.querySelector?.('title')?.textContent;
    return text === null || text === undefined || /\\.(png|svg|jpe?g)$|^_?images/i.test(text);
  }).map(image => image.outerHTML.slice(0, 120))"""

# Icons whose image is missing.
_MISSING_ICONS_JS = """() => [...document.querySelectorAll('i[class*="fa-"], span[class*="fa-"]')]
  .filter(icon => getComputedStyle(icon, '::before').maskImage === 'none')
  .map(icon => icon.className)"""

# Output of cells to stderr.
_WARNINGS_JS = """() => [...document.querySelectorAll('.output.stderr')]
  .map(output => output.textContent.trim().slice(0, 120))"""

# axe needs a millisecond or two to measure the contrast of one element, and pages have thousands of
# words of code and cells of tables. Elements that agree in colours, backgrounds, font size and
# weight have the same contrast, so one of each group is enough. Record the look of each element.
_RECORD_LOOKS_JS = """() => {
  const isText = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
  const style = element => getComputedStyle(element);
  const known = new Map();
  const behind = element => {  // background of an element; null where it may cover others
    if (element === null) return '';
    if (!known.has(element)) {
      const {position, opacity, filter, backgroundImage, backgroundColor} = style(element);
      const own = [opacity, filter, backgroundImage, backgroundColor].join('|');
      const further = behind(element.parentElement);
      if (!['absolute', 'fixed', 'sticky'].includes(position)) {
        known.set(element, further === null ? null : `${own}|${further}`);
      } else {  // an opaque colour hides what it covers
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
# Remove the text of elements that look like an earlier one in both schemes, then empty elements.
# The text around a link stays, because the contrast of the link is measured against it.
_REMOVE_DUPLICATES_JS = """() => {
  const first = new Map();
  for (const [element, look] of window.looks) if (!first.has(look)) first.set(look, element);
  const chosen = new Set(first.values());
  for (const element of [...chosen]) chosen.add(element.closest('a')?.parentElement);
  for (const element of window.looks.keys()) {
    if (chosen.has(element)) continue;
    for (const node of [...element.childNodes]) if (node.nodeType === Node.TEXT_NODE) node.remove();
  }
  for (const element of [...document.body.querySelectorAll('*')].reverse()) {
    if (!element.childElementCount && !element.textContent.trim()) element.remove();
  }
}"""


def _axe(tab, options: dict) -> list[str]:
    # Preloading would fetch style sheets again, from the wrong folder.
    options = {"resultTypes": ["violations"], "preload": False, **options}
    violations = tab.evaluate(
        "async options => (await axe.run(document, options)).violations", options
    )
    return [
        f"{rule['id']} ({len(rule['nodes'])}): {rule['nodes'][0]['html'][:160]}"
        for rule in violations
    ]


@contextlib.contextmanager
def _listening(tab: Page, **handlers: Callable) -> Iterator[None]:
    """Register handlers for events of a tab, by name, until the end of the block."""
    for event, handler in handlers.items():
        tab.on(event, handler)
    try:
        yield
    finally:
        for event, handler in handlers.items():
            tab.remove_listener(event, handler)


def look(tab: Page, address: str, page: str, built: Path = BUILT) -> Findings:
    """Open a page and test it in both colour schemes and at three widths.

    Parameters
    ----------
    tab : playwright.sync_api.Page
        A tab to use for all pages, which takes a third less time than a new one for each. It is
        left blank.
    address : str
        Address of the served book; ends in a slash.
    page : str
        Path of the page, such as ``book/callbacks.html``.
    built : Path
        The folder that is served.

    Returns
    -------
    Findings
    """
    found = Findings(links=broken_links(page, built), html=html_errors(page, built))
    weights = []
    dismantled = False

    def at_response(answer) -> None:
        weights.append(_weight(answer, built, address))

    def at_console(message) -> None:
        if message.type in ("error", "warning") or "invalid" in message.text.lower():
            found.console.append(f"{message.text} {message.location['url']}")

    def at_error(error) -> None:
        if not dismantled:
            found.console.append(str(error))

    fonts: set[str] = set()

    def at_request(request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            found.outside.append(request.url)
        if request.resource_type == "font":
            fonts.add(request.url.rpartition("/")[2])

    with _listening(
        tab, response=at_response, console=at_console, pageerror=at_error, request=at_request
    ):
        tab.emulate_media(color_scheme="light", reduced_motion="no-preference")
        tab.goto(address + page)
        if target := redirect_target(page, built):
            # Testing before the redirect has ended would mix the two pages.
            tab.wait_for_url(address + target)
        tab.wait_for_load_state("load")
        tab.wait_for_timeout(100)  # let scripts finish that run after loading
        found.kilobytes = sum(weights) / 1000
        found.images = tab.evaluate(_IMAGES_WITHOUT_TEXT_JS)
        found.icons = sorted({*tab.evaluate(_MISSING_ICONS_JS), *fonts})
        found.warnings = tab.evaluate(_WARNINGS_JS)
        # Without transitions, so that colours are measured in their final state.
        tab.add_style_tag(content="* { transition: none !important; animation: none !important }")
        tab.evaluate(Axe().axe_script)
        later = {rule: {"enabled": False} for rule in COLOUR_RULES}
        found.axe["light"] += _axe(tab, {"rules": later})
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            root = "document.documentElement"
            over = tab.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
            if over > 0:
                found.sideways.append(f"{over} pixels too wide at {width}")
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            tab.evaluate(_RECORD_LOOKS_JS)
        dismantled = True  # scripts may fail because elements are missing
        tab.evaluate(_REMOVE_DUPLICATES_JS)
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found.axe[scheme] += _axe(tab, {"runOnly": COLOUR_RULES})
        # Leave no state behind for the next page.
        tab.evaluate("localStorage.clear(), sessionStorage.clear()")
        tab.goto("about:blank")
    return found


# What a stop of the Tab key is called, its place on the page, and which stops look alike.
_STOP_JS = """() => {
  const stop = document.activeElement;
  if (stop === null || stop === document.body) return null;
  if (stop.stopKey === undefined) {
    window.lastStopKey = (window.lastStopKey ?? 0) + 1;
    stop.stopKey = window.lastStopKey;
  }
  const words = stop.getAttribute('aria-label') || stop.innerText || stop.value || stop.title || '';
  const name = one => `${one.localName}.${[...one.classList].sort().join('.')}`;
  const around = [stop, stop.parentElement, stop.parentElement.parentElement].map(name);
  // An element without a height of its own shows itself by what it contains.
  const boxes = [stop, ...stop.querySelectorAll('*')].map(one => one.getBoundingClientRect());
  const {x, y, width, height} = boxes.find(one => one.width * one.height > 0) ?? boxes[0];
  return {
    key: stop.stopKey,
    text: `${stop.localName} "${words.trim().replace(/\\s+/g, ' ').slice(0, 40)}"`,
    kind: `${around.join(' < ')} ${stop.type ?? ''} ${stop.getAttribute('aria-current') ?? ''}`,
    box: [x, y, width, height],
    screen: [innerWidth, innerHeight],
  };
}"""
FOCUS_MARGIN = 6  # CSS pixels around an element in which its outline may lie
# WCAG 2.2, 2.4.13: the change has a contrast of 3 to 1, and is as large as a line of 2 CSS pixels
# around the element. Rounded corners and lines between pixels cost some of that.
FOCUS_CONTRAST = 3
FOCUS_SHARE = 0.6
MOST_STOPS = 600


@dataclass(frozen=True)
class Stop:
    """A stop of the Tab key.

    Attributes
    ----------
    text : str
        The element and its first words.
    change : float
        How much of the screen changes visibly, relative to a line of 2 pixels around the element.
    like : bool
        Whether an earlier stop of the same kind was measured in its place.
    """

    text: str
    change: float
    like: bool

    @property
    def seen(self) -> bool:
        """Whether a reader sees that the focus is here."""
        return self.change >= FOCUS_SHARE


def _luminance(image: Image.Image) -> np.ndarray:
    """Return the relative luminance of each pixel, as WCAG defines it."""
    rgb = np.asarray(image.convert("RGB"), dtype=float) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def _screenshot(tab: Page, clip: dict[str, float]) -> np.ndarray:
    return _luminance(Image.open(io.BytesIO(tab.screenshot(clip=clip, caret="hide"))))


def tab_through(tab: Page) -> list[Stop]:
    """Press Tab until the end of the open page; measure what can be seen of the focus.

    Each stop is photographed with the focus and without it. Of stops that look alike, by the names
    and classes of the element and of the two around it, one is measured.

    Parameters
    ----------
    tab : playwright.sync_api.Page
        With the page open, at the top, in the colour scheme to test.

    Returns
    -------
    list of Stop
    """
    tab.add_style_tag(
        content="* { transition: none !important; animation: none !important;"
        " scroll-behavior: auto !important; caret-color: transparent !important }"
    )
    begins_within = tab.evaluate("document.activeElement !== document.body")
    found: list[Stop] = []
    measured: dict[str, float] = {}
    keys: set[int] = set()
    for _ in range(MOST_STOPS):
        tab.keyboard.press("Tab")
        stop = tab.evaluate(_STOP_JS)
        if stop is None and begins_within and not found:
            continue  # past the end of the page; the next Tab begins at its top
        if stop is None or stop["key"] in keys:
            return found
        keys.add(stop["key"])
        kind = stop["kind"]
        like = kind in measured
        if not like:
            x, y, width, height = stop["box"]
            left, top = max(x - FOCUS_MARGIN, 0), max(y - FOCUS_MARGIN, 0)
            right = min(x + width + FOCUS_MARGIN, stop["screen"][0])
            bottom = min(y + height + FOCUS_MARGIN, stop["screen"][1])
            measured[kind] = 0.0
            if right > left and bottom > top:
                clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
                focused = _screenshot(tab, clip)
                # The next Tab goes on from here, although nothing has the focus now.
                tab.evaluate("window.stopHere = document.activeElement; window.stopHere.blur()")
                plain = _screenshot(tab, clip)
                tab.evaluate("window.stopHere.focus({preventScroll: true})")
                lighter, darker = np.maximum(focused, plain), np.minimum(focused, plain)
                changed = ((lighter + 0.05) / (darker + 0.05) >= FOCUS_CONTRAST).sum()
                line = 2 * 2 * (min(width, right - left) + min(height, bottom - top))
                measured[kind] = float(changed / line)
        found.append(Stop(stop["text"], measured[kind], like))
    raise RuntimeError(f"more than {MOST_STOPS} stops: does the focus go round in a circle?")


def _weight(answer, built: Path, address: str) -> int:
    path = built / unquote(urlsplit(answer.url).path.lstrip("/"))
    return path.stat().st_size if answer.url.startswith(address) and path.is_file() else 0


def main() -> int:
    """Print the table; return 1 if any page has a problem."""
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

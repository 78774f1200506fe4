"""Measure how each page of the built book loads, and write a table in Markdown.

Each page is opened as on a first visit, in both colour schemes and at five widths, and scrolled to
its end. ``python tools/site_table.py --out table.md`` takes half an hour or more for all pages;
name pages or ``--widths`` to measure only these. The server compresses nothing, so that published
pages weigh less.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import site_checks
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

WIDTHS = (320, 390, 768, 1300, 1920)  # 320: a laptop at 400 %
AXE_WIDTHS = (320, 1300)  # the sidebars are folded, and open
HEIGHT = 900

# Sum the movements that nobody caused, from the beginning of the page on.
_OBSERVE_JS = """
window.shift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: 'layout-shift', buffered: true});
"""
_SCROLL_JS = """async () => {
  const rest = () => new Promise(resolve => setTimeout(resolve, 30));
  for (let at = 0; at < document.documentElement.scrollHeight; at += innerHeight) {
    scrollTo(0, at);
    await rest();
  }
  await rest();
}"""
_LOADED_JS = """() => {
  const files = [...performance.getEntriesByType('navigation'),
    ...performance.getEntriesByType('resource')];
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  const root = document.documentElement;
  return {
    bytes: files.reduce((sum, file) => sum + file.transferSize, 0),
    files: files.length,
    paint: paint ? paint.startTime : NaN,
    shift: window.shift,
    over: root.scrollWidth - root.clientWidth,
  };
}"""


@dataclass(frozen=True)
class Load:
    """How a page loaded once.

    Attributes
    ----------
    bytes : int
        Bytes transferred until the end of the page was reached, without compression.
    files : int
        Number of files, the page itself included.
    paint : float
        Milliseconds to the first text or picture.
    shift : float
        Cumulative layout shift: the sum over all movements, not only the worst second.
    over : int
        Pixels by which the page is wider than the window.
    axe : int or None
        Number of rules of axe-core that the page breaks; None if axe did not run.
    """

    bytes: int
    files: int
    paint: float
    shift: float
    over: int
    axe: int | None


def measure(
    chrome: Browser,
    address: str,
    page: str,
    *,
    width: int,
    scheme: str,
    axe: bool = False,
    built: Path = site_checks.BUILT,
) -> Load:
    """Open a page as on a first visit, scroll to its end, and measure it.

    Parameters
    ----------
    chrome : playwright.sync_api.Browser
    address : str
        Address of the served book; ends in a slash.
    page : str
        Path of the page.
    width : int
        Width of the window in CSS pixels.
    scheme : str
        ``"light"`` or ``"dark"``.
    axe : bool
        Whether to run axe-core too.
    built : Path
        The folder that is served.

    Returns
    -------
    Load
    """
    context = chrome.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, reduced_motion="reduce"
    )
    try:
        tab = context.new_page()
        tab.add_init_script(_OBSERVE_JS)
        tab.goto(address + page)
        if target := site_checks.redirect_target(page, built):
            tab.wait_for_url(address + target)
        tab.wait_for_load_state("load")
        tab.evaluate(_SCROLL_JS)
        loaded = tab.evaluate(_LOADED_JS)
        broken = None
        if axe:
            tab.evaluate(Axe().axe_script)
            options = {"resultTypes": ["violations"], "preload": False}
            broken = tab.evaluate(
                "async options => (await axe.run(document, options)).violations.length", options
            )
        return Load(**loaded, axe=broken)
    finally:
        context.close()


def row(chrome: Browser, address: str, page: str, widths: list[int], built: Path) -> str:
    """Measure a page at some widths in both schemes; return its row of the table."""
    loads = {}
    for width in widths:
        for scheme in site_checks.SCHEMES:
            options = {"width": width, "scheme": scheme, "axe": width in AXE_WIDTHS}
            loads[width, scheme] = measure(chrome, address, page, built=built, **options)
    heaviest = max(loads.values(), key=lambda load: load.bytes)
    cells = [page, f"{heaviest.bytes / 1000:.0f}", str(heaviest.files)]
    for scheme in site_checks.SCHEMES:
        cells += [f"{loads[width, scheme].paint:.0f}" for width in widths]
        cells += [f"{loads[width, scheme].shift:.3f}" for width in widths]
        cells += [f"{loads[width, scheme].axe}" for width in widths if width in AXE_WIDTHS]
    cells.append(f"{max(load.over for load in loads.values())}")
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="for example book/callbacks.html; else all")
    parser.add_argument("--built", type=Path, default=site_checks.BUILT, help="the built book")
    parser.add_argument("--widths", nargs="+", type=int, default=WIDTHS, help="in CSS pixels")
    parser.add_argument("--out", type=Path, help="where to write the table; else it is printed")
    options = parser.parse_args()
    columns = ["page", "kB", "files"]
    for scheme in site_checks.SCHEMES:
        columns += [f"paint {scheme} {width}" for width in options.widths]
        columns += [f"shift {scheme} {width}" for width in options.widths]
        columns += [f"axe {scheme} {width}" for width in options.widths if width in AXE_WIDTHS]
    columns.append("px too wide")
    lines = [f"| {' | '.join(columns)} |", f"|---{'|---:' * (len(columns) - 1)}|"]
    with site_checks.browser() as chrome, site_checks.serve(options.built) as address:
        for page in options.pages or site_checks.pages(options.built):
            lines.append(row(chrome, address, page, options.widths, options.built))
            print(page, file=sys.stderr, flush=True)
            if options.out:
                options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if not options.out:
        print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

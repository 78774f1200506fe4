"""Make one PDF of the book, with an outline, and one of its cheat sheet, on one sheet of paper.

Sphinx writes the whole book as one HTML page, and Chromium prints it. No notebook runs: the outputs
come from the execution cache of ``make book``. The cheat sheet is printed from the built book, with
its own style sheet, as a reader would print it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import site_checks

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_MINUTES = 10
FOOTER = """<div style="width: 100%; font: 8pt sans-serif; text-align: center; color: #444">
<span class="pageNumber"></span></div>"""
# Navigation for screens, which would also appear in the outline.
SCREEN_ONLY = (
    ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .bd-header, .headerlink, "
    "#jb-print-toc, .prev-next-area, .bd-footer-article, .bd-footer, .skip-link, "
    "#pst-skip-link, .toctree-wrapper > .caption, .copybtn, dialog, script, #pst-back-to-top"
)
# On one page, link targets are empty lines, which could otherwise take a sheet of their own. All
# other rules for paper are those of the page itself, in book/_static/print.css.
ONE_PAGE_CSS = ".toctree-wrapper > span[id] { position: absolute; }"

# Allow line breaks in long names in tables, only after certain characters.
ADD_BREAKS_JS = """() => {
  for (const table of document.querySelectorAll('table.dataframe')) {
    table.classList.toggle('wide', table.rows[0].cells.length > 9);
  }
  for (const element of document.querySelectorAll('table td code, table.dataframe thead th')) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      const pieces = text.data.split(/(?<=[_.,(=/\\[{])(?=.)/);
      text.replaceWith(...pieces.flatMap((piece, n) =>
        n ? [document.createElement('wbr'), piece] : [piece]));
    }
  }
}"""
# Do not wrap columns of numbers in text output: where lines are too long, reduce the font size.
# Do not break short code such as --help at its hyphens.
SHRINK_OUTPUTS_JS = """() => {
  for (const output of document.querySelectorAll('.cell_output pre')) {
    const {fontSize, paddingLeft, paddingRight} = getComputedStyle(output);
    const padding = parseFloat(paddingLeft) + parseFloat(paddingRight);
    output.style.whiteSpace = 'pre';
    const share = (output.clientWidth - padding) / (output.scrollWidth - padding);
    output.style.whiteSpace = '';
    const smaller = `${0.99 * share * parseFloat(fontSize)}px`;
    if (share < 1 && share > 0.7) output.style.fontSize = smaller;
  }
  for (const code of document.querySelectorAll('code.literal')) {
    if (code.textContent.length < 25 && !code.closest('table')) code.style.whiteSpace = 'nowrap';
  }
}"""
# Find elements that the edge of the paper cuts off.
FIND_TOO_WIDE_JS = """() => [...document.querySelectorAll('table, img, code, .coursekit-live')]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
  .map(each => (each.alt || each.innerText).slice(0, 60))"""
PAPER_WIDTH_PX = 658  # 210 mm less the margins, at 96 dots per inch
SHEET = "book/cheat-sheet.html"
SHEET_PAGES = 2  # both sides of one sheet


def build() -> Path:
    """Write the book as one HTML page; return its path."""
    command = [Path(sys.executable).parent / "jupyter-book", "build", ".", "--quiet"]
    subprocess.run([*command, "--builder", "singlehtml"], cwd=ROOT, check=True)
    folder = ROOT / "_build" / "singlehtml"
    # Sphinx writes the page next to the root document, with links relative to the folder above.
    text = (folder / "book" / "index.html").read_text(encoding="utf-8")
    page = folder / "book.html"
    page.write_text(text.replace('href="book/index.html#', 'href="#'), encoding="utf-8")
    return page


def print_page(page: Path, target: Path) -> None:
    """Print a page to a PDF file, written atomically."""
    part = target.with_suffix(".part")
    with site_checks.browser() as chrome, site_checks.serve(page.parent) as address:
        tab = chrome.new_page(color_scheme="light", viewport={"width": 1000, "height": 1400})
        tab.set_default_timeout(TIMEOUT_MINUTES * 60_000)
        tab.goto(address + page.name)
        tab.wait_for_load_state("networkidle")
        tab.add_style_tag(content=ONE_PAGE_CSS)
        tab.evaluate(
            "which => document.querySelectorAll(which).forEach(each => each.remove())", SCREEN_ONLY
        )
        tab.evaluate(ADD_BREAKS_JS)
        # Start every page of the book on a new sheet, except the first, which follows the title.
        tab.evaluate(
            "[...document.querySelectorAll('section.tex2jax_ignore')].slice(1)"
            ".forEach(each => { each.style.breakBefore = 'page' })"
        )
        # Paper does not unfold or scroll: open all details and load all images.
        tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        tab.evaluate(
            "Promise.all([...document.images].map(each => { each.loading = 'eager';"
            " return each.decode().catch(() => null) }))"
        )
        tab.set_viewport_size({"width": PAPER_WIDTH_PX, "height": 1000})
        tab.emulate_media(media="print")
        tab.evaluate(SHRINK_OUTPUTS_JS)
        if too_wide := tab.evaluate(FIND_TOO_WIDE_JS):
            raise SystemExit(f"Wider than the paper: {too_wide}. The PDF is not written.")
        tab.pdf(
            path=part,
            format="A4",
            margin={"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"},
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            tagged=True,
            outline=True,
        )
    part.replace(target)


def count_pages(pdf: bytes) -> int:
    """Count the pages of a PDF that Chromium has written."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def print_sheet(tab: site_checks.Page, address: str) -> bytes:
    """Print the cheat sheet of the built book that is served at an address; return the PDF."""
    tab.goto(address + SHEET)
    tab.wait_for_load_state("load")
    pdf = tab.pdf(prefer_css_page_size=True, tagged=True)
    if (pages := count_pages(pdf)) != SHEET_PAGES:
        raise SystemExit(f"The cheat sheet has {pages} pages, not {SHEET_PAGES}.")
    return pdf


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ROOT / "_build" / "pdf" / "deep-learning-with-keras.pdf"
    parser.add_argument("--out", type=Path, default=default)
    target = parser.parse_args().out
    if site_checks.chromium() is None:
        print("The PDF is printed by Chromium, which is not installed (on Debian: apt install")
        print("chromium).", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    with site_checks.browser() as chrome, site_checks.serve(site_checks.BUILT) as address:
        sheet = target.with_name("cheat-sheet.pdf")
        sheet.write_bytes(print_sheet(chrome.new_page(), address))
    print_page(build(), target)
    for path in (sheet, target):
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

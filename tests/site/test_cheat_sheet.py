"""The cheat sheet prints on one sheet of A4, in readable type and without the site around it."""

from __future__ import annotations

import re

import make_pdf
import pytest

SMALLEST_PT = 7
PX_PER_PT = 96 / 72
PRINTED_WIDTH_PX = 718  # 210 mm less the margins of the style sheet
# The sizes of all text that is seen, and what of the page is seen beside the sheet.
_SIZES_JS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    seen.push([element.closest('#cheat-sheet') !== null,
               parseFloat(getComputedStyle(element).fontSize), walker.currentNode.data]);
  }
  return seen;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_on_one_sheet(tab, address, scheme):
    tab.emulate_media(color_scheme=scheme)
    pdf = make_pdf.print_sheet(tab, address)
    assert make_pdf.count_pages(pdf) == 2
    for size in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf):
        assert [float(each) for each in size] == pytest.approx([595, 842], abs=1)  # A4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_printed_can_be_read(tab, address, scheme):
    tab.emulate_media(media="print", color_scheme=scheme)
    tab.set_viewport_size({"width": PRINTED_WIDTH_PX, "height": 1000})
    tab.goto(address + make_pdf.SHEET)
    seen = tab.evaluate(_SIZES_JS)
    assert [text for inside, _, text in seen if not inside] == []
    assert min(size for _, size, _ in seen) >= SMALLEST_PT * PX_PER_PT - 0.01
    root = "document.documentElement"
    assert tab.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    cut_off = tab.evaluate(
        "[...document.querySelectorAll('#cheat-sheet :is(th, td)')]"
        ".filter(cell => cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.innerText)"
    )
    assert cut_off == []
    colours = tab.evaluate(
        "[...new Set([...document.querySelectorAll('#cheat-sheet :is(h1, h2, p, code)')]"
        ".filter(each => each.checkVisibility()).map(each => getComputedStyle(each).color))]"
    )
    assert colours == ["rgb(0, 0, 0)"]


def test_other_pages_print_as_before(tab, address):
    tab.emulate_media(media="print")
    tab.goto(f"{address}book/tuning-checklist.html")
    size = tab.evaluate("getComputedStyle(document.querySelector('article td')).fontSize")
    assert float(size.removesuffix("px")) >= 12
    assert tab.evaluate("getComputedStyle(document.body).page") != "cheat-sheet"

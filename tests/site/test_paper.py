"""Printed pages: the article alone, dark on white, from either colour scheme."""

from __future__ import annotations

import re

import make_pdf
import pytest

PAGES = ["callbacks", "meet-mnist", "see-it-live", "playground", "how-to-use", "api/evaluation"]
# The parts of a PDF that differ from one printing to the next.
DATES = re.compile(rb"/(CreationDate|ModDate) \([^)]*\)")
# What waits for a click, and what the sheet shows of the site around the article.
_IDLE_JS = """() => [...document.querySelectorAll(
    'button, select, input[type=range], input[type=text], input[type=search], nav, dialog, '
    + '.bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, details:not([open])'
  )].filter(one => one.checkVisibility() && one.getBoundingClientRect().height > 0)
  .filter(one => !one.matches('details.sd-dropdown'))  // prints opened
  .map(one => one.outerHTML.slice(0, 80))"""
# Text whose colour is nearly that of the paper, and boxes that are dark.
_UNREADABLE_JS = """() => {
  const lightness = colour => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return alpha === 0 ? 1 : (0.3 * red + 0.6 * green + 0.1 * blue) / 255;
  };
  return [...document.querySelectorAll('article *')]
    .filter(one => one.checkVisibility() && !one.closest('svg, .coursekit-live'))
    .filter(one => {
      const style = getComputedStyle(one);
      const words = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
      return (words && lightness(style.color) > 0.6) || lightness(style.backgroundColor) < 0.6;
    }).map(one => one.outerHTML.slice(0, 80));
}"""


def print_page(tab, address: str, page: str, scheme: str) -> bytes:
    tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    tab.goto(f"{address}book/{page}.html")
    tab.wait_for_load_state("load")
    tab.wait_for_timeout(300)  # live figures draw
    return DATES.sub(b"", tab.pdf(prefer_css_page_size=True, print_background=True))


@pytest.mark.parametrize("page", PAGES)
def test_the_dark_scheme_prints_as_the_light_one(tab, address, page):
    light, dark = (print_page(tab, address, page, scheme) for scheme in ("light", "dark"))
    assert make_pdf.count_pages(light) > 0
    assert light == dark
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"  # on the screen again


@pytest.mark.parametrize("page", PAGES)
def test_what_cannot_be_used_on_paper_is_not_there(tab, address, page):
    tab.goto(f"{address}book/{page}.html")
    tab.emulate_media(media="print")
    assert tab.evaluate(_IDLE_JS) == []
    assert tab.evaluate(_UNREADABLE_JS) == []
    (title,) = [one for one in tab.locator("h1").all() if one.is_visible()]
    assert title.inner_text().strip("#¶ \n")


def test_figures_and_folds_print(tab, address):
    tab.goto(f"{address}book/playground.html")
    tab.emulate_media(media="print")
    assert tab.locator(".coursekit-live canvas").first.is_visible()
    fold = tab.locator("details.sd-dropdown").first
    assert not fold.evaluate("one => one.open")
    assert fold.locator("li").first.is_visible()


def test_a_page_without_these_rules_is_found_out(tab, address):
    tab.goto(f"{address}book/callbacks.html")
    tab.emulate_media(color_scheme="dark", media="print")
    tab.evaluate("document.querySelector('link[href*=\"print.css\"]').remove()")
    assert tab.evaluate(_IDLE_JS)
    assert tab.evaluate(_UNREADABLE_JS)

"""Where the Tab key stops, a reader sees it, in both colour schemes."""

from __future__ import annotations

import pytest
import site_checks

PAGES = {
    "a chapter": "book/callbacks.html",
    "a page with a live figure": "book/playground.html",
    "the landing page": "book/index.html",
    "the search": "search.html",
    "a reference page": "book/api/evaluation.html",
}


@pytest.mark.parametrize("scheme", site_checks.SCHEMES)
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_the_focus_is_seen_at_every_stop(tab, address, page, scheme):
    tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    tab.goto(address + page)
    stops = site_checks.tab_through(tab)
    assert len(stops) > 20
    assert [stop.text for stop in stops if not stop.seen] == []
    # Stops that look alike are measured once; else this would take minutes.
    assert sum(not stop.like for stop in stops) < len(stops)


BUTTONS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Buttons</title>
<style>body {{ background: {ground} }} .odd:focus {{ {style} }}</style></head>
<body><button>First</button> <button class="odd">Second</button> <a href="#">Third</a></body></html>
"""


@pytest.mark.parametrize(
    ("style", "seen"),
    [
        ("outline: 2px solid #005", True),
        ("outline: 3px solid #005; outline-offset: -3px", True),
        ("outline: none; background: #000", True),
        ("outline: none", False),
        ("outline: 3px solid #eee", False),  # too pale
        ("outline: none; border-bottom: 1px solid #000", False),  # too little
        ("outline: none; color: #333", False),
    ],
)
def test_a_focus_that_is_hard_to_see_is_found_out(tab, tmp_path, style, seen):
    (tmp_path / "page.html").write_text(BUTTONS.format(ground="#fff", style=style))
    tab.goto(f"file://{tmp_path}/page.html")
    stops = site_checks.tab_through(tab)
    assert [stop.text.split('"')[1] for stop in stops] == ["First", "Second", "Third"]
    assert [stop.seen for stop in stops] == [True, seen, True]


def test_what_only_shows_its_contents_is_measured_by_them(tab, tmp_path):
    """As the arrows of the table of contents: a summary without a height."""
    style = (
        "</style><style>details { height: 0 } summary { height: 0 } summary:focus { outline: 0 }"
    )
    fold = "<details><summary><span style='position: absolute'>Arrow</span></summary></details>"
    page = BUTTONS.format(ground="#fff", style=f"}} {style} .none {{").replace(
        "<a href", f"{fold}<a href"
    )
    (tmp_path / "page.html").write_text(page)
    tab.goto(f"file://{tmp_path}/page.html")
    seen = {stop.text: stop.seen for stop in site_checks.tab_through(tab)}
    assert seen['summary "Arrow"'] is False
    page = page.replace("summary:focus {", "summary:focus span { outline: 3px solid #005 } .no {")
    (tmp_path / "page.html").write_text(page)
    tab.reload()
    seen = {stop.text: stop.seen for stop in site_checks.tab_through(tab)}
    assert seen['summary "Arrow"'] is True

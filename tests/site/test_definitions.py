"""Terms show their definition to the mouse, the keyboard and a finger, and say it once."""

from __future__ import annotations

import shutil

import pytest
import site_checks
from playwright.sync_api import Page, expect

STATIC = site_checks.ROOT / "book" / "_static"
BATCH = "The training examples from which the network computes one change of its weights."
SHAPE = 'The lengths of the axes of an array: a "table" of 150 rows has shape (150, 4).'
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A chapter</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="glossary.css"><script defer src="glossary.js"></script>
<style>
:root {{ --pst-color-on-background: #fff; --pst-color-text-base: #222; }}
body {{ font: 16px/1.5 sans-serif; margin: 8px }}
</style></head>
<body><main class="bd-article"><h1>A chapter</h1>
<p id="first">Each {batch} is small.</p>
<p style="margin-top: 160px; text-align: right">An array has a {shape}.</p>
<div style="height: 120px; overflow: hidden; width: 90px">cut off <p>{batch}</p></div>
<p style="margin-top: 3000px; width: 30%">At the very end there is one more {shape}</p>
</main></body></html>
"""
LINK = (
    '<a class="reference internal glossary-term" href="glossary.html#term-{name}" '
    'title="{title}">{text}</a>'
)
GLOSSARY = '<!doctype html><title>Glossary</title><p id="term-batch">batch</p>'


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    """The address of a small chapter with two terms, each used twice."""
    folder = tmp_path_factory.mktemp("definitions")
    for name in ("glossary.css", "glossary.js"):
        shutil.copy(STATIC / name, folder)
    batch = LINK.format(name="batch", title=BATCH, text="batch")
    shape = LINK.format(name="shape", title=SHAPE.replace('"', "&quot;"), text="shape of an array")
    page = PAGE.format(batch=batch, shape=shape)
    (folder / "chapter.html").write_text(page, encoding="utf-8")
    (folder / "glossary.html").write_text(GLOSSARY, encoding="utf-8")
    (folder / "favicon.ico").write_bytes(b"")
    with site_checks.serve(folder) as address:
        yield f"{address}chapter.html"


@pytest.fixture
def phone(chrome):
    """A tab on a phone."""
    size = {"width": 390, "height": 800}
    context = chrome.new_context(viewport=size, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


def box(tab: Page):
    return tab.locator(".glossary-box")


def terms(tab: Page):
    return tab.locator("a.glossary-term")


def expect_on_screen(tab: Page) -> None:
    """Wait until the box is inside the window, and the page is not wider than the window."""
    tab.wait_for_function(
        """() => {
          const root = document.documentElement;
          const {left, right, top, bottom} =
            document.querySelector('.glossary-box').getBoundingClientRect();
          return right > left && left >= 0 && right <= root.clientWidth && top >= 0
            && bottom <= root.clientHeight && root.scrollWidth <= root.clientWidth;
        }""",
        timeout=3000,
    )


def test_the_mouse_shows_it_and_can_enter_the_box(tab, chapter):
    tab.goto(chapter)
    expect(box(tab)).to_be_hidden()
    terms(tab).first.hover()
    expect(box(tab)).to_be_visible()
    expect(box(tab)).to_have_text(BATCH)
    box(tab).hover()
    tab.wait_for_timeout(400)
    expect(box(tab)).to_be_visible()
    tab.mouse.move(600, 600)
    expect(box(tab)).to_be_hidden()
    terms(tab).first.click()
    assert tab.url.endswith("glossary.html#term-batch")


def test_a_mouse_that_passes_shows_nothing(tab, chapter):
    tab.goto(chapter)
    terms(tab).first.hover()
    tab.mouse.move(600, 600)
    tab.wait_for_timeout(400)
    expect(box(tab)).to_be_hidden()


def test_the_keyboard_shows_it_and_escape_hides_it(tab, chapter):
    tab.goto(chapter)
    tab.keyboard.press("Tab")
    expect(terms(tab).first).to_be_focused()
    expect(box(tab)).to_have_text(BATCH)
    expect(box(tab)).to_be_visible()
    tab.keyboard.press("Escape")
    expect(box(tab)).to_be_hidden()
    expect(terms(tab).first).to_be_focused()
    tab.keyboard.press("Tab")
    expect(box(tab)).to_have_text(SHAPE)
    expect(box(tab)).to_be_visible()
    tab.mouse.move(600, 600)  # the mouse elsewhere does not take it away
    tab.wait_for_timeout(400)
    expect(box(tab)).to_be_visible()
    for _ in range(3):  # past the last link
        tab.keyboard.press("Tab")
    expect(box(tab)).to_be_hidden()
    terms(tab).first.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/glossary.html#term-batch")


def test_the_first_tap_shows_it_and_the_second_follows(phone, chapter):
    phone.goto(chapter)
    terms(phone).first.tap()
    expect(box(phone)).to_be_visible()
    expect(box(phone)).to_have_text(BATCH)
    assert "Tap again" in box(phone).evaluate("one => getComputedStyle(one, '::after').content")
    phone.locator("h1").tap()
    expect(box(phone)).to_be_hidden()
    terms(phone).first.tap()
    phone.wait_for_timeout(400)  # it stays
    terms(phone).nth(1).tap()  # the first tap on another term
    expect(box(phone)).to_have_text(SHAPE)
    box(phone).tap()
    expect(box(phone)).to_be_visible()
    assert phone.url == chapter
    terms(phone).first.tap()
    expect(box(phone)).to_have_text(BATCH)
    terms(phone).first.tap()
    phone.wait_for_url("**/glossary.html#term-batch")


@pytest.mark.parametrize("width", [320, 390, 1300])
def test_the_box_stays_on_the_screen(tab, chapter, width):
    tab.set_viewport_size({"width": width, "height": 600})
    tab.goto(chapter)
    for place in range(4):
        tab.keyboard.press("Tab")
        link = terms(tab).nth(place)
        expect(link).to_be_focused()
        expect(box(tab)).to_be_visible()
        expect_on_screen(tab)
        # Beside the link, which it does not cover.
        here, there = link.bounding_box(), box(tab).bounding_box()
        gaps = there["y"] - here["y"] - here["height"], here["y"] - there["y"] - there["height"]
        assert max(gaps) == pytest.approx(8, abs=2), place


def test_it_is_heard_once(tab, chapter):
    tab.goto(chapter)
    for link, text in zip(terms(tab).all(), [BATCH, SHAPE, BATCH, SHAPE], strict=True):
        expect(link).to_have_accessible_description(text)
        assert link.get_attribute("title") is None
    tab.keyboard.press("Tab")
    expect(box(tab)).to_be_visible()
    # A reader who goes through the page line by line does not hear the definition again.
    assert BATCH not in tab.locator("body").aria_snapshot()
    expect(tab.get_by_role("link", name="batch", exact=True).first).to_be_focused()


def test_without_the_script_there_is_the_title(chrome, chapter):
    context = chrome.new_context(java_script_enabled=False)
    try:
        tab = context.new_page()
        tab.goto(chapter)
        assert terms(tab).first.get_attribute("title") == BATCH
        expect(terms(tab).first).to_have_accessible_description(BATCH)
        terms(tab).first.click()
        assert tab.url.endswith("glossary.html#term-batch")
    finally:
        context.close()


@pytest.mark.parametrize(("motion", "name"), [("reduce", "none"), (None, "glossary-appear")])
def test_it_moves_only_for_those_who_like_it(tab, chapter, motion, name):
    tab.emulate_media(reduced_motion=motion or "no-preference")
    tab.goto(chapter)
    tab.keyboard.press("Tab")
    expect(box(tab)).to_be_visible()
    assert box(tab).evaluate("one => getComputedStyle(one).animationName") == name


# ---------------------------------------------------------------------------- the built book


def contrast(colours: list[str]) -> float:
    """The contrast of two colours like ``rgb(1, 2, 3)``, as WCAG defines it."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour[4:-1].split(",")]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted(map(luminance, colours))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", site_checks.SCHEMES)
def test_a_chapter_shows_its_definitions(phone, address, scheme):
    phone.emulate_media(color_scheme=scheme)
    phone.goto(f"{address}book/callbacks.html")
    assert phone.evaluate("document.documentElement.dataset.theme") == scheme
    assert terms(phone).count() >= 5
    phone.keyboard.press("Tab")
    for link in terms(phone).all():
        if not link.is_visible():  # in a fold
            continue
        link.focus()
        expect(box(phone)).to_be_visible()
        expect(link).to_have_accessible_description(box(phone).text_content())
        expect_on_screen(phone)
    colours = """one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor,
      getComputedStyle(one, '::after').color]"""
    terms(phone).first.tap()
    text, ground, hint = box(phone).evaluate(colours)
    assert contrast([text, ground]) >= 7
    assert contrast([hint, ground]) >= 4.5

"""What readers do with the book: fold solutions, copy code, change the colours."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
import site_table
from PIL import Image


@pytest.mark.parametrize("page", ["breast-cancer", "mnist-regularisation"])
def test_solutions_fold_and_unfold(tab, address, page):
    tab.goto(f"{address}book/solutions/{page}.html")
    folded = tab.locator("main details:has(.cell_input), main details.hide")
    assert folded.count() >= 4
    first = folded.first
    assert first.evaluate("one => one.open") is False
    code = first.locator("pre").first
    assert not code.is_visible()
    first.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert code.is_visible()
    tab.keyboard.press("Enter")
    assert not code.is_visible()


def test_code_is_copied_without_its_output(tab, address):
    tab.goto(f"{address}book/first-sequential-model.html")
    cell = tab.locator("div.cell_input div.highlight").first
    cell.hover()
    cell.locator("button.copybtn").click()
    ends = time.monotonic() + 5
    copied = ""
    while time.monotonic() < ends and not copied:
        copied = tab.evaluate("navigator.clipboard.readText()")
        tab.wait_for_timeout(50)
    assert copied.strip() == cell.locator("pre").inner_text().strip()
    assert copied.startswith(("import", "from"))


def test_colours_change_and_stay_changed(tab, address):
    tab.goto(f"{address}book/callbacks.html")
    scheme = "document.documentElement.dataset.theme"
    seen = {tab.evaluate(scheme)}
    for _ in range(3):
        tab.locator("button.theme-switch-button:visible").first.click()
        seen.add(tab.evaluate(scheme))
    assert seen == {"light", "dark"}
    while tab.evaluate("document.documentElement.dataset.mode") != "dark":
        tab.locator("button.theme-switch-button:visible").first.click()
    tab.reload()
    assert tab.evaluate(scheme) == "dark"


def test_figures_are_dark_in_the_dark(tab, address):
    """In the dark scheme, the paper of a figure is as dark as the page."""
    tab.goto(f"{address}book/callbacks.html")
    figure = tab.locator("main .cell_output img").first
    figure.evaluate("one => { one.loading = 'eager'; return one.decode() }")
    for scheme, dark in (("light", False), ("dark", True)):
        tab.emulate_media(color_scheme=scheme)
        corner = tab.evaluate(
            """async bytes => {
              const blob = new Blob([Uint8Array.from(bytes)], {type: 'image/png'});
              const bitmap = await createImageBitmap(blob);
              const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
              const context = canvas.getContext('2d');
              context.drawImage(bitmap, 0, 0);
              return [...context.getImageData(3, 3, 1, 1).data].slice(0, 3);
            }""",
            list(figure.screenshot()),
        )
        assert (max(corner) < 70) if dark else (min(corner) > 220), (scheme, corner)


def luminance(tab, figure) -> np.ndarray:
    """The luminance of the pixels of a figure as the screen shows it, coarsely."""
    # The header would cover some pixels, and the frame in the dark would move the others.
    tab.add_style_tag(
        content=".bd-header-article { visibility: hidden } img { padding: 0 !important }"
    )
    figure.evaluate("one => { one.loading = 'eager'; return one.decode?.() }")
    image = Image.open(io.BytesIO(figure.screenshot())).convert("L").resize((60, 40))
    return np.asarray(image, dtype=float).ravel()


@pytest.mark.parametrize(
    ("page", "which", "kept"),
    [
        ("images", ".tag_keep-colours .cell_output img", True),
        ("meet-mnist", ".tag_keep-colours .cell_output img", True),
        ("what-the-network-learned", ".tag_keep-colours .cell_output img", True),
        ("see-it-live", ".coursekit-live .ck-paper", True),
        ("see-it-live", ".coursekit-live .ck-figures canvas", True),
        ("playground", ".coursekit-live .ck-field", True),
        ("callbacks", ".cell_output img", False),  # curves: dark on light, then light on dark
    ],
)
def test_what_is_bright_stays_bright_where_it_means_something(tab, address, page, which, kept):
    """Digits and heat maps: pixels have the same order of luminance in both schemes."""
    seen = {}
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        tab.goto(f"{address}book/{page}.html")
        figures = tab.locator(f"main {which}")
        figures.first.wait_for()
        shown = [one for one in figures.all() if one.is_visible()][:6]
        seen[scheme] = [luminance(tab, one) for one in shown]
    assert len(seen["light"]) == len(seen["dark"]) > 0
    for light, dark in zip(seen["light"], seen["dark"], strict=True):
        correlation = np.corrcoef(light, dark)[0, 1]
        # The theme dims pictures, which clips some; inverted ones have a correlation of -1.
        assert correlation > 0.7 if kept else correlation < -0.7, correlation


def test_the_landing_page_appears_within_a_second(chrome, address):
    painted = []
    for _ in range(5):  # other tests keep the machine busy meanwhile
        # Each time as for a first visit: nothing of the page is remembered.
        context = chrome.new_context(viewport={"width": 1300, "height": 900})
        try:
            tab = context.new_page()
            tab.goto(f"{address}book/index.html")
            first = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            painted.append(tab.wait_for_function(first).json_value())
        finally:
            context.close()
    assert 0 < min(painted) < 1000, painted  # milliseconds


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["tuning-checklist", "callbacks"])
def test_nothing_moves_while_a_page_loads(chrome, address, page, scheme):
    """Before the scheme is known, there are no borders, and lines break elsewhere."""
    load = site_table.measure(chrome, address, f"book/{page}.html", width=1300, scheme=scheme)
    assert load.shift < 0.01


def test_a_notebook_can_be_taken_along(tab, address):
    tab.goto(f"{address}book/exercises/breast-cancer.html")
    links = tab.locator("a[href$='breast-cancer.ipynb'], a[href*='colab'], a[href*='binder']")
    addresses = links.evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert any("colab.research.google.com" in link for link in addresses)
    assert any("mybinder.org" in link for link in addresses)
    (download,) = {link for link in addresses if "_sources" in link}
    answer = tab.request.get(f"{address}book/exercises/{download}")
    assert answer.ok and answer.json()["nbformat"] == 4


def test_in_the_dark_curves_turn_light_and_digits_stay(chrome, address):
    context = chrome.new_context(color_scheme="dark")
    try:
        page = context.new_page()
        page.goto(f"{address}book/images.html")
        filters = page.locator(".cell_output img").evaluate_all(
            "all => all.map(img => [img.closest('.tag_keep-colours') !== null,"
            " getComputedStyle(img).filter.includes('invert')])"
        )
        assert {True, False} == {kept for kept, _ in filters}
        assert all(kept != inverted for kept, inverted in filters), filters
    finally:
        context.close()

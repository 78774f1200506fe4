"""The first screen of the book: what it is, one place to start, and a network at work."""

from __future__ import annotations

import re

import pytest

PARTS = {
    "title": "article h1",
    "start": ".landing-start",
    "needs": ".landing p:has(strong)",
    "run": ".landing-run",
    "figure": ".landing .ck-field",
}
DOORS = ".landing-doors .sd-card"


def open_page(chrome, address, width, height, **options):
    context = chrome.new_context(viewport={"width": width, "height": height}, **options)
    tab = context.new_page()
    tab.goto(f"{address}book/index.html")
    tab.wait_for_function("document.querySelector('.landing .ck-state')?.textContent")
    return context, tab


def bottom(one) -> float:
    box = one.bounding_box()
    return box["y"] + box["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_laptop_shows_all_of_it_at_once(chrome, address, scheme):
    context, tab = open_page(chrome, address, 1300, 800, color_scheme=scheme)
    try:
        for name, where in PARTS.items():
            assert 0 < bottom(tab.locator(where).first) <= 800, name
        assert tab.locator(DOORS).count() == 3
        assert all(bottom(door) <= 800 for door in tab.locator(DOORS).all())
    finally:
        context.close()


def test_a_phone_shows_where_to_start_and_the_figure(chrome, address):
    context, tab = open_page(chrome, address, 390, 844)
    try:
        for name, where in PARTS.items():
            assert 0 < bottom(tab.locator(where).first) <= 844, name
    finally:
        context.close()


def test_the_network_trains_at_once_unless_a_reader_asked_for_less_motion(chrome, address):
    for motion, trains in (("no-preference", True), ("reduce", False)):
        context, tab = open_page(chrome, address, 1300, 800, reduced_motion=motion)
        try:
            tab.wait_for_timeout(1500)
            epoch = int(re.search(r"Epoch (\d+)", tab.locator(".ck-state").first.inner_text())[1])
            assert (epoch > 0) == trains, (motion, epoch)
            button = tab.locator(".landing .ck-first")
            assert button.inner_text() == ("Pause" if trains else "Start")
        finally:
            context.close()


def test_one_button_to_start_and_links_to_run(tab, address):
    tab.goto(f"{address}book/index.html")
    (start,) = tab.locator("main .sd-btn-primary").all()
    assert start.inner_text() == "Start here"
    links = {
        link.inner_text().strip(): link.get_attribute("href")
        for link in tab.locator(".landing-run a").all()
    }
    assert set(links) == {"Colab", "Binder", "Download"}
    chapter = re.search(r"([\w-]+)\.html", start.get_attribute("href"))[1]
    # The same addresses as on the chapter itself.
    tab.goto(f"{address}book/{chapter}.html")
    known = tab.locator("a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert links["Colab"] in known
    assert links["Binder"] in known
    answer = tab.request.get(f"{address}book/{links['Download']}")
    assert answer.ok and answer.json()["nbformat"] == 4


def test_nothing_moves_while_the_figure_comes(chrome, address):
    from site_table import measure

    for width in (390, 1300):
        load = measure(chrome, address, "book/index.html", width=width, scheme="light")
        assert load.shift < 0.1, width

"""Training the network of the digit figure on drawings, in a browser, from a file."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import scripted_digits
from axe_playwright_python.sync_playwright import Axe

from coursekit import datasets, live, models, preprocessing, training

FIGURE = "document.querySelector('[id^=coursekit-digit-]').coursekitLive"


def each_digit(data: tuple, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first digits of each class, as the chapter does."""
    images, labels = data
    chosen = np.concatenate([np.flatnonzero(labels == k)[:count] for k in range(10)])
    return images[chosen], labels[chosen]


@pytest.fixture(scope="module")
def figure() -> live.LiveFigure:
    """The figure of the chapter."""
    of_training, of_test = datasets.load_mnist(edition="sample")
    x, y = preprocessing.prepare_digits(*of_training, seed=123)
    model = training.train_model(x, y, units=512, dropout=0.3, epochs=12, seed=1).model
    few = {"test": each_digit(of_test, 20), "training": each_digit(of_training, 10)}
    return live.digit_figure(model, *each_digit(of_test, 1), **few)


@pytest.fixture(scope="module")
def small() -> live.LiveFigure:
    """With a small network, for what takes no training."""
    of_training, of_test = datasets.load_mnist(edition="sample")
    model = models.mnist_mlp(units=8)
    few = {"test": each_digit(of_test, 2), "training": each_digit(of_training, 1)}
    return live.digit_figure(model, *each_digit(of_test, 1), **few)


def current(page) -> dict:
    return page.evaluate(f"{FIGURE}.practice.current()")


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def notice(page) -> str:
    return page.locator(".ck-notice").inner_text()


def draw(page, digit: int, count: int = 1, label: int | None = None) -> None:
    """Draw digits with the mouse and keep them."""
    all_glyphs = scripted_digits.glyphs(1000, seed=1)
    same = (glyph for glyph in all_glyphs if glyph.digit == digit)
    for glyph in itertools.islice(same, count):
        scripted_digits.draw(page, glyph)
        page.get_by_label("This is a").select_option(str(digit if label is None else label))
        button(page, "Keep it for training").click()


def train(page) -> dict:
    """Train on what is kept; return the counts before and after."""
    button(page, "Train on them").click()
    page.wait_for_function(
        "() => document.querySelector('.ck-notice').textContent.startsWith('It now reads')",
        timeout=240_000,
    )
    return current(page)["results"]


@pytest.mark.timeout(600)
def test_drawings_are_learned_others_forgotten_and_rehearsal_helps(show_figures, figure):
    """What the chapter says of ten nines, drawn with the mouse."""
    page = show_figures(figure)
    grey = [0.5] * 784
    before = page.evaluate(f"image => {FIGURE}.predict(image)", grey)
    draw(page, 9, 10)
    results = train(page)
    assert sum(results["before"]["test"]) > 180
    assert results["plain"]["own"][9] == 10  # learned
    assert sum(results["plain"]["test"]) < sum(results["before"]["test"]) - 40  # forgotten
    assert results["plain"]["test"][9] >= results["before"]["test"][9]
    rows = page.locator(".ck-results tbody tr").all_inner_texts()
    assert len(rows) == 12
    lost = sum(results["before"]["test"]) - sum(results["plain"]["test"])
    name, *counts = rows[1].split("\t")[:3]
    assert name == "test digits, not trained on"
    assert counts == ["200", str(sum(results["before"]["test"]))]
    assert f"(\u2212{lost})" in rows[1]
    assert "It forgot most about" in notice(page)

    page.get_by_label("rehearse with 100").check()
    both = train(page)
    assert both["plain"] == results["plain"] and both["before"] == results["before"]
    assert both["rehearsed"]["own"][9] == 10
    assert sum(both["rehearsed"]["test"]) > sum(both["before"]["test"]) - 15
    assert len(page.locator(".ck-results thead th").all()) == 5

    assert page.evaluate(f"image => {FIGURE}.predict(image)", grey) != before
    button(page, "Undo training").click()
    assert page.evaluate(f"image => {FIGURE}.predict(image)", grey) == before
    assert not button(page, "Undo training").is_visible()


def test_counts_are_those_of_the_figure(show_figures, figure):
    """Before and after, the figure itself reads what the table counts."""
    page = show_figures(figure)
    images, labels = each_digit(datasets.load_mnist(edition="sample")[1], 20)
    rows = (images.reshape(200, 784) / 255).tolist()

    def count() -> list[int]:
        found = np.array(page.evaluate(f"rows => rows.map(row => {FIGURE}.predict(row))", rows))
        right = found.argmax(axis=1) == labels
        return np.bincount(labels[right], minlength=10).tolist()

    before = count()
    draw(page, 4, 3, label=9)
    results = train(page)
    assert np.abs(np.subtract(results["before"]["test"], before)).sum() <= 1  # a near tie may turn
    assert np.abs(np.subtract(results["plain"]["test"], count())).sum() <= 1
    assert before != count()


def test_only_drawings_are_kept(show_figures, small):
    page = show_figures(small)
    button(page, "Keep it for training").click()
    assert "This is a test digit" in notice(page)  # which the figure begins with
    button(page, "Clear").click()
    button(page, "Keep it for training").click()
    assert "Nothing is drawn" in notice(page)
    button(page, "Train on them").click()
    assert "Nothing to train on yet" in notice(page)
    assert current(page)["own"] == []


def test_everything_by_keyboard(show_figures, small):
    page = show_figures(small)
    button(page, "Clear").press("Enter")
    page.get_by_role("application").focus()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowDown")
    page.get_by_label("This is a").focus()
    page.keyboard.press("1")
    button(page, "Keep it for training").press("Space")
    assert current(page)["own"] == [1]
    assert page.get_by_label("This is a").input_value() == "2"  # the next
    assert "Kept as 1" in notice(page)
    train_it = button(page, "Train on them")
    train_it.press("Enter")
    page.wait_for_function("() => document.querySelector('.ck-results tbody tr') !== null")
    assert "of your 1 drawing, on which" in notice(page)
    page.wait_for_function(
        "() => [...document.querySelectorAll('[aria-live=polite]')]"
        ".some(node => node.textContent.startsWith('It now reads'))"
    )
    remove = page.get_by_role("button", name="Remove drawing 1, kept as 1")
    remove.press("Enter")
    assert current(page) == {"own": [], "results": {}, "running": False}
    assert not page.locator(".ck-results").is_visible()


NO_WORKER = "Worker = class { constructor() { throw new Error('none'); } };"


def test_training_is_the_same_without_a_worker(show_figures, small):
    found = []
    for script in ("", NO_WORKER):
        page = show_figures(small, script=script)
        page.evaluate(f"{FIGURE}.practice.add({json.dumps([0.5] * 784)}, 3)")
        found.append(train(page))
    assert found[0] == found[1]


def test_an_old_browser_shows_the_rest(show_figures, small):
    page = show_figures(small, script="delete globalThis.DecompressionStream;")
    assert page.locator(".ck-practice").count() == 0
    assert page.get_by_role("application").is_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(show_figures, small, dark):
    page = show_figures(small, dark=dark)
    draw(page, 1)
    train(page)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.parametrize("width", [320, 390])
def test_no_page_scrolls_sideways(show_figures, small, width):
    page = show_figures(small, viewport={"width": width, "height": 800})
    for label in range(10):
        page.evaluate(f"{FIGURE}.practice.add({json.dumps([0.5] * 784)}, {label})")
    train(page)
    page.get_by_label("rehearse with 10").check()
    button(page, "Train on them").click()
    page.wait_for_function("() => document.querySelectorAll('.ck-results thead th').length === 5")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_stored_digits_there_is_no_training(show_figures):
    images, labels = each_digit(datasets.load_mnist(edition="sample")[1], 1)
    figure = live.digit_figure(models.mnist_mlp(units=8), images, labels)
    assert "makeTrainer" not in figure.html
    assert show_figures(figure).locator(".ck-practice").count() == 0

"""The figure of gradient descent in a browser, against NumPy and Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from coursekit import datasets, live

FIGURE = "document.querySelector('[id^=coursekit-descent-]').coursekitLive"


@pytest.fixture(scope="module")
def iris() -> tuple[np.ndarray, np.ndarray]:
    table = datasets.load_iris()
    return table["petal_length"].to_numpy(), table["petal_width"].to_numpy()


@pytest.fixture(scope="module")
def figure(iris) -> live.LiveFigure:
    return live.descent_figure(*iris)


def loss(iris, w: float) -> float:
    return np.mean((w * iris[0] - iris[1]) ** 2)


def descend(iris, rate: float, steps: int, w: float = 0.0) -> list[float]:
    """Gradient descent as the chapter writes it."""
    length, width = iris
    path = [w]
    for _ in range(steps):
        path.append(path[-1] - rate * np.mean(2 * (path[-1] * length - width) * length))
    return path


def current(page) -> dict:
    return page.evaluate(f"{FIGURE}.current()")


def settle(page) -> None:
    """Let the figure draw what it was asked to."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(done))")


def press(page, name: str, times: int = 1) -> None:
    for _ in range(times):
        page.get_by_role("button", name=name, exact=True).click()
    settle(page)


def choose(page, name: str, value: float) -> None:
    """Move a slider with the keys, as its steps are whole numbers of hundredths or so."""
    slider = page.get_by_role("slider", name=name)
    slider.focus()
    page.keyboard.press("Home")
    settle(page)
    for _ in range(200):
        if float(slider.get_attribute("aria-valuetext").replace("\u2212", "-")) >= value - 1e-9:
            break
        page.keyboard.press("ArrowRight")
        settle(page)
    assert float(slider.get_attribute("aria-valuetext").replace("\u2212", "-")) == value


def text(page) -> str:
    return page.locator(".coursekit-live").inner_text().replace("\u2212", "-").replace("\xa0", " ")


def run(page) -> dict:
    """Press Run with a clock that does not let wait; return the state at the end."""
    press(page, "Run")
    page.wait_for_function(f"!{FIGURE}.current().running", timeout=60_000)
    settle(page)
    return current(page)


HURRY = "const wait = setTimeout; setTimeout = (work, time) => wait(work, Math.min(time, 5));"


def test_loss_and_slope_are_those_of_numpy(show_figures, figure, iris):
    page = show_figures(figure)
    ws = np.linspace(-2, 3, 21)
    found = np.array(
        page.evaluate(f"ws => ws.map(w => [{FIGURE}.loss(w), {FIGURE}.slope(w)])", ws.tolist())
    )
    length, width = iris
    slopes = [np.mean(2 * (w * length - width) * length) for w in ws]
    assert np.allclose(found, np.column_stack([[loss(iris, w) for w in ws], slopes]), rtol=1e-12)


def test_steps_are_those_of_numpy_and_of_keras(show_figures, figure, iris):
    page = show_figures(figure)
    press(page, "Step", 5)
    path = current(page)["path"]
    assert np.allclose(path, descend(iris, 0.02, 5), rtol=1e-12)

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.02), loss="mse")
    model.set_weights([np.zeros((1, 1))])
    by_keras = [0.0]
    for _ in range(5):
        model.train_on_batch(iris[0][:, None], iris[1][:, None])
        by_keras.append(float(model.get_weights()[0][0, 0]))
    assert np.allclose(path, by_keras, atol=1e-6)


def test_the_words_hold_the_numbers(show_figures, figure):
    """Those that the chapter prints for its first step at rate 0.02."""
    page = show_figures(figure)
    assert "After 0 steps: w = 0.000, loss 2.016, slope -11.588." in text(page)
    assert "Next step: w = 0.000 - 0.020 × (-11.588) = 0.232." in text(page)
    press(page, "Step")
    assert "After 1 step: w = 0.232, loss 0.255" in text(page)
    label = page.locator("svg[role=img]").get_attribute("aria-label").replace("\xa0", " ")
    assert "After 1 step: w = 0.232, loss 0.255" in label
    page.wait_for_function(
        "() => document.querySelector('[aria-live=polite]').textContent.includes('loss 0.255')"
    )
    press(page, "Back to the start")
    assert current(page)["path"] == [0]


@pytest.mark.parametrize(
    ("rate", "steps", "words"),
    [
        (0.002, 1, "removed only 13 % of the loss above the minimum. The rate is small."),
        (0.02, 1, "The loss fell. Nearer to the minimum"),
        (0.02, 5, "The loss is within 1 % of its minimum."),
        (0.05, 1, "went past the minimum and ended lower on the other side."),
        (0.057, 1, "The rate is almost too large."),
        (0.058, 1, "The rate is almost too large."),  # what the chapter says of the limit
        (0.059, 1, "The loss rose"),
        (0.065, 1, "The loss rose"),
    ],
)
def test_each_rate_is_judged(show_figures, figure, iris, rate, steps, words):
    page = show_figures(figure)
    choose(page, "learning rate", rate)
    press(page, "Step", steps)
    assert words in text(page)
    assert np.allclose(current(page)["path"], descend(iris, rate, steps))


def test_run_stops_at_the_minimum(show_figures, figure, iris):
    page = show_figures(figure, script=HURRY)
    choose(page, "learning rate", 0.01)
    path = run(page)["path"]
    losses = [loss(iris, w) for w in path]
    lowest = loss(iris, np.mean(iris[0] * iris[1]) / np.mean(iris[0] ** 2))
    assert losses[-1] <= 1.01 * lowest < losses[-2]


def test_a_far_too_small_rate_crawls(show_figures, figure, iris):
    page = show_figures(figure, script=HURRY)
    choose(page, "learning rate", 0.001)
    assert len(run(page)["path"]) > 100
    good = show_figures(figure, script=HURRY)
    assert len(run(good)["path"]) <= 6


def test_too_large_a_rate_diverges_and_stays_in_the_picture(show_figures, figure):
    page = show_figures(figure, script=HURRY)
    choose(page, "learning rate", 0.065)
    path = run(page)["path"]
    assert "The training has diverged" in text(page)
    assert abs(path[-1]) > 100 and len(path) < 60
    count = len(path)
    press(page, "Step")  # and it is over
    assert len(current(page)["path"]) == count
    places = page.locator(".ck-past-point").evaluate_all(
        "nodes => nodes.map(node => [Number(node.getAttribute('cx')), node.cy.baseVal.value])"
    )
    assert len(places) == count - 1
    across, up = np.array(places).T
    assert across.min() >= 44 and across.max() <= 370 and up.min() >= 20 and up.max() <= 241


def test_another_start_by_keyboard(show_figures, figure, iris):
    page = show_figures(figure)
    press(page, "Step", 2)
    choose(page, "start at w =", 0.7)
    assert current(page)["path"] == [0.7]
    press(page, "Step", 2)
    assert np.allclose(current(page)["path"], descend(iris, 0.02, 2, 0.7))


def test_run_can_be_paused(show_figures, figure):
    page = show_figures(figure)
    choose(page, "learning rate", 0.001)
    press(page, "Run")
    page.wait_for_function(f"{FIGURE}.current().path.length > 3")
    press(page, "Pause")
    count = len(current(page)["path"])
    page.wait_for_timeout(500)
    assert len(current(page)["path"]) == count and not current(page)["running"]


def test_reduced_motion_means_few_pictures(show_figures, figure):
    page = show_figures(figure, reduced_motion="reduce")
    choose(page, "learning rate", 0.001)
    press(page, "Run")
    assert len(current(page)["path"]) == 11
    page.wait_for_timeout(700)
    assert len(current(page)["path"]) == 11


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(show_figures, figure, dark):
    page = show_figures(figure, dark=dark)
    press(page, "Step", 2)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_page_scrolls_sideways(show_figures, figure, width):
    page = show_figures(figure, viewport={"width": width, "height": 800}, has_touch=True)
    page.get_by_role("button", name="Step", exact=True).tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(current(page)["path"]) == 2


def test_without_javascript_there_is_a_picture(show_figures, figure):
    picture = show_figures(figure, java_script_enabled=False).locator(".coursekit-live img")
    assert picture.is_visible() and len(picture.get_attribute("alt").split()) >= 8


def test_other_data_have_their_own_steps(show_figures, iris):
    """In millimetres, the limit of the rate is a hundredth."""
    page = show_figures(live.descent_figure(10 * iris[0], iris[1], rate=0.0002))
    press(page, "Step")
    assert np.allclose(current(page)["path"], descend((10 * iris[0], iris[1]), 0.0002, 1))
    assert " - 0.00020 ×" in text(page)

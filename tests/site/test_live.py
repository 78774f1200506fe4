"""The live figures in a browser, from a file, against Keras."""

from __future__ import annotations

import re

import keras
import numpy as np
import playwright.sync_api
import pytest
import scripted_digits

from coursekit import datasets, live, models, preprocessing, training

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Live figures</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Live figures</h1>
{figures}
</main></body>
</html>
"""


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """All test digits of the sample, and their labels."""
    _, (images, labels) = datasets.load_mnist(edition="sample")
    return images, labels


@pytest.fixture(scope="module")
def networks() -> dict[str, keras.Sequential]:
    """Networks as the book trains them, for a shorter time."""
    (images, labels), _ = datasets.load_mnist(edition="sample")
    x, y = preprocessing.prepare_digits(images, labels, seed=123)
    digit = training.train_model(x, y, units=512, dropout=0.3, epochs=8, seed=1).model

    keras.utils.set_random_seed(1)
    walking = datasets.load_walking()
    kernel = models.walking_final_cnn()
    kernel.compile(loss="categorical_crossentropy", optimizer="adam")
    kernel.fit(walking.x, walking.y, epochs=2, batch_size=128, verbose=0)

    x, y = datasets.make_threshold(seed=7)
    threshold = models.threshold_network()
    threshold.compile(loss="sparse_categorical_crossentropy", optimizer="rmsprop")
    threshold.fit(x, y, epochs=5, batch_size=128, verbose=0)
    return {"digit": digit, "kernel": kernel, "threshold": threshold}


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    return datasets.load_walking().x[::100][:10]


@pytest.fixture(scope="module")
def address(networks, digits, windows, tmp_path_factory) -> str:
    """A page with the three figures, and one of them twice."""
    images, labels = digits
    figures = [
        live.digit_figure(networks["digit"], images[:6], labels[:6]),
        live.kernel_figure(
            networks["kernel"], {f"walk {place}": walk for place, walk in enumerate(windows)}
        ),
        live.threshold_figure(networks["threshold"]),
        live.threshold_figure(networks["threshold"]),
    ]
    path = tmp_path_factory.mktemp("site") / "live.html"
    path.write_text(PAGE.format(figures="\n".join(figure.html for figure in figures)), "utf-8")
    return path.as_uri()


@pytest.fixture
def page(chrome, address):
    """The page, in a browser without a network; fails on any error or request."""
    context = chrome.new_context(viewport={"width": 900, "height": 1200}, offline=True)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url == address or request.url.startswith("data:")
            else wrong.append(request.url)
        ),
    )
    page.goto(address)
    yield page
    context.close()
    assert wrong == []


def root(kind: str) -> str:
    return f"document.querySelector('[id^=coursekit-{kind}-]').coursekitLive"


def predict(page, kind: str, inputs: np.ndarray) -> np.ndarray:
    """What the figure's own JavaScript makes of each input."""
    code = f"rows => rows.map(row => {root(kind)}.predict(row))"
    return np.array(page.evaluate(code, inputs.reshape(len(inputs), -1).tolist()))


def current(page, kind: str) -> dict:
    return page.evaluate(f"{root(kind)}.current()")


def settle(page) -> None:
    """Let the figures draw what they were asked to."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


# ------------------------------------------------------------------ the sums


def test_digits_are_read_as_keras_reads_them(page, networks, digits):
    x = (digits[0][:200].reshape(200, 784) / 255).astype("float32")
    expected = networks["digit"].predict(x, verbose=0)
    found = predict(page, "digit", x)
    assert np.abs(found - expected).max() < 1e-3
    second, first = np.sort(expected, axis=1)[:, -2:].T
    tied = first - second < 2e-3  # rounding may turn these round
    assert tied.sum() <= 2
    assert (found.argmax(axis=1) == expected.argmax(axis=1))[~tied].all()
    # The network is worth looking at, and its probabilities are not all 0 or 1.
    assert (found.argmax(axis=1) == digits[1][:200]).mean() > 0.85
    assert ((found > 0.05) & (found < 0.95)).sum() > 20


def test_kernels_give_what_keras_gives(page, networks, windows):
    expected = np.asarray(networks["kernel"].layers[0](windows))
    found = predict(page, "kernel", windows)
    assert found.shape == expected.shape == (10, 116, 40)
    assert np.abs(found - expected).max() < 1e-3
    assert 0.2 < (found == 0).mean() < 0.8  # relu, and not only zeros


def test_thresholds_are_judged_as_keras_judges_them(page, networks):
    rows = np.random.default_rng(5).random((1000, 3)).astype("float32")
    expected = networks["threshold"].predict(rows, verbose=0)
    found = predict(page, "threshold", rows)
    assert np.abs(found - expected).max() < 1e-3
    assert ((found[:, 1] > 0.5) == (rows.sum(axis=1) > 1.5)).mean() > 0.9


def test_rows_of_another_length_are_refused(page):
    with pytest.raises(playwright.sync_api.Error, match="takes 3 numbers; it was given 2"):
        page.evaluate(f"{root('threshold')}.predict([0.1, 0.2])")


# ------------------------------------------------------------------ digits


def paper(page):
    return page.get_by_role("application", name="Drawing area")


def centre_of_mass(values) -> np.ndarray:
    image = np.array(values).reshape(28, 28)
    return np.array(
        [(image.sum(axis=1 - axis) * np.arange(28)).sum() / image.sum() for axis in (0, 1)]
    )


def ink_box(image: np.ndarray) -> np.ndarray:
    """Height and width of the ink."""
    return np.array(
        [np.ptp(np.flatnonzero((image >= 0.5).any(axis=1 - axis))) + 1 for axis in (0, 1)]
    )


def draw_path(page, *points: tuple[float, float]) -> dict:
    """Draw a line through points, in parts of the paper's side; return the figure's state."""
    box = paper(page).bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["width"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    settle(page)
    return current(page, "digit")


@pytest.mark.parametrize("size", [0.25, 0.5, 0.85])
def test_drawings_of_all_sizes_become_equally_long(page, size):
    """Small or large, in a corner or not: the network gets the same."""
    page.get_by_role("button", name="Clear").click()
    shape = [(0, 0), (0.6, 0.1), (0.3, 0.5), (0, 1), (0.6, 1)]
    state = draw_path(page, *((0.08 + size * x, 0.08 + size * y) for x, y in shape))
    sent = np.array(state["input"]).reshape(28, 28)
    assert ink_box(sent) == pytest.approx([20, 12.9], abs=1.2)
    assert np.abs(centre_of_mass(state["input"]) - 14).max() <= 0.5
    assert 38 * 2.0 < sent.sum() < 38 * 3.2  # a path of about 38 pixels, and one pen


def test_scripted_digits_are_read(page):
    """tools/scripted_digits.py draws more of them, for a network that is trained for longer."""
    table, _ = scripted_digits.confusion(page, 60, seed=3)
    assert table.sum() == 60 and table.trace() >= 52


def test_a_dot_stays_a_dot(page):
    page.get_by_role("button", name="Clear").click()
    state = draw_path(page, (0.2, 0.2), (0.2, 0.2))
    sent = np.array(state["input"]).reshape(28, 28)
    assert ink_box(sent).max() <= 4 and np.abs(centre_of_mass(sent.ravel()) - 14).max() <= 0.5


def test_test_digits_stay_as_they_are(page, networks, digits):
    images, labels = digits
    x = (images[:6].reshape(6, 784) / 255).astype("float32")
    expected = networks["digit"].predict(x, verbose=0)
    buttons = page.get_by_role("group", name="Load a test digit").get_by_role("button")
    assert buttons.count() == 6
    for place in (3, 5, 0):
        buttons.nth(place).click()
        settle(page)
        assert f"labelled {labels[place]}" in page.locator(".ck-answer").first.inner_text()
        shown = current(page, "digit")
        assert np.allclose(shown["input"], x[place], atol=1e-6)
        assert np.abs(shown["probabilities"] - expected[place]).max() < 1e-3
        numbers = page.locator(".ck-bars").first.locator(".ck-number").all_inner_texts()
        assert numbers == [f"{p:.3f}" for p in shown["probabilities"]]


def test_drawing_with_the_mouse(page):
    page.get_by_role("button", name="Clear").click()
    settle(page)
    assert sum(current(page, "digit")["drawing"]) == 0
    assert "Nothing is drawn" in page.locator(".ck-answer").first.inner_text()
    box = paper(page).bounding_box()
    side = box["width"]
    page.mouse.move(box["x"] + 0.25 * side, box["y"] + 0.15 * side)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * side, box["y"] + 0.75 * side, steps=8)
    page.mouse.up()
    page.mouse.move(box["x"] + 0.9 * side, box["y"] + 0.9 * side, steps=3)  # pen is up
    settle(page)
    shown = current(page, "digit")
    drawn = np.array(shown["drawing"]).reshape(28, 28)
    assert drawn[6:20, 6:8].min() > 0.5  # one straight line, with nothing left out
    assert drawn[:, 12:].max() == 0 and drawn[24:].max() == 0
    assert 1.5 < drawn[12].sum() < 4  # as wide as MNIST's pens
    assert np.abs(centre_of_mass(shown["input"]) - 14).max() <= 0.5
    sent = np.array(shown["input"]).reshape(28, 28)
    assert ink_box(sent).max() == pytest.approx(20, abs=1)  # as long as MNIST's digits
    assert 1.5 < sent[14].sum() < 4  # and the pen is as wide as before
    assert "Your drawing. Read as" in page.locator(".ck-answer").first.inner_text()
    captions = page.locator(".ck-figures figcaption").all_inner_texts()
    assert re.fullmatch(r"Scaled to 20 pixels: × 1\.0\d", captions[0])
    assert captions[1].startswith("The network gets this: ")

    page.get_by_label("scale and centre").uncheck()
    settle(page)
    uncentred = current(page, "digit")
    assert uncentred["input"] == uncentred["drawing"]
    assert uncentred["probabilities"] != shown["probabilities"]


def test_drawing_with_the_keyboard(page):
    page.get_by_role("button", name="Clear").click()
    paper(page).focus()
    keys = page.keyboard
    scrolled = page.evaluate("scrollY")
    for _ in range(4):
        keys.press("ArrowUp")
    keys.press("Space")
    settle(page)
    drawn = np.array(current(page, "digit")["drawing"]).reshape(28, 28)
    assert drawn[10, 14] == 1 and 4 < drawn.sum() < 9 and not drawn[13:].any()
    for _ in range(6):
        keys.press("Shift+ArrowDown")
    settle(page)
    drawn = np.array(current(page, "digit")["drawing"]).reshape(28, 28)
    assert drawn[10:17, 14].min() == 1 and not drawn[19:].any()
    keys.press("Backspace")
    settle(page)
    drawn = np.array(current(page, "digit")["drawing"]).reshape(28, 28)
    assert not drawn[15:18, 13:16].any() and drawn[12, 14] == 1
    assert page.evaluate("scrollY") == scrolled
    for _ in range(40):  # the cursor stays on the paper
        keys.press("ArrowLeft")
    keys.press("Space")
    settle(page)
    assert np.array(current(page, "digit")["drawing"]).reshape(28, 28)[16, 0] == 1
    keys.press("Tab")  # and the keyboard gets away again
    assert page.evaluate("document.activeElement.textContent") == "Clear"


def test_what_is_drawn_on_a_test_digit_is_a_drawing(page):
    page.get_by_role("group", name="Load a test digit").get_by_role("button").first.click()
    paper(page).focus()
    page.keyboard.press("Space")
    settle(page)
    assert "Your drawing." in page.locator(".ck-answer").first.inner_text()


def test_a_screen_reader_hears_the_answer_once_the_hand_rests(page):
    paper(page).focus()
    page.keyboard.press("Space")
    spoken = page.locator("[id^=coursekit-digit-] [aria-live=polite]")
    before = spoken.first.inner_text()
    assert "Your drawing" not in before
    page.wait_for_function(
        "node => node.textContent.startsWith('Your drawing. Read as')",
        arg=spoken.first.element_handle(),
        timeout=5000,
    )
    assert spoken.nth(1).inner_text() == "Row 15, column 15, ink 100 per cent"


# ------------------------------------------------------------------ kernel and threshold


def test_sliding_the_kernel(page, networks, windows):
    figure = page.locator("[id^=coursekit-kernel-]")
    kernels, biases = networks["kernel"].layers[0].get_weights()
    slider = figure.get_by_role("slider", name="position")
    figure.get_by_label("window").select_option("walk 3")
    figure.get_by_label("filter").select_option("17")
    slider.fill("40")
    slider.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    shown = current(page, "kernel")
    assert (shown["window"], shown["filter"], shown["position"]) == (3, 17, 41)
    piece = windows[3][82:112] * kernels[:, :, 17]
    expected = piece.sum() + biases[17]
    assert shown["sum"] == pytest.approx(expected, abs=1e-4)
    text = figure.locator(".ck-sum").inner_text().replace("\u2212", "-")
    for part in (*piece.sum(axis=0), biases[17], expected, max(expected, 0)):
        assert f"{part:.3f}".replace("-0.000", "0.000") in text
    assert "samples 82 to 111" in slider.get_attribute("aria-valuetext")
    assert f"output {max(expected, 0):.3f}" in slider.get_attribute("aria-valuetext")

    response = np.asarray(networks["kernel"].layers[0](windows[3:4]))[0, :, 17]
    figure.get_by_role("button", name="highest").click()
    settle(page)
    assert current(page, "kernel")["position"] == response.argmax()
    figure.get_by_role("button", name="lowest").click()
    settle(page)
    assert current(page, "kernel")["sum"] < 0


def test_moving_the_threshold(page, networks):
    figure = page.locator("[id^=coursekit-threshold-]").first
    for name, value in (("a", 0.1), ("b", 0.6), ("c", 0.8)):
        figure.get_by_role("slider", name=name, exact=False).fill(f"{value}")
    settle(page)
    # Floating-point numbers make this 1.5000000000000002, which would be more than 1.5.
    assert "0.10 + 0.60 + 0.80 = 1.50, not more than 1.5: the rule says 0." in figure.inner_text()
    figure.get_by_role("slider", name="a").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    shown = current(page, "threshold")
    assert shown["values"] == pytest.approx([0.11, 0.6, 0.8])
    assert "= 1.51, more than 1.5: the rule says 1." in figure.inner_text()
    expected = networks["threshold"].predict(np.array([shown["values"]]), verbose=0)[0]
    numbers = [float(text) for text in figure.locator("li .ck-number").all_inner_texts()]
    assert np.abs(numbers - expected).max() < 1.5e-3


def test_the_map_sets_the_first_two(page):
    figure = page.locator("[id^=coursekit-threshold-]").first
    frame = figure.locator(".ck-map")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    third = current(page, "threshold")["values"][2]
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.2 * box["height"])
    settle(page)
    values = current(page, "threshold")["values"]
    assert values == pytest.approx([0.25, 0.8, third], abs=0.02)


def test_the_map_shows_both_classes(page):
    code = """() => {
      const map = document.querySelector('.ck-map canvas');
      const pixels = map.getContext('2d').getImageData(0, 0, map.width, map.height).data;
      return [pixels[4 * (map.width * map.height - map.width)], pixels[4 * (map.width - 1)]];
    }"""
    below_left, above_right = page.evaluate(code)  # how red: 86 for class 0, 204 for class 1
    assert below_left < 120 and above_right > 180


# ------------------------------------------------------------------ the page


def test_the_same_figure_twice_does_not_clash(page):
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    figures = page.locator("[id^=coursekit-threshold-]")
    assert figures.count() == 2
    for place, value in ((0, "0.9"), (1, "0.2")):
        figures.nth(place).get_by_role("slider").first.fill(value)
    values = page.evaluate(
        "[...document.querySelectorAll('[id^=coursekit-threshold-]')]"
        ".map(node => node.coursekitLive.current().values[0])"
    )
    assert values == [0.9, 0.2]


def test_jupyterlab_shows_it_too(page, networks):
    """JupyterLab parses the output apart from the page, and makes its scripts anew."""
    code = """html => {
      const host = document.createElement('div');
      host.innerHTML = html;
      for (const script of host.querySelectorAll('script')) {
        const fresh = document.createElement('script');
        fresh.textContent = script.textContent;
        script.replaceWith(fresh);
      }
      document.querySelector('main').append(host);
      return host.firstElementChild.coursekitLive.predict([0.9, 0.9, 0.9])[1];
    }"""
    figure = live.threshold_figure(networks["threshold"])
    before = page.get_by_role("slider").count()
    assert page.evaluate(code, figure.html) > 0.9
    assert page.get_by_role("slider").count() == before + 3


def test_nothing_becomes_global(page):
    names = ["digitFigure", "kernelFigure", "thresholdFigure", "dense", "start", "make", "write"]
    kinds = page.evaluate("names => names.map(name => typeof globalThis[name])", names)
    assert set(kinds) == {"undefined"}


@pytest.mark.parametrize("width", [390, 768])
def test_narrow_pages_do_not_scroll_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_only_the_paper_keeps_fingers_from_scrolling(page):
    kinds = page.evaluate(
        "[...document.querySelectorAll('.coursekit-live *')]"
        ".filter(node => getComputedStyle(node).touchAction === 'none')"
        ".map(node => node.className)"
    )
    assert kinds == ["ck-paper"]


def test_without_javascript_there_are_pictures(chrome, address):
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    pictures = page.locator(".coursekit-live img")
    assert pictures.count() == 4
    for picture in pictures.all():
        assert picture.is_visible()
        assert picture.bounding_box()["width"] > 200
        assert len(picture.get_attribute("alt").split()) >= 8
    context.close()


def test_with_javascript_there_are_none(page):
    assert page.locator(".coursekit-live img").count() == 0
    assert page.locator(".coursekit-live").count() == 4

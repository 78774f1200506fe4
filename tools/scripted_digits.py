"""Draw 200 scripted digits into the live figure, and print what its network reads.

``python tools/scripted_digits.py`` trains the network of *See it live*, opens the figure in
Chromium and draws with the mouse: each digit in several forms, in varied sizes, places, slants,
turns, proportions and stroke widths. It prints the confusion matrix and the misread digits.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import site_checks
from playwright.sync_api import Page

from coursekit import datasets, live, preprocessing, training

SIDE = 28
Stroke = np.ndarray  # points (n, 2): right and down, about 0 to 1


def arc(x: float, y: float, across: float, down: float, begin: float, end: float) -> Stroke:
    """Return part of an ellipse; angles in degrees, clockwise from the right."""
    angle = np.radians(np.linspace(begin, end, max(int(abs(end - begin) / 12), 3)))
    return np.column_stack([x + across * np.cos(angle), y + down * np.sin(angle)])


def line(*points: tuple[float, float]) -> Stroke:
    """Return straight lines through points."""
    return np.array(points, dtype=float)


def join(*strokes: Stroke) -> Stroke:
    """Return one stroke that goes through several without lifting the pen."""
    return np.concatenate(strokes)


# As people write them; each form is a list of strokes.
FORMS: dict[int, list[list[Stroke]]] = {
    0: [
        [arc(0.5, 0.5, 0.33, 0.5, -90, 270)],
        [arc(0.5, 0.5, 0.45, 0.5, -60, 300)],
    ],
    1: [
        [line((0.5, 0), (0.5, 1))],
        [line((0.35, 0.2), (0.55, 0), (0.55, 1))],
    ],
    2: [
        [join(arc(0.45, 0.27, 0.35, 0.27, -170, 30), line((0.1, 1), (0.9, 1)))],
        [join(arc(0.48, 0.25, 0.32, 0.25, -160, 45), line((0.15, 0.95), (0.5, 0.9), (0.9, 0.97)))],
    ],
    3: [
        [join(arc(0.4, 0.25, 0.35, 0.25, -150, 80), arc(0.4, 0.74, 0.42, 0.26, -80, 150))],
        [join(arc(0.42, 0.26, 0.3, 0.26, -140, 90), arc(0.42, 0.76, 0.36, 0.24, -90, 140))],
    ],
    4: [
        [line((0.2, 0), (0.12, 0.55), (0.88, 0.55)), line((0.75, 0.05), (0.7, 1))],
        [line((0.7, 1), (0.7, 0), (0.08, 0.65), (0.95, 0.65))],
    ],
    5: [
        [
            join(line((0.25, 0), (0.2, 0.42)), arc(0.42, 0.7, 0.38, 0.3, -120, 140)),
            line((0.25, 0), (0.8, 0)),
        ],
        [join(line((0.85, 0.02), (0.3, 0), (0.22, 0.45)), arc(0.45, 0.68, 0.36, 0.3, -110, 150))],
    ],
    6: [
        [join(line((0.65, 0), (0.3, 0.35)), arc(0.5, 0.72, 0.3, 0.28, 200, -160))],
        [join(arc(0.75, 0.65, 0.6, 0.65, -100, -180), arc(0.47, 0.72, 0.32, 0.27, 180, -180))],
    ],
    7: [
        [line((0.1, 0.03), (0.88, 0), (0.4, 1))],
        [line((0.1, 0), (0.85, 0), (0.4, 1)), line((0.3, 0.5), (0.75, 0.5))],
    ],
    8: [
        [join(arc(0.5, 0.25, 0.27, 0.25, 90, 450), arc(0.5, 0.75, 0.33, 0.25, -90, 270))],
        [
            join(
                arc(0.5, 0.24, 0.27, 0.24, -45, -270),
                arc(0.5, 0.74, 0.31, 0.26, -90, 270)[::1],
                arc(0.5, 0.24, 0.27, 0.24, 90, -45),
            )
        ],
    ],
    9: [
        [join(arc(0.48, 0.28, 0.3, 0.28, -20, -360), line((0.78, 0.3), (0.7, 1)))],
        [
            join(
                arc(0.5, 0.28, 0.3, 0.28, 0, -360),
                line((0.8, 0.3)),
                arc(0.4, 0.6, 0.4, 0.4, 0, 110),
            )
        ],
    ],
}


@dataclass(frozen=True)
class Glyph:
    """A digit, and its strokes in pixels of the paper."""

    digit: int
    strokes: tuple[Stroke, ...]
    size: float
    extra: float  # by how much the strokes are wider than the pen, in pixels


def glyphs(count: int = 200, *, seed: int = 1) -> Iterator[Glyph]:
    """Yield digits in equal numbers."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        digit = number % 10
        forms = FORMS[digit]
        form = forms[(number // 10) % len(forms)]
        size = rng.uniform(9, 24)
        wide = rng.uniform(0.55, 0.9)
        slant, turn = rng.uniform(-0.15, 0.45), np.radians(rng.uniform(-10, 10))
        matrix = (
            np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            @ np.array([[wide, -slant], [0, 1]])
            * size
        )
        placed = [(stroke - 0.5) @ matrix.T for stroke in form]
        placed = [stroke + rng.normal(scale=0.012 * size, size=stroke.shape) for stroke in placed]
        points = np.concatenate(placed)
        low, high = points.min(axis=0), points.max(axis=0)
        shrink = min(1, 24.9 / (high - low).max())
        place = rng.uniform(1.5 - shrink * low, SIDE - 1.5 - shrink * high)
        extra = rng.choice([0, 0, 0.8, 1.4]) * size / 24
        strokes = tuple(shrink * stroke + place for stroke in placed)
        yield Glyph(digit, strokes, size, extra)


def draw(page: Page, glyph: Glyph) -> dict:
    """Draw with the mouse, a wide stroke as two beside each other; return the figure's state."""
    page.get_by_role("button", name="Clear").click()
    box = page.get_by_role("application", name="Drawing area").bounding_box()
    shifts = (-glyph.extra / 2, glyph.extra / 2) if glyph.extra else (0,)
    for stroke in glyph.strokes:
        for shift in shifts:
            at = (stroke + shift) * box["width"] / SIDE + (box["x"], box["y"])
            page.mouse.move(*at[0])
            page.mouse.down()
            for point in at[1:]:
                page.mouse.move(*point)
            page.mouse.up()
    figure = "document.querySelector('[id^=coursekit-digit-]').coursekitLive"
    return page.evaluate(
        f"""() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
          () => done({figure}.current()))))"""
    )


def figure(seed: int = 1) -> live.LiveFigure:
    """Return the figure with a network trained as in *See it live*."""
    import keras

    keras.utils.set_random_seed(1)
    (images, labels), (test_images, test_labels) = datasets.load_mnist()
    x, y = preprocessing.prepare_digits(images, labels, seed=123)
    model = training.train_model(x, y, units=512, dropout=0.3, epochs=12, seed=seed).model
    return live.digit_figure(model, test_images[:12], test_labels[:12])


def confusion(page: Page, count: int, seed: int) -> tuple[np.ndarray, list[tuple[Glyph, dict]]]:
    """Return how often each digit (row) is read as each (column), and what is misread."""
    table, wrong = np.zeros((10, 10), dtype=int), []
    for glyph in glyphs(count, seed=seed):
        state = draw(page, glyph)
        read = int(np.argmax(state["probabilities"]))
        table[glyph.digit, read] += 1
        if read != glyph.digit:
            wrong.append((glyph, state | {"read": read}))
    return table, wrong


def main() -> None:
    """Print the confusion matrix, and the digits that are misread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--html", help="a file that holds the figure already")
    options = parser.parse_args()
    with site_checks.browser() as browser:
        page = browser.new_page(viewport={"width": 900, "height": 900})
        html = open(options.html).read() if options.html else figure().html  # noqa: SIM115
        page.set_content(f"<!doctype html><main>{html}</main>")
        table, wrong = confusion(page, options.count, options.seed)
    print("digit  read as 0   1   2   3   4   5   6   7   8   9")
    for digit, row in enumerate(table):
        print(f"{digit:5}         {'  '.join(f'{number or chr(183):>2}' for number in row)}")
    print(f"right: {table.trace()} of {table.sum()} ({table.trace() / table.sum():.1%})")
    for glyph, state in wrong:
        print(
            f"a {glyph.digit} of {glyph.size:.0f} pixels, {glyph.extra:.1f} wider, "
            f"read as {state['read']} ({max(state['probabilities']):.2f})"
        )


if __name__ == "__main__":
    main()

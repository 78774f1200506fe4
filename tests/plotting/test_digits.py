"""Images of digits, drawn on paper."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from coursekit import plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def images(n: int) -> np.ndarray:
    """Make images that differ: image k has its ink in pixel (k, 2 k)."""
    made = np.zeros((n, 28, 28), dtype=np.uint8)
    for number in range(n):
        made[number, number % 28, 2 * number % 28] = 255
    return made


def places(figure) -> list[tuple[float, float]]:
    """Return left and top of each image as drawn."""
    return [(image.get_extent()[0], image.get_extent()[3]) for image in figure.axes[0].images]


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 784)])
def test_images_stand_in_rows(shape):
    given = images(5).reshape(shape)
    figure = plotting.plot_digits(given, columns=2)
    drawn = figure.axes[0].images
    assert len(drawn) == 5
    for picture, image in zip(drawn, images(5), strict=True):
        assert np.array_equal(picture.get_array(), image)
    lefts, tops = zip(*places(figure), strict=True)
    assert lefts[0] == lefts[2] == lefts[4] < lefts[1] == lefts[3]
    assert tops[0] == tops[1] < tops[2] == tops[3] < tops[4]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top  # so larger is further down
    assert all(picture.origin == "upper" for picture in drawn)


@pytest.mark.parametrize("scale", [1, 1 / 255, 3.0])
def test_ink_is_dark_on_white(scale):
    figure = plotting.plot_digits(images(3) * scale - 0.5)
    (first, *_) = figure.axes[0].images
    rgba = first.to_rgba(first.get_array())
    assert rgba[0, 0, :3].max() == 0 and rgba[5, 5, :3].min() == 1
    blank = plotting.plot_digits(np.zeros((1, 28, 28))).axes[0].images[0]
    assert blank.to_rgba(blank.get_array()).min() == 1


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (4, 2), (5, 3), (100, 10), (165, 13)])
def test_the_grid_is_nearly_square(n, columns):
    figure = plotting.plot_digits(images(n))
    assert len({left for left, _ in places(figure)}) == columns
    width, height = figure.get_size_inches()
    assert width == 6 and height <= 6.2
    assert len(figure.axes) == 1


def test_a_frame_around_each():
    figure = plotting.plot_digits(images(7))
    (frames,) = figure.axes[0].collections
    assert len(frames.get_paths()) == 7
    corners = [tuple(path.vertices.min(axis=0)) for path in frames.get_paths()]
    assert corners == places(figure)


def test_titles_stand_above_their_images_and_apart():
    plotting.use_style()
    names = [f"Predicted: {number}" for number in range(16)]
    figure = plotting.plot_digits(images(16), titles=names, title="Sixteen digits")
    figure.canvas.draw()
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.texts] == names
    for text, (left, top) in zip(axis.texts, places(figure), strict=True):
        assert text.get_position()[0] == left + 14
        assert top - 3 < text.get_position()[1] < top
    boxes = [text.get_window_extent() for text in axis.texts]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes[:4]))
    pictures = [image.get_window_extent() for image in axis.images]
    assert all(not box.overlaps(p) for box in boxes for p in pictures)
    assert axis.texts[0].get_fontsize() >= 11
    assert figure.get_suptitle() == "Sixteen digits"
    assert boxes[0].y1 < figure._suptitle.get_window_extent().y0


def test_long_titles_get_fewer_columns():
    plotting.use_style()
    names = ["label 7\nread as 1, and 0.93 sure"] * 16
    figure = plotting.plot_digits(images(16), titles=names)
    figure.canvas.draw()
    assert len({left for left, _ in places(figure)}) < 4
    assert figure.axes[0].texts[0].get_fontsize() >= 9
    box, picture = figure.axes[0].texts[0], figure.axes[0].images[0]
    assert not box.get_window_extent().overlaps(picture.get_window_extent())


def test_more_columns_than_images():
    assert len({left for left, _ in places(plotting.plot_digits(images(3), columns=10))}) == 3


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        (images(1)[0], {}, ValueError, r"shape \(28, 28\).*take images\[:1\]"),
        (np.zeros((2, 780)), {}, ValueError, r"shape \(2, 780\)"),
        (np.zeros((2, 28, 28, 1)), {}, ValueError, r"shape \(2, 28, 28, 1\)"),
        (images(0), {}, ValueError, "there is no image"),
        (np.full((1, 784), np.nan), {}, ValueError, "784 values that are not finite"),
        (np.full((1, 784), "7"), {}, TypeError, "images hold <U1"),
        (images(3), {"titles": ["a"]}, ValueError, "1 titles and 3 images"),
        (images(3), {"columns": 0}, ValueError, "columns is 0"),
        (images(3), {"columns": 1.5}, TypeError, "columns is 1.5"),
        (images(3), {"columns": True}, ValueError, "columns is True"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given, options, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_digits(given, **options)


def test_other_titles_and_any_scale():
    with pytest.raises(TypeError, match="titles is 'abc'"):
        plotting.plot_digits(images(3), titles="abc")
    with pytest.raises(ValueError, match=r"images is .*same length"):
        plotting.plot_digits([[1], [1, 2]])
    assert plt.get_fignums() == []
    extreme = images(2).astype(float)
    extreme[0, 0, 0], extreme[1, 0, 0] = 1.7e308, -1.7e308
    figure = plotting.plot_digits(extreme, titles=["$a$ or $b$", 3], title="$1 or $2")
    figure.canvas.draw()
    shown = figure.axes[0].texts
    assert [text.get_text() for text in shown] == ["$a$ or $b$", "3"]
    assert not any(text.get_parse_math() for text in shown)

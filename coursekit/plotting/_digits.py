"""Images of digits, many to a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting.style import AS_WRITTEN, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 28
ABOVE = {"ha": "center", "va": "bottom"}
_GAP = 2  # pixels between two images
_WIDTH = 6.0  # inches
_LARGEST_CELL = 2.2  # inches: a single digit does not fill the page
_LARGEST_FONT, _SMALLEST_FONT = 12.0, 9.0


def plot_digits(
    images: np.ndarray,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Figure:
    """Draw images of digits in a grid, dark ink on white paper.

    Parameters
    ----------
    images : ndarray, shape (n, 28, 28) or (n, 784)
        Any scale: the smallest value of all images is drawn white, the largest black.
    titles : sequence of str, length n, optional
        A short text above each image.
    columns : int, optional
        Images to a row; by default as many as make the grid nearly square, or fewer where
        the titles need more room.
    title : str, optional
        The finding, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Row by row, from left to right.

    Raises
    ------
    TypeError
        If the images are not numbers, ``titles`` no sequence (text is none), or ``columns``
        not a whole number, or ``title`` no text.
    ValueError
        If there is no image, the images are not 28 by 28, hold a value that is not finite,
        or the titles or columns do not fit.
    """
    import matplotlib.pyplot as plt
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    title = _options.text("title", title)
    images = _checked(images)
    names = [""] * len(images) if titles is None else _options.names("titles", titles)
    if len(names) != len(images):
        raise ValueError(
            f"there are {len(names)} titles and {len(images)} images; give one title per image."
        )
    longest = max((len(line) for name in names for line in name.splitlines()), default=0)
    if columns is None:
        columns = int(np.ceil(np.sqrt(len(images))))
        while columns > 1 and _font(longest, _cell(columns)) < _SMALLEST_FONT:
            columns -= 1
    else:
        columns = _options.whole("columns", columns)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)

    # Everything is measured in pixels of the images, and drawn as one picture: that takes a
    # tenth of the time of one panel per image.
    cell = _cell(columns)
    pixels_per_inch = (_SIDE + _GAP) / cell
    font = _font(longest, cell)
    lines = max(len(name.splitlines()) for name in names)
    heading = lines * 1.25 * font / 72 * pixels_per_inch
    pitch = _SIDE + _GAP + heading
    black, white = images.max(), images.min()
    black = black if black > white else white + 1

    figure, axis = plt.subplots(figsize=(_WIDTH, rows * pitch / pixels_per_inch + 0.15))
    frames = []
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        row, column = divmod(number, columns)
        left, top = column * (_SIDE + _GAP), row * pitch
        place = (left, left + _SIDE, top + _SIDE, top)
        axis.imshow(image, cmap="Greys", vmin=white, vmax=black, extent=place)
        frames.append(Rectangle((left, top), _SIDE, _SIDE))
        if name:
            above = (left + _SIDE / 2, top - 0.1 * font / 72 * pixels_per_inch)
            axis.text(*above, name, fontsize=font, linespacing=1.1, **ABOVE, **AS_WRITTEN)
    axis.add_collection(
        PatchCollection(frames, facecolor="none", edgecolor="0.75", linewidth=0.5, zorder=2)
    )
    axis.set_xlim(-0.5, max(columns * (_SIDE + _GAP), _WIDTH * pixels_per_inch * 0.98) - 1.5)
    axis.set_ylim((rows - 1) * pitch + _SIDE + 0.5, -heading - 0.5)
    axis.set_anchor("W")
    axis.axis("off")
    if title:
        headline(figure, title)
        figure.set_figheight(figure.get_figheight() + 0.25 * (1 + title.count("\n")))
    return figure


def _cell(columns: int) -> float:
    """Return how many inches an image and the gap beside it take."""
    return min(_WIDTH / columns, _LARGEST_CELL)


def _font(longest: int, cell: float) -> float:
    """Return the largest font, in points, in which so many letters fit over an image."""
    return min(_LARGEST_FONT, 72 * cell / (0.56 * max(longest, 1)))


def _checked(images) -> np.ndarray:
    array = _options.numbers("images", images)
    if array.ndim == 2 and array.shape[1] == _SIDE * _SIDE:
        array = array.reshape(-1, _SIDE, _SIDE)
    if array.ndim != 3 or array.shape[1:] != (_SIDE, _SIDE):
        raise ValueError(
            f"images have shape {array.shape}; it must be (n, {_SIDE}, {_SIDE}) or "
            f"(n, {_SIDE * _SIDE}). Of one image, take images[:1], which keeps the first axis."
        )
    if not len(array):
        raise ValueError("there is no image to draw; give at least one.")
    array = array.astype(float)
    if not np.isfinite(array).all():
        raise ValueError(
            f"images hold {int((~np.isfinite(array)).sum())} values that are not finite; the "
            "scaling before this went wrong."
        )
    largest = np.abs(array).max()  # of two that are larger, the difference may be no number
    return array if largest < 1e300 else array / largest

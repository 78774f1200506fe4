"""Plots of many images of digits in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting.style import PLAIN_TEXT, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 28
_CENTRED_ABOVE = {"ha": "center", "va": "bottom"}
_GAP = 2  # pixels between two images
_WIDTH = 6.0  # inches
_MAX_CELL = 2.2  # inches, so that a single digit does not fill the page
_MAX_FONT, _MIN_FONT = 12.0, 9.0


def plot_digits(
    images: np.ndarray,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Figure:
    """Draw images of digits in a grid, dark on white.

    Parameters
    ----------
    images : ndarray, shape (n, 28, 28) or (n, 784)
        Pixels on any scale: the smallest value of all images is drawn white, the largest black.
    titles : sequence of str, length n, optional
        A short text above each image.
    columns : int, optional
        Images per row, at least 1. By default the grid is nearly square, or has fewer columns
        if the titles need more room.
    title : str, optional
        Text above the figure; state the finding.

    Returns
    -------
    matplotlib.figure.Figure
        The images, row by row from left to right.

    Raises
    ------
    TypeError
        If the images are not numbers, ``titles`` is not a sequence or is a single text,
        ``columns`` is not a whole number, or ``title`` is not text.
    ValueError
        If there is no image, the images are not 28 by 28 or hold a value that is not finite,
        there is not one title per image, or ``columns`` is less than 1.
    """
    import matplotlib.pyplot as plt
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    title = _options.text("title", title)
    images = _validated_images(images)
    names = [""] * len(images) if titles is None else _options.names("titles", titles)
    if len(names) != len(images):
        raise ValueError(
            f"there are {len(names)} titles and {len(images)} images; give one title per image."
        )
    longest = max((len(line) for name in names for line in name.splitlines()), default=0)
    if columns is None:
        columns = int(np.ceil(np.sqrt(len(images))))
        while columns > 1 and _title_font(longest, _cell_size(columns)) < _MIN_FONT:
            columns -= 1
    else:
        columns = _options.whole("columns", columns)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)

    # All images share one panel, whose unit is a pixel of an image: that takes a tenth of the
    # time of one panel per image.
    cell = _cell_size(columns)
    pixels_per_inch = (_SIDE + _GAP) / cell
    font = _title_font(longest, cell)
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
        extent = (left, left + _SIDE, top + _SIDE, top)
        axis.imshow(image, cmap="Greys", vmin=white, vmax=black, extent=extent)
        frames.append(Rectangle((left, top), _SIDE, _SIDE))
        if name:
            above = (left + _SIDE / 2, top - 0.1 * font / 72 * pixels_per_inch)
            axis.text(*above, name, fontsize=font, linespacing=1.1, **_CENTRED_ABOVE, **PLAIN_TEXT)
    grey = {"facecolor": "none", "edgecolor": "0.75", "linewidth": 0.5}
    axis.add_collection(PatchCollection(frames, **grey, zorder=2))
    axis.set_xlim(-0.5, max(columns * (_SIDE + _GAP), _WIDTH * pixels_per_inch * 0.98) - 1.5)
    axis.set_ylim((rows - 1) * pitch + _SIDE + 0.5, -heading - 0.5)
    axis.set_anchor("W")
    axis.axis("off")
    if title:
        headline(figure, title)
        figure.set_figheight(figure.get_figheight() + 0.25 * (1 + title.count("\n")))
    return figure


def _cell_size(columns: int) -> float:
    """Return the width of an image and the gap beside it, in inches."""
    return min(_WIDTH / columns, _MAX_CELL)


def _title_font(longest: int, cell: float) -> float:
    """Return the largest font, in points, in which ``longest`` characters fit above an image."""
    return min(_MAX_FONT, 72 * cell / (0.56 * max(longest, 1)))


def _validated_images(images) -> np.ndarray:
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
    largest = np.abs(array).max()  # the difference of two larger values may overflow
    return array if largest < 1e300 else array / largest

"""A plot of the confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.evaluation import ConfusionReport
from coursekit.plotting.style import COLOURS, PLAIN_TEXT, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 6.0  # inches
_DIGIT_EM, _CAPITAL_EM = 0.64, 0.76  # widths of characters, as a multiple of the font size
_MAX_NAME_LENGTH = 24  # characters; longer names are cut
_MIN_FONT = 4.0


def plot_confusion(report: ConfusionReport, *, title: str | None = None) -> Figure:
    """Draw a confusion matrix: correct predictions grey on the diagonal, mistakes red.

    Parameters
    ----------
    report : ConfusionReport
        The counts, with the names of the classes.
    title : str, optional
        Text above the figure; state the finding.

    Returns
    -------
    matplotlib.figure.Figure
        Rows are actual classes and columns predicted classes. A cell is darker the larger its
        share of the actual class. Counts of 0 are not printed; no counts are printed if they
        would be too small to read. Names of more than 24 characters are cut.

    Raises
    ------
    TypeError
        If ``report`` is not a ConfusionReport, or ``title`` is not text.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    names, title = _names(report), _options.text("title", title)
    counts = report.matrix
    classes = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = LinearSegmentedColormap.from_list("right", ["white", COLOURS["neutral"]])
    wrong = LinearSegmentedColormap.from_list("wrong", ["white", COLOURS["negative"]])
    # A tenth of a class mistaken is a lot: such cells already have half the full colour.
    colours = np.where(np.eye(classes, dtype=bool)[..., None], right(share), wrong(share**0.3))
    colours[counts == 0] = (*to_rgb("white"), 1.0)

    font = 12 if classes <= 6 else 10 if classes <= 10 else 8.5
    longest, name_font = _CAPITAL_EM * max(map(len, names)), font + 1
    for _ in range(2):  # a smaller font leaves more room, which may allow a larger font
        length = name_font * longest / 72  # inches
        side = min(max(3.4, 0.38 * classes), 6.0, _WIDTH - length - 0.65)  # inches
        cell = 72 * side / classes  # points
        name_font = min(font + 1, 0.9 * cell)  # the names are at most as high as a row
    rotated = name_font * longest > 0.95 * cell
    size = (_WIDTH, side + 0.5 + (length if rotated else 0))
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    axis.imshow(colours)
    font = min(font, 0.9 * cell / (_DIGIT_EM * len(f"{counts.max()}")))
    for row, column in np.argwhere(counts) if font >= _MIN_FONT else ():
        dark = np.dot(colours[row, column, :3], [0.299, 0.587, 0.114]) < 0.55
        style = {"fontsize": font, "color": "white" if dark else "black"}
        axis.text(column, row, f"{counts[row, column]}", ha="center", va="center", **style)
    axis.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="0.85", linewidth=0.6)
    axis.set(xlabel="predicted", ylabel="actual")
    positions, style = range(classes), {"fontsize": name_font, **PLAIN_TEXT}
    axis.set_xticks(positions, names, rotation=90 if rotated else 0, **style)
    axis.set_yticks(positions, names, **style)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    headline(axis, title)
    return figure


def _names(report: ConfusionReport) -> list[str]:
    """Return the class names on one line each, cut to the maximum length."""
    if not isinstance(report, ConfusionReport):
        raise TypeError(f"report is {_options.shown(report)}; it must be a ConfusionReport.")
    names = [" ".join(str(label).split()) for label in report.labels]
    return [
        name if len(name) <= _MAX_NAME_LENGTH else f"{name[: _MAX_NAME_LENGTH - 1]}…"
        for name in names
    ]

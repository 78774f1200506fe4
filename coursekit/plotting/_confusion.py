"""Plots of the confusion matrix and of the most frequent mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.evaluation import ConfusionReport
from coursekit.plotting.style import COLOURS, PLAIN_TEXT, headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 6.0  # inches
# Widths of characters, as a multiple of the font size.
_DIGIT_EM, _LOWERCASE_EM, _CAPITAL_EM, _WIDE_EM = 0.64, 0.6, 0.76, 1.0
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
    name_layout = _ClassNameLayout(names, font + 1, side=min(max(3.4, 0.38 * classes), 6.0))
    size = (_WIDTH, name_layout.side + 0.5 + name_layout.below)
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    axis.imshow(colours)
    font = min(font, 0.9 * name_layout.cell / (_DIGIT_EM * len(f"{counts.max()}")))
    for row, column in np.argwhere(counts) if font >= _MIN_FONT else ():
        dark = np.dot(colours[row, column, :3], [0.299, 0.587, 0.114]) < 0.55
        style = {"fontsize": font, "color": "white" if dark else "black"}
        axis.text(column, row, f"{counts[row, column]}", ha="center", va="center", **style)
    axis.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="0.85", linewidth=0.6)
    axis.set(xlabel="predicted", ylabel="actual")
    name_layout.finish(axis, title)
    return figure


def plot_mismatches(report: ConfusionReport, *, title: str | None = None) -> Figure:
    """Draw only the mistakes that occur at least twice, each pair of classes as a bubble.

    Parameters
    ----------
    report : ConfusionReport
        The counts, with the names of the classes.
    title : str, optional
        Text above the figure; state the finding.

    Returns
    -------
    matplotlib.figure.Figure
        Actual classes run from left to right, predicted classes upwards; correct predictions
        would lie on the grey diagonal. The area of a bubble is proportional to its count,
        which is printed in it, or beside it if the bubble is small. Names of more than 24
        characters are cut.

    Raises
    ------
    TypeError
        If ``report`` is not a ConfusionReport, or ``title`` is not text.
    ValueError
        If no pair occurs twice.
    """
    import matplotlib.pyplot as plt

    names, title = _names(report), _options.text("title", title)
    off = report.matrix - np.diag(np.diag(report.matrix))
    if off.max() < 2:
        raise ValueError(
            f"no two classes were confused twice; the report has {off.sum()} mistakes, which "
            "mismatches() lists."
        )
    actual, predicted = np.nonzero(off >= 2)
    counts = off[actual, predicted]

    classes = len(names)
    name_layout = _ClassNameLayout(names, 12, side=min(max(3.4, 0.46 * classes), 5.2))
    size = (_WIDTH, name_layout.side + 0.9 + name_layout.below)
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    axis.plot([-0.5, classes - 0.5], [-0.5, classes - 0.5], color="0.85", linewidth=6, zorder=0)
    largest = 0.92 * name_layout.cell  # so that a bubble stays inside its cell
    diameters = largest * np.sqrt(counts / counts.max())
    axis.scatter(actual, predicted, s=diameters**2, color=COLOURS["negative"], linewidth=0)
    font = 11 if classes <= 10 else 9
    font = max(min(font, name_layout.cell / (_DIGIT_EM * len(f"{counts.max()}"))), _MIN_FONT)
    for x, y, count, diameter in zip(actual, predicted, counts, diameters, strict=True):
        if diameter > max(1.25 * font, 0.75 * font * len(f"{count}")):
            offset, style = 0, {"ha": "center", "va": "center_baseline", "color": "white"}
        else:
            offset, style = 0.36 * diameter + 1, {"ha": "left", "va": "bottom", "color": "black"}
        place = {"xytext": (offset, offset), "textcoords": "offset points"}
        axis.annotate(f"{count}", (x, y), fontsize=font, **place, **style)
    axis.set_xlim(-0.5, classes - 0.5)
    axis.set_ylim(-0.5, classes - 0.5)
    axis.set_aspect("equal")
    axis.set_axisbelow(True)
    axis.grid(color="0.92", linewidth=0.8)
    axis.set(xlabel="actual", ylabel="predicted")
    name_layout.finish(axis, title)
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


def _width_in_ems(name: str) -> float:
    """Estimate the width of a name, as a multiple of its font size."""
    narrow = [letter for letter in name if ord(letter) <= 0x2E7F]
    capitals = sum(letter.isupper() or letter == "_" for letter in narrow)
    wide, small = len(name) - len(narrow), len(narrow) - capitals
    return _WIDE_EM * wide + _CAPITAL_EM * capitals + _LOWERCASE_EM * small


class _ClassNameLayout:
    """The sizes of the cells and of the class names beside them.

    Attributes
    ----------
    side : float
        Width and height of the matrix, in inches.
    cell : float
        Width and height of one cell, in points.
    below : float
        Height of rotated names below the matrix, in inches; 0 if names are not rotated.
    font : float
        Font size of the names, in points.
    rotated : bool
        Whether the names below the matrix are rotated.
    """

    def __init__(self, names: list[str], font: float, *, side: float):
        self.names = names
        longest = max(map(_width_in_ems, names))
        # The font of the names is at most as high as a row.
        self.font = font
        for _ in range(2):  # a smaller font leaves more room, which may allow a larger font
            length = self.font * longest / 72
            self.side = min(side, _WIDTH - length - 0.65)
            self.cell = 72 * self.side / len(names)
            self.font = min(font, 0.9 * self.cell)
        self.rotated = self.font * longest > 0.95 * self.cell
        self.below = length if self.rotated else 0.0

    def finish(self, axis: Axes, title: str) -> None:
        """Write the names beside the rows and below the columns, and the title above."""
        positions, style = range(len(self.names)), {"fontsize": self.font, **PLAIN_TEXT}
        axis.set_xticks(positions, self.names, rotation=90 if self.rotated else 0, **style)
        axis.set_yticks(positions, self.names, **style)
        axis.tick_params(which="both", length=0)
        axis.spines[:].set_visible(False)
        headline(axis, title)

"""Which class was taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting.style import AS_WRITTEN, COLOURS, headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from coursekit.evaluation import ConfusionReport

_WIDTH = 6.0  # inches
# How wide letters are, as a share of the font.
_DIGIT, _SMALL, _CAPITAL, _WIDE = 0.64, 0.6, 0.76, 1.0
_LONGEST_NAME = 24  # letters; of longer names, the beginning is written
_SMALLEST_FONT = 4.0


def plot_confusion(report: ConfusionReport, *, title: str | None = None) -> Figure:
    """Draw a confusion matrix: right answers grey on the diagonal, mistakes red.

    Parameters
    ----------
    report : ConfusionReport
        The counts, with the names of the classes.
    title : str, optional
        The finding, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Rows are the actual classes, columns the predicted ones. A cell is as dark as its
        share of the actual class is large; counts of 0 are left blank, and all counts where
        so many or large ones could not be read. Names of more than 24 letters are cut short.

    Raises
    ------
    TypeError
        If ``report`` is something else, or ``title`` no text.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    names, title = _names(report), _options.text("title", title)
    counts = report.matrix
    classes = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = LinearSegmentedColormap.from_list("right", ["white", COLOURS["neutral"]])
    wrong = LinearSegmentedColormap.from_list("wrong", ["white", COLOURS["negative"]])
    # A tenth of a class gone astray is much: mistakes reach half their colour there.
    colours = np.where(np.eye(classes, dtype=bool)[..., None], right(share), wrong(share**0.3))
    colours[counts == 0] = (*to_rgb("white"), 1.0)

    font = 12 if classes <= 6 else 10 if classes <= 10 else 8.5
    space = _Space(names, font + 1, side=min(max(3.4, 0.38 * classes), 6.0))
    figure, axis = plt.subplots(figsize=(_WIDTH, space.side + 0.5 + space.below), layout=_layout())
    axis.imshow(colours)
    font = min(font, 0.9 * space.cell / (_DIGIT * len(f"{counts.max()}")))
    for row, column in np.argwhere(counts) if font >= _SMALLEST_FONT else ():
        dark = np.dot(colours[row, column, :3], [0.299, 0.587, 0.114]) < 0.55
        axis.text(
            column,
            row,
            f"{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=font,
            color="white" if dark else "black",
        )
    space.write(axis, names)
    axis.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="0.85", linewidth=0.6)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlabel="predicted", ylabel="actual")
    headline(axis, title)
    return figure


def plot_mismatches(
    report: ConfusionReport, *, at_least: int = 2, title: str | None = None
) -> Figure:
    """Draw the mistakes alone, each pair of classes as a bubble.

    Parameters
    ----------
    report : ConfusionReport
        The counts, with the names of the classes.
    at_least : int
        Leave out pairs that occur less often; at least 1.
    title : str, optional
        The finding, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Actual classes from left to right, predicted ones upwards, so right answers would
        lie on the grey diagonal. The area of a bubble is proportional to the count written
        in it, or beside it where it is small. Names of more than 24 letters are cut short.

    Raises
    ------
    TypeError
        If ``report`` is something else, ``at_least`` no whole number, or ``title`` no text.
    ValueError
        If ``at_least`` is less than 1, or no pair occurs so often.
    """
    import matplotlib.pyplot as plt

    names, title = _names(report), _options.text("title", title)
    at_least = _options.whole("at_least", at_least)
    off = report.matrix - np.diag(np.diag(report.matrix))
    if off.max() < at_least:
        found = (
            f"the most frequent one occurs {off.max()} times; take at_least={off.max()}."
            if off.any()
            else "the report has no mistakes at all."
        )
        raise ValueError(f"no mismatch occurs at least {at_least} times: {found}")
    actual, predicted = np.nonzero(off >= at_least)
    counts = off[actual, predicted]

    classes = len(names)
    space = _Space(names, 12, side=min(max(3.4, 0.46 * classes), 5.2))
    figure, axis = plt.subplots(figsize=(_WIDTH, space.side + 0.9 + space.below), layout=_layout())
    axis.plot([-0.5, classes - 0.5], [-0.5, classes - 0.5], color="0.85", linewidth=6, zorder=0)
    largest = 0.92 * space.cell  # a bubble stays in its cell
    diameters = largest * np.sqrt(counts / counts.max())
    axis.scatter(actual, predicted, s=diameters**2, color=COLOURS["negative"], linewidth=0)
    font = 11 if classes <= 10 else 9
    font = max(min(font, space.cell / (_DIGIT * len(f"{counts.max()}"))), _SMALLEST_FONT)
    for x, y, count, diameter in zip(actual, predicted, counts, diameters, strict=True):
        fits = diameter > max(1.25 * font, 0.75 * font * len(f"{count}"))
        axis.annotate(
            f"{count}",
            (x, y),
            xytext=(0, 0) if fits else (0.36 * diameter + 1, 0.36 * diameter + 1),
            textcoords="offset points",
            ha="center" if fits else "left",
            va="center_baseline" if fits else "bottom",
            fontsize=font,
            color="white" if fits else "black",
        )
    space.write(axis, names)
    axis.set_xlim(-0.5, classes - 0.5)
    axis.set_ylim(-0.5, classes - 0.5)
    axis.set_aspect("equal")
    axis.set_axisbelow(True)
    axis.grid(color="0.92", linewidth=0.8)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlabel="actual", ylabel="predicted")
    headline(axis, title)
    return figure


def _names(report: ConfusionReport) -> list[str]:
    """Return the names of the classes as they are written beside a figure."""
    from coursekit.evaluation import ConfusionReport

    if not isinstance(report, ConfusionReport):
        raise TypeError(f"report is {_options.shown(report)}; it must be a ConfusionReport.")
    names = [" ".join(str(label).split()) for label in report.labels]
    return [
        name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…" for name in names
    ]


def _layout() -> str | None:
    """Return what keeps the names of the axes in the figure, whatever style is set."""
    import matplotlib as mpl

    return None if mpl.rcParams["figure.constrained_layout.use"] else "constrained"


def _ems(name: str) -> float:
    """Return how wide a name is, as a multiple of its font."""
    return sum(
        _WIDE if ord(letter) > 0x2E7F else _CAPITAL if letter.isupper() or letter == "_" else _SMALL
        for letter in name
    )


class _Space:
    """How much room the cells have beside the names of the classes, and how these are written.

    Attributes
    ----------
    side : float
        Width and height of all cells together, in inches.
    cell : float
        Width and height of one of them, in points.
    below : float
        What names that are turned need below the cells, in inches.
    """

    def __init__(self, names: list[str], font: float, *, side: float):
        longest = max(map(_ems, names))
        # Names are never larger than their rows are high.
        self.font = font
        for _ in range(2):  # a smaller font leaves more room, which may take a larger one
            length = self.font * longest / 72
            self.side = min(side, _WIDTH - length - 0.65)
            self.cell = 72 * self.side / len(names)
            self.font = min(font, 0.9 * self.cell)
        self.turned = self.font * longest > 0.95 * self.cell
        self.below = length if self.turned else 0.0

    def write(self, axis: Axes, names: list[str]) -> None:
        """Write the names beside the rows and below the columns."""
        places, text = range(len(names)), {"fontsize": self.font, **AS_WRITTEN}
        axis.set_xticks(places, names, rotation=90 if self.turned else 0, **text)
        axis.set_yticks(places, names, **text)

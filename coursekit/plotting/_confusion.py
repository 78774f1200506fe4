"""Which class was taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit.plotting._style import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coursekit.evaluation import ConfusionReport


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
        share of the actual class is large; counts of 0 are left blank.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    counts = report.matrix
    classes = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = LinearSegmentedColormap.from_list("right", ["white", COLOURS["neutral"]])
    wrong = LinearSegmentedColormap.from_list("wrong", ["white", COLOURS["negative"]])
    # A tenth of a class gone astray is much: mistakes reach half their colour there.
    colours = np.where(np.eye(classes, dtype=bool)[..., None], right(share), wrong(share**0.3))
    colours[counts == 0] = (*to_rgb("white"), 1.0)

    size = min(max(3.4, 0.38 * classes), 6.0)
    figure, axis = plt.subplots(figsize=(6.0, size + 0.5))
    axis.imshow(colours)
    font = 12 if classes <= 6 else 10 if classes <= 10 else 8.5
    for row, column in np.argwhere(counts):
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
    names = [str(label) for label in report.labels]
    axis.set_xticks(range(classes), names, fontsize=font + 1)
    axis.set_yticks(range(classes), names, fontsize=font + 1)
    axis.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="0.85", linewidth=0.6)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlabel="predicted", ylabel="actual")
    if title:
        axis.set_title(title)
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
        Leave out pairs that occur less often.
    title : str, optional
        The finding, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Actual classes from left to right, predicted ones upwards, so right answers would
        lie on the grey diagonal. The area of a bubble is proportional to the count written
        in it, or beside it where it is small.

    Raises
    ------
    ValueError
        If ``at_least`` is less than 1, or no pair occurs so often.
    """
    import matplotlib.pyplot as plt

    if not at_least >= 1:
        raise ValueError(f"at_least is {at_least}; it must be 1 or more.")
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

    classes = len(report.labels)
    side = min(max(3.4, 0.46 * classes), 5.2)  # inches
    figure, axis = plt.subplots(figsize=(6.0, side + 0.9))
    axis.plot([-0.5, classes - 0.5], [-0.5, classes - 0.5], color="0.85", linewidth=6, zorder=0)
    largest = 0.92 * 72 * side / classes  # points: a bubble stays in its cell
    diameters = largest * np.sqrt(counts / counts.max())
    axis.scatter(actual, predicted, s=diameters**2, color=COLOURS["negative"], linewidth=0)
    font = 11 if classes <= 10 else 9
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
    names = [str(label) for label in report.labels]
    axis.set_xticks(range(classes), names)
    axis.set_yticks(range(classes), names)
    axis.set_xlim(-0.5, classes - 0.5)
    axis.set_ylim(-0.5, classes - 0.5)
    axis.set_aspect("equal")
    axis.set_axisbelow(True)
    axis.grid(color="0.92", linewidth=0.8)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlabel="actual", ylabel="predicted")
    if title:
        axis.set_title(title)
    return figure

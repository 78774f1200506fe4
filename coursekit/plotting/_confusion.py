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

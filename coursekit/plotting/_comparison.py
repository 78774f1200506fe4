"""Plots of one metric for several models."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting._history import curves_of
from coursekit.plotting.style import PLAIN_TEXT, headline, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_comparison(
    histories: Mapping[str, object], *, metric: str = "val_loss", title: str | None = None
) -> Figure:
    """Draw one recorded metric of several models in one panel, by epoch.

    Parameters
    ----------
    histories : mapping of str to history
        Name of each model and its history, of any type that ``plot_history`` takes.
    metric : str
        Recorded name of the metric; ``val_...`` for the validation set.
    title : str, optional
        Text above the figure; state the finding.

    Returns
    -------
    matplotlib.figure.Figure
        Models differ by line style as well as shade; epochs count from 1.

    Raises
    ------
    KeyError
        If a model did not record the metric.
    TypeError
        If ``histories`` is not a mapping, a value is not a history, or ``metric`` or ``title``
        is not text.
    ValueError
        If ``histories`` is empty, or a curve has fewer values than there are epochs.
    """
    import matplotlib.pyplot as plt

    title = _options.text("title", title)
    histories = _options.mapping("histories", histories, "the names of models to their histories")
    if not histories:
        raise ValueError("histories is empty: there is no model to draw.")
    if not isinstance(metric, str):
        raise TypeError(f"metric is {_options.shown(metric)}; it must be a name.")
    curves = {}
    for name, history in histories.items():
        recorded = curves_of(history, f"the history of {name}")
        if metric not in recorded:
            raise KeyError(f"{name} did not record {metric}; it has {', '.join(recorded)}.")
        curves[name] = recorded[metric]

    figure, axis = plt.subplots()
    styles = ["-", "--", ":", "-.", (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1))]
    # Beyond 0.6 the contrast with a white page is below 3 to 1.
    shades = plt.get_cmap("cividis")(np.linspace(0, 0.6, max(len(histories), 2)))
    for (name, (curve, epochs)), style, shade in zip(curves.items(), cycle(styles), shades):
        marker = "o" if len(curve) == 1 else None
        axis.plot(epochs, curve, label=name, linestyle=style, color=shade, marker=marker)
    prefix = "validation " if metric.startswith("val_") else "training "
    axis.set_xlabel("epoch")
    axis.set_ylabel(prefix + metric.removeprefix("val_").replace("_", " "), **PLAIN_TEXT)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(axis="y", alpha=0.3)
    legend(axis, axis.get_lines(), list(curves))
    headline(axis, title)
    return figure

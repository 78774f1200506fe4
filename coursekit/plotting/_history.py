"""Training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit.plotting._style import COLOURS

if TYPE_CHECKING:
    import keras
    import pandas as pd
    from matplotlib.figure import Figure

_TITLES = {"loss": "loss", "accuracy": "accuracy", "mae": "mean absolute error"}


def plot_history(
    history: keras.callbacks.History | Mapping[str, Sequence[float]] | pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw what training recorded: one panel per metric, one curve per part of the data.

    Parameters
    ----------
    history : keras.callbacks.History, mapping or DataFrame
        What ``model.fit`` returned, its ``.history``, or a table with one row per epoch.
        Columns named ``val_...`` hold the validation part.
    metrics : sequence of str, optional
        Which metrics to draw, from top to bottom; by default all, in recorded order.
    title : str, optional
        The finding, as a sentence, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Training in blue, validation in orange; epochs count from 1.

    Raises
    ------
    KeyError
        If a metric was not recorded.
    ValueError
        If nothing was recorded.
    """
    import matplotlib.pyplot as plt

    recorded = {name: np.asarray(curve) for name, curve in curves_of(history).items()}
    available = [name for name in recorded if f"val_{name}" in recorded or name[:4] != "val_"]
    if not available or len(recorded[available[0]]) == 0:
        raise ValueError("The history is empty: was the model fitted for at least one epoch?")
    metrics = list(metrics) if metrics is not None else available
    if missing := [name for name in metrics if name not in recorded]:
        raise KeyError(
            f"{', '.join(missing)} was not recorded; this history has {', '.join(available)}."
        )

    figure, axes = plt.subplots(
        len(metrics), 1, figsize=(6.0, 0.6 + 2.5 * len(metrics)), sharex=True, squeeze=False
    )
    for axis, metric in zip(axes[:, 0], metrics, strict=True):
        parts = {"training": (metric, "train"), "validation": (f"val_{metric}", "validation")}
        for label, (name, colour) in parts.items():
            if name not in recorded:
                continue
            epochs = np.arange(1, len(recorded[name]) + 1)
            marker = "o" if len(epochs) == 1 else None
            axis.plot(epochs, recorded[name], label=label, color=COLOURS[colour], marker=marker)
        axis.set_ylabel(_TITLES.get(metric, metric.replace("_", " ")))
        axis.grid(axis="y", alpha=0.3)
    axes[0, 0].legend(loc="best", ncols=2)
    axes[-1, 0].set_xlabel("epoch")
    axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    return figure


def curves_of(history) -> Mapping[str, Sequence[float]]:
    """Return the recorded curves by name, whatever holds them."""
    if hasattr(history, "history"):  # keras.callbacks.History
        return history.history
    if hasattr(history, "to_dict"):  # DataFrame
        return history.to_dict("list")
    return history

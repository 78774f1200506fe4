"""Plots of training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting.style import COLOURS, PLAIN_TEXT, headline, legend

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
    """Draw training curves: one panel per metric, with training and validation curves.

    Parameters
    ----------
    history : keras.callbacks.History, mapping or DataFrame
        What ``model.fit`` returned, its ``.history``, or a table with one row per epoch.
        Columns named ``val_...`` belong to the validation set. Missing values (NaN) are not
        drawn.
    metrics : sequence of str, optional
        Which metrics to draw, from top to bottom; by default all, in recorded order.
        ``val_...`` draws only the validation curve.
    title : str, optional
        Text above the figure; state the finding.

    Returns
    -------
    matplotlib.figure.Figure
        Training is blue and solid, validation orange and dashed. Epochs count from 1, or from
        where training was resumed with ``initial_epoch``.

    Raises
    ------
    KeyError
        If a metric was not recorded.
    TypeError
        If ``history``, ``metrics`` or ``title`` has another type, or a curve does not hold
        numbers.
    ValueError
        If nothing was recorded, ``metrics`` is empty, or a curve has fewer values than there are
        epochs, as with ``validation_freq``.
    """
    import matplotlib.pyplot as plt

    title = _options.text("title", title)
    recorded = curves_of(history)
    available = list(dict.fromkeys(name.removeprefix("val_") for name in recorded))
    if not any(len(values) for values, _ in recorded.values()):
        raise ValueError("The history is empty: was the model fitted for at least one epoch?")
    if metrics is None:
        metrics = available
    else:
        metrics = _options.names("metrics", metrics)
        if not metrics:
            raise ValueError(f"metrics is empty; this history has {', '.join(available)}.")
        known = {*recorded, *available}
        if missing := [name for name in metrics if name not in known]:
            raise KeyError(
                f"{', '.join(missing)} was not recorded; this history has {', '.join(available)}."
            )

    size = (6.0, 0.6 + 2.5 * len(metrics))
    figure, axes = plt.subplots(len(metrics), 1, figsize=size, sharex=True, squeeze=False)
    words = {"train": "training", "validation": "validation"}
    for axis, metric in zip(axes[:, 0], metrics, strict=True):
        quantity = metric.removeprefix("val_")
        names = {"train": metric, "validation": f"val_{quantity}"}
        if metric != quantity:
            del names["train"]
        drawn = [subset for subset, name in names.items() if name in recorded]
        for subset in drawn:
            curve, epochs = recorded[names[subset]]
            look = {"color": COLOURS[subset], "linestyle": "-" if subset == "train" else "--"}
            marker = "o" if len(curve) == 1 else None
            axis.plot(epochs, curve, label=words[subset], marker=marker, **look)
        axis.set_ylabel(_TITLES.get(quantity, quantity.replace("_", " ")), **PLAIN_TEXT)
        axis.grid(axis="y", alpha=0.3)
        if axis is axes[0, 0] or "train" not in drawn:
            shown = [words[subset] for subset in drawn]
            legend(axis, axis.get_lines(), shown, loc="best", ncols=2)
    axes[-1, 0].set_xlabel("epoch")
    axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    headline(figure, title)
    return figure


def curves_of(history, what: str = "history") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the values of each recorded curve and their epochs, as a dict by name.

    Epochs count from 1. Missing values (NaN) are left out.

    Raises
    ------
    TypeError
        If ``history`` is not a history, or holds anything but numbers.
    ValueError
        If a curve has fewer values than there are epochs.
    """
    import pandas as pd

    is_table = isinstance(history, pd.DataFrame)
    recorded = history if is_table else getattr(history, "history", history)
    epoch_indices = None if is_table else getattr(history, "epoch", None)
    if isinstance(recorded, pd.DataFrame):  # as in the history that train_model returns
        recorded = dict(recorded)
    recorded = _options.mapping(what, recorded, "the names of metrics to their values")
    curves = {name: _options.numbers(name, values) for name, values in recorded.items()}
    for name, curve in curves.items():
        if curve.ndim != 1:
            raise TypeError(f"{name} has shape {curve.shape}; it must hold one number per epoch.")
    longest = max(map(len, curves.values()), default=0)
    epochs = np.arange(1, longest + 1)
    if epoch_indices is not None and len(epoch_indices) == longest:  # Keras counts epochs from 0
        epochs = np.asarray(epoch_indices, dtype=int) + 1
    found = {}
    for name, curve in curves.items():
        if len(curve) != longest:
            raise ValueError(
                f"{name} has {len(curve)} values and there are {longest} epochs, so there is no "
                "telling to which of them they belong; give a table with a row for each epoch, and "
                "NaN where there is no value."
            )
        present = ~np.isnan(curve.astype(float))
        found[name] = (curve[present], epochs[present])
    return found

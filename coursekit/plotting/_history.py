"""Training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting.style import AS_WRITTEN, COLOURS, headline, legend

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
        Columns named ``val_...`` hold the validation part. Of an epoch without a value
        (NaN), nothing is drawn.
    metrics : sequence of str, optional
        Which metrics to draw, from top to bottom; by default all, in recorded order.
        ``val_...`` draws the validation part alone.
    title : str, optional
        The finding, as a sentence, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Training in blue, validation in orange; epochs count from 1, and go on where training
        was continued with ``initial_epoch``. A validation curve with fewer values than epochs
        is taken for one of ``validation_freq=k``, and drawn after every k-th epoch.

    Raises
    ------
    KeyError
        If a metric was not recorded.
    TypeError
        If ``history``, ``metrics`` or ``title`` is something else, or a curve does not hold
        numbers.
    ValueError
        If nothing was recorded, ``metrics`` is empty, or there is no telling to which epochs
        the values of a curve belong.
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
    panels = []
    for metric in metrics:
        of_both = {"train": metric, "validation": f"val_{metric.removeprefix('val_')}"}
        names = {part: name for part, name in of_both.items() if name in recorded}
        if metric.startswith("val_"):
            names.pop("train", None)
        panels.append({part: recorded[name] for part, name in names.items()})

    figure, axes = plt.subplots(
        len(metrics), 1, figsize=(6.0, 0.6 + 2.5 * len(metrics)), sharex=True, squeeze=False
    )
    words = {"train": "training", "validation": "validation"}
    for axis, metric, parts in zip(axes[:, 0], metrics, panels, strict=True):
        for part, (curve, places) in parts.items():
            marker = "o" if len(curve) == 1 else None
            axis.plot(places, curve, label=words[part], color=COLOURS[part], marker=marker)
        metric = metric.removeprefix("val_")
        axis.set_ylabel(_TITLES.get(metric, metric.replace("_", " ")), **AS_WRITTEN)
        axis.grid(axis="y", alpha=0.3)
        if axis is axes[0, 0] or "train" not in parts:
            legend(axis, axis.get_lines(), [words[part] for part in parts], loc="best", ncols=2)
    axes[-1, 0].set_xlabel("epoch")
    axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    headline(figure, title)
    return figure


def curves_of(history, what: str = "history") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return recorded curves by name: their values, and the epochs to which these belong.

    Epochs count from 1. Those without a value (NaN) are left out.

    Raises
    ------
    TypeError
        If it is no history, or holds something else than numbers.
    ValueError
        If there is no telling to which epochs the values belong.
    """
    import pandas as pd

    recorded = (
        history if isinstance(history, pd.DataFrame) else getattr(history, "history", history)
    )
    numbers = getattr(history, "epoch", None) if recorded is not history else None
    if isinstance(recorded, pd.DataFrame):  # what train_model gives holds one, too
        numbers = None
        recorded = {name: recorded[name] for name in recorded}
    recorded = _options.mapping(what, recorded, "the names of metrics to their values")
    curves = {name: _options.numbers(name, values) for name, values in recorded.items()}
    for name, curve in curves.items():
        if curve.ndim != 1:
            raise TypeError(f"{name} has shape {curve.shape}; it must hold one number per epoch.")
    longest = max(map(len, curves.values()), default=0)
    epochs = np.arange(1, longest + 1)
    if numbers is not None and len(numbers) == longest:  # of Keras, where epochs count from 0
        epochs = np.asarray(numbers, dtype=int) + 1
    found = {}
    for name, curve in curves.items():
        places, there = _places(name, len(curve), epochs), ~np.isnan(curve.astype(float))
        found[name] = (curve[there], places[there])
    return found


def _places(name: str, length: int, epochs: np.ndarray) -> np.ndarray:
    """Return the epochs to which so many values of a curve belong."""
    ways = {tuple(epochs)} if length == len(epochs) else set()
    if not ways and length and name.startswith("val_"):
        # Keras validates after each epoch that validation_freq divides.
        every = range(2, int(epochs[-1]) + 1)
        ways = {tuple(epochs[epochs % frequency == 0]) for frequency in every}
        ways = {places for places in ways if len(places) == length}
    if len(ways) != 1:
        raise ValueError(
            f"{name} has {length} values and there are {len(epochs)} epochs, so there is no "
            "telling to which of them they belong; give a table with a row for each epoch, and "
            "NaN where there is no value."
        )
    return np.array(ways.pop(), dtype=int)

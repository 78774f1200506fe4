"""Activation functions, and training curves of several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit.plotting._history import curves_of
from coursekit.plotting._style import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_activations(
    names: Sequence[str] = ("linear", "relu", "sigmoid", "tanh"), *, limit: float = 4.0
) -> Figure:
    """Draw activation functions side by side, as Keras computes them.

    Parameters
    ----------
    names : sequence of str
        Keras names of functions that act on each number alone (so not softmax).
    limit : float
        Inputs run from ``-limit`` to ``limit``.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels to a row.

    Raises
    ------
    ValueError
        If Keras knows no such function.
    """
    import keras
    import matplotlib.pyplot as plt

    z = np.linspace(-limit, limit, 401)
    rows = -(-len(names) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(6.0, 2.4 * rows), squeeze=False, sharex=True)
    for axis, name in zip(axes.flat, names, strict=False):
        axis.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
        axis.axvline(0, color=COLOURS["neutral"], linewidth=0.8)
        axis.plot(z, np.asarray(keras.activations.get(name)(z)), color="black")
        axis.set_title(name, loc="center")
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    for axis in axes[-1]:
        axis.set_xlabel("weighted sum")
    return figure


def plot_comparison(
    histories: Mapping[str, object], *, metric: str = "val_loss", title: str | None = None
) -> Figure:
    """Draw one recorded metric of several models in one panel.

    Parameters
    ----------
    histories : mapping of str to history
        Name of each model, and what ``plot_history`` takes.
    metric : str
        Recorded name; ``val_...`` for the validation part.
    title : str, optional
        The finding, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Models differ by line style as well as shade; epochs count from 1.

    Raises
    ------
    KeyError
        If a model did not record the metric.
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots()
    styles = ["-", "--", ":", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1))]
    shades = plt.get_cmap("cividis")(np.linspace(0, 0.8, max(len(histories), 2)))
    for place, (name, history) in enumerate(histories.items()):
        recorded = curves_of(history)
        if metric not in recorded:
            raise KeyError(f"{name} did not record {metric}; it has {', '.join(recorded)}.")
        curve = np.asarray(recorded[metric])
        axis.plot(
            np.arange(1, len(curve) + 1),
            curve,
            label=name,
            linestyle=styles[place % len(styles)],
            color=shades[place],
        )
    part = "validation " if metric.startswith("val_") else "training "
    axis.set(xlabel="epoch", ylabel=part + metric.removeprefix("val_").replace("_", " "))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(axis="y", alpha=0.3)
    axis.legend()
    if title:
        axis.set_title(title)
    return figure

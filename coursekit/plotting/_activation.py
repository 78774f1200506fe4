"""Plots of activation functions, and of one metric for several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _keras, _options
from coursekit.plotting._history import curves_of
from coursekit.plotting.style import COLOURS, PLAIN_TEXT, headline, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_activations(
    names: Sequence[str] = ("linear", "relu", "sigmoid", "tanh"), *, limit: float = 4.0
) -> Figure:
    """Draw activation functions side by side, as Keras computes them.

    Parameters
    ----------
    names : sequence of str
        Keras names of functions that act on each number separately (so not softmax).
    limit : float
        Inputs range from ``-limit`` to ``limit``; more than 0 and at most 1e6.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per function, two panels per row.

    Raises
    ------
    TypeError
        If ``names`` is not a sequence of text, or ``limit`` is not a number.
    ValueError
        If ``names`` is empty, Keras does not know a function, a function does not act on each
        number separately, or ``limit`` is out of range.
    """
    import matplotlib.pyplot as plt

    keras = _keras.load()
    names = _options.sequence("names", names, "names of Keras, such as ['relu']")
    if not names:
        raise ValueError("names is empty; give the name of at least one function.")
    limit = _options.number("limit", limit, "more than 0 and at most 1e6", lambda x: 0 < x <= 1e6)
    z = np.linspace(-limit, limit, 401)
    curves = [_activation(keras, name, z) for name in names]
    rows = -(-len(names) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(6.0, 2.4 * rows), squeeze=False, sharex=True)
    for axis, name, curve in zip(axes.flat, names, curves, strict=False):
        axis.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
        axis.axvline(0, color=COLOURS["neutral"], linewidth=0.8)
        axis.plot(z, curve, color="black")
        axis.set_title(name, loc="center", **PLAIN_TEXT)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    for axis in axes[-1]:
        axis.set_xlabel("weighted sum")
    return figure


def _activation(keras, name: str, z: np.ndarray) -> np.ndarray:
    """Return an activation function's values at ``z``, if it acts on each number separately."""
    function = _keras.known(keras.activations.get, "names hold", name, "relu")
    middle = np.asarray(function(z[100:300]))
    if middle.shape == (200,):
        curve = np.asarray(function(z))
        if np.allclose(curve[100:300], middle, equal_nan=True):
            return curve
    raise ValueError(f"{name!r} does not act on each number alone, so it has no curve.")


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
        If ``histories`` is empty, or the epochs of a curve cannot be determined.
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
    styles = ["-", "--", ":", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1))]
    shades = plt.get_cmap("cividis")(np.linspace(0, 0.8, max(len(histories), 2)))
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

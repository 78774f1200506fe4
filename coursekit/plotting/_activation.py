"""Activation functions, and training curves of several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _keras, _options
from coursekit.plotting._history import curves_of
from coursekit.plotting.style import AS_WRITTEN, COLOURS, headline, legend, name_axes

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
        Inputs run from ``-limit`` to ``limit``, which is more than 0 and at most 1e6.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels to a row.

    Raises
    ------
    TypeError
        If ``names`` are no sequence of text, or ``limit`` no number.
    ValueError
        If there is no name, Keras knows no such function, it does not act on each number
        alone, or ``limit`` is out of range.
    """
    keras = _keras.load()
    import matplotlib.pyplot as plt

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
        axis.set_title(name, loc="center", **AS_WRITTEN)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    for axis in axes[-1]:
        axis.set_xlabel("weighted sum")
    return figure


def _activation(keras, name: str, z: np.ndarray) -> np.ndarray:
    """Compute an activation function of Keras, or say why that makes no curve."""
    if not isinstance(name, str):
        raise TypeError(f"names hold {_options.shown(name)}; give names of Keras, such as 'relu'.")
    try:
        function = keras.activations.get(name)
    except ValueError:
        raise ValueError(f"Keras knows no activation function {name!r}.") from None
    middle = np.asarray(function(z[100:300]))
    if middle.shape == (200,):
        curve = np.asarray(function(z))
        if np.allclose(curve[100:300], middle, equal_nan=True):
            return curve
    raise ValueError(f"{name!r} does not act on each number alone, so it has no curve.")


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
    TypeError
        If ``histories`` is no mapping, one is no history, or ``metric`` or ``title`` no text.
    ValueError
        If there is no model, or no telling to which epochs the values of a curve belong.
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
    for place, (name, (curve, epochs)) in enumerate(curves.items()):
        axis.plot(
            epochs,
            curve,
            label=name,
            linestyle=styles[place % len(styles)],
            color=shades[place],
            marker="o" if len(curve) == 1 else None,
        )
    part = "validation " if metric.startswith("val_") else "training "
    name_axes(axis, "epoch", part + metric.removeprefix("val_").replace("_", " "))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(axis="y", alpha=0.3)
    legend(axis, axis.get_lines(), list(curves))
    headline(axis, title)
    return figure

"""An interactive figure: move three inputs and see how the threshold network classifies them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.live._figure import LiveFigure, compose
from coursekit.live._weights import Dense, dense_layers, encode_dense
from coursekit.plotting import COLOURS
from coursekit.plotting.style import PLAIN_TEXT

if TYPE_CHECKING:
    import keras

_INPUTS, _CLASSES = 3, 2
_INITIAL_INPUTS = (0.6, 0.4, 0.3)


def threshold_figure(
    model: keras.Sequential,
    *,
    threshold: float = 1.5,
    names: Sequence[str] = ("a", "b", "c"),
) -> LiveFigure:
    """Return a figure in which readers move the three inputs of the threshold network.

    Parameters
    ----------
    model : keras.Sequential
        A model such as :func:`coursekit.models.threshold_network` builds: 3 inputs, one or
        more hidden layers (relu), 2 outputs (softmax).
    threshold : float
        Threshold of the labels, between 0 and 3 (both excluded): an example is of class 1 if
        the sum of its inputs is larger.
    names : sequence of three str
        Names of the inputs.

    Returns
    -------
    LiveFigure
        The figure, which a notebook displays.

    Raises
    ------
    TypeError, ValueError
        If the model, the threshold or the names are not as described.
    """
    layers = dense_layers(model, inputs=_INPUTS, classes=_CLASSES)
    threshold = _options.number(
        "threshold", threshold, "more than 0 and less than 3", lambda found: 0 < found < 3
    )
    names = _options.names("names", names)
    if len(names) != _INPUTS:
        raise ValueError(f"there are {len(names)} names; the model has {_INPUTS} inputs.")
    encoded = [encode_dense(layer) for layer in layers]  # few weights, so at full precision
    data = {"layers": encoded, "threshold": threshold, "names": names, "begin": _INITIAL_INPUTS}
    return compose(
        "threshold",
        data,
        title="Move three numbers across the threshold",
        alt=f"Map of the network's probability of class 1 for all {names[0]} and {names[1]} from "
        f"0 to 1, with {names[2]} at {_INITIAL_INPUTS[2]}. A dashed line shows where the rule has "
        "its border.",
        draw=lambda: _draw(layers, threshold, names),
    )


def _draw(layers: list[Dense], threshold: float, names: Sequence[str]):
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    cells = 48
    centres = (np.arange(cells) + 0.5) / cells
    rows = [(a, b, _INITIAL_INPUTS[2]) for b in centres for a in centres]
    rows = np.array(rows, dtype=np.float32)
    for layer in layers:
        rows = layer(rows)
    colours = [COLOURS["class_0"], "white", COLOURS["class_1"]]
    figure = Figure(figsize=(4.6, 3.6))
    axis = figure.subplots()
    scale = LinearSegmentedColormap.from_list("classes", colours)
    options = {"origin": "lower", "extent": (0, 1, 0, 1), "vmin": 0, "vmax": 1, "cmap": scale}
    picture = axis.imshow(rows[:, 1].reshape(cells, cells), **options)
    rest = threshold - _INITIAL_INPUTS[2]
    axis.plot([rest - 1, rest], [1, 0], "--", color="black", linewidth=1)
    axis.set(xlim=(0, 1), ylim=(0, 1))
    axis.set_xlabel(names[0], **PLAIN_TEXT)
    axis.set_ylabel(names[1], **PLAIN_TEXT)
    figure.colorbar(picture, label="P(class 1)")
    return figure

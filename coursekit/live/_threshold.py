"""An interactive figure: move three inputs and see how the threshold network classifies them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit.datasets.threshold import THRESHOLD
from coursekit.live._figure import LiveFigure, compose
from coursekit.live._weights import Dense, dense_layers, encode_dense
from coursekit.plotting import COLOURS

if TYPE_CHECKING:
    import keras

_NAMES = ("a", "b", "c")  # of the inputs
_INITIAL_INPUTS = (0.6, 0.4, 0.3)


def threshold_figure(
    model: keras.Sequential,
) -> LiveFigure:
    """Return a figure in which readers move the three inputs of the threshold network.

    Parameters
    ----------
    model : keras.Sequential
        A model such as :func:`coursekit.models.threshold_network` builds: 3 inputs, one or
        more hidden layers (relu), 2 outputs (softmax).

    Returns
    -------
    LiveFigure
        The figure, which a notebook displays.

    Raises
    ------
    TypeError, ValueError
        If the model is not as described.
    """
    layers = dense_layers(model, inputs=len(_NAMES), classes=2)
    encoded = [encode_dense(layer) for layer in layers]  # few weights, so at full precision
    data = {"layers": encoded, "threshold": THRESHOLD, "names": _NAMES, "begin": _INITIAL_INPUTS}
    return compose(
        "threshold",
        data,
        title="Move three numbers across the threshold",
        alt="Map of the network's probability of class 1 for all a and b from 0 to 1, with c at "
        f"{_INITIAL_INPUTS[2]}. A dashed line shows where the rule has its border.",
        draw=lambda: _draw(layers),
    )


def _draw(layers: list[Dense]):
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
    rest = THRESHOLD - _INITIAL_INPUTS[2]
    axis.plot([rest - 1, rest], [1, 0], "--", color="black", linewidth=1)
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel=_NAMES[0], ylabel=_NAMES[1])
    figure.colorbar(picture, label="P(class 1)")
    return figure

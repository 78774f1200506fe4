"""Plots of a dense network as nodes and edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _keras, _options
from coursekit.plotting.style import COLOURS, PLAIN_TEXT, headline

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

_ELLIPSIS = None  # marks the nodes of a wide layer that are not drawn


def plot_network(
    model: keras.Sequential,
    observation: Sequence[float] | None = None,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    most_nodes: int = 10,
    title: str | None = None,
) -> Figure:
    """Draw the nodes and weights of a dense model, and the node values for one example.

    Parameters
    ----------
    model : keras.Sequential
        A built model of dense layers. Dropout layers are not drawn: they are inactive in
        prediction.
    observation : sequence of float, optional
        One row of inputs. If given, each node shows its value and is shaded accordingly.
    inputs, outputs : sequence of str, optional
        Names to print beside the input and output nodes, one per node.
    most_nodes : int
        Maximum number of nodes to draw per layer, at least 3. Of a wider layer, only the first
        and last nodes are drawn, with dots between them.
    title : str, optional
        Text above the figure; state the finding.

    Returns
    -------
    matplotlib.figure.Figure
        Layers from left to right. The width of an edge grows with the size of its weight.
        Positive weights are blue and solid, negative weights red and dashed.

    Raises
    ------
    TypeError
        If ``model`` is not a Keras model or has layers of another kind, or an option has
        another type.
    ValueError
        If the model is not built or has no dense layers, a weight or node value is not finite,
        the observation or the names do not fit the model, or ``most_nodes`` is less than 3.
    """
    import matplotlib.pyplot as plt

    title = _options.text("title", title)
    layers = _keras.dense_layers(model)
    weights = [_keras.finite_weights(layer)[0].astype(float) for layer in layers]
    widths = [len(weights[0]), *(kernel.shape[1] for kernel in weights)]
    if inputs is not None:
        inputs = _options.names("inputs", inputs, number=widths[0], of="the model has")
    if outputs is not None:
        outputs = _options.names("outputs", outputs, number=widths[-1], of="the model has")
    most_nodes = _options.whole("most_nodes", most_nodes, least=3)
    values = _node_values(layers, observation, widths[0]) if observation is not None else None

    shown = [_visible_nodes(width, most_nodes) for width in widths]
    tallest = max(len(nodes) for nodes in shown)
    figure, axis = plt.subplots(figsize=(6.0, 1.0 + 0.48 * max(tallest, 4)))
    positions = [
        {node: (x, (len(nodes) - 1) / 2 - row) for row, node in enumerate(nodes)}
        for x, nodes in enumerate(shown)
    ]
    largest = max(np.abs(kernel).max() for kernel in weights) or 1.0
    for x, kernel in enumerate(weights):
        for (start, end), weight in np.ndenumerate(kernel):
            if start in positions[x] and end in positions[x + 1]:
                ends = positions[x][start], positions[x + 1][end]
                _draw_edge(axis, *ends, weight / largest)
    for x, nodes in enumerate(positions):
        scale = np.abs(values[x]).max() or 1.0 if values else 1.0
        for node, position in nodes.items():
            value = None if values is None or node is _ELLIPSIS else float(values[x][node])
            _draw_node(axis, position, node, value, scale)
    for names, x, side in ((inputs, 0, -1), (outputs, len(widths) - 1, 1)):
        for node, (_, y) in positions[x].items():
            if names is not None and node is not _ELLIPSIS:
                beside = {"ha": "right" if side < 0 else "left", "va": "center"}
                axis.text(x + 0.2 * side, y, names[node], **beside, **PLAIN_TEXT)
    below = min(y for nodes in positions for _, y in nodes.values()) - 0.75
    grey = COLOURS["neutral"]
    labels = ["input", *(_layer_label(layer) for layer in layers)]
    for x, label in enumerate(labels):
        axis.text(x, below, label, ha="center", va="top", fontsize=10, color=grey, **PLAIN_TEXT)
    axis.set_xlim(-0.75 if inputs else -0.35, len(widths) - 1 + (0.75 if outputs else 0.35))
    axis.set_ylim(below - 0.9, -below + 0.1)
    axis.axis("off")
    headline(axis, title)
    return figure


def _node_values(layers, observation, width: int) -> list[np.ndarray]:
    """Compute the value of every node, layer by layer."""
    given = _options.numbers("observation", observation)
    if given.shape not in ((width,), (1, width)):
        raise ValueError(
            f"the observation has {given.size} numbers; the model has {width} inputs."
            if given.ndim < 2
            else f"the observation has shape {given.shape}; it must be ({width},): one row."
        )
    if not (np.abs(given) < 1e38).all():  # also refuses NaN; float32 holds no more
        raise ValueError(f"the observation is {given.tolist()}; its numbers must be finite.")
    values = [given.reshape(-1).astype(np.float32)]
    for layer in layers:
        values.append(np.asarray(layer(values[-1][None])).astype(float)[0])
        if not np.isfinite(values[-1]).all():
            raise ValueError(
                f"the observation {given.tolist()} makes {layer.name} give values that are not "
                "finite; scale it first."
            )
    return values


def _visible_nodes(width: int, max_nodes: int) -> list[int | None]:
    """Choose which nodes of a layer to draw, from top to bottom."""
    if width <= max_nodes:
        return list(range(width))
    half = (max_nodes - 1) // 2
    return [*range(half), _ELLIPSIS, *range(width - half, width)]


def _draw_edge(axis, start, end, weight: float) -> None:
    axis.plot(
        *zip(start, end, strict=True),
        color=COLOURS["positive" if weight >= 0 else "negative"],
        linestyle="-" if weight >= 0 else (0, (4, 1.5)),
        linewidth=0.3 + 3.2 * abs(weight),
        alpha=0.25 + 0.65 * abs(weight),
        solid_capstyle="round",
        zorder=1,
    )


def _draw_node(axis, position, node, value: float | None, scale: float) -> None:
    if node is _ELLIPSIS:
        axis.text(*position, "⋮", ha="center", va="center", fontsize=16)
        return
    shade = 0.0 if value is None else 0.75 * abs(value) / scale
    face = (1 - shade * np.array([0.10, 0.25, 0.75])).clip(0, 1)  # white to yellow
    axis.plot(*position, "o", markersize=23, mfc=face, mec="#333333", zorder=2)
    if value is not None:
        style = {"ha": "center", "va": "center", "fontsize": 8.5, "color": "black", "zorder": 3}
        axis.text(*position, _format_value(value), **style)


def _format_value(value: float) -> str:
    """Write a number in at most four characters, so that it stays inside its node."""
    digits = 2 if 0 <= value < 9.995 else 1 if -9.95 < value < 99.95 else 0
    return f"{value:z.{digits}f}".replace("-", "−")  # z makes 0.0 of -0.0


def _layer_label(layer) -> str:
    # An activation may also be an object without a name, such as a layer.
    activation = layer.activation
    return f"{layer.name}\n{getattr(activation, '__name__', type(activation).__name__)}"

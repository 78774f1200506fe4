"""An interactive figure: slide a learned kernel over a window of a signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.datasets.walking import CHANNELS, SAMPLING_RATE
from coursekit.live._figure import LiveFigure, compose
from coursekit.live._weights import encode, first_convolution
from coursekit.plotting import COLOURS
from coursekit.plotting.style import PLAIN_TEXT

if TYPE_CHECKING:
    import keras


def kernel_figure(
    model: keras.Sequential,
    windows: Mapping[str, np.ndarray],
) -> LiveFigure:
    """Return a figure in which readers slide a model's first kernels over windows of walking.

    Parameters
    ----------
    model : keras.Sequential
        A built model whose first layer is a ``Conv1D`` with ``padding="valid"`` and activation
        relu or linear, for example :func:`coursekit.models.walking_final_cnn`.
    windows : mapping of str to ndarray, shape (length, 3)
        Name and values of each window, at 52 Hz; all of the same length. The first is shown
        initially, with the kernel that has the largest response to it.

    Returns
    -------
    LiveFigure
        The figure, which a notebook displays.

    Raises
    ------
    TypeError, ValueError
        If the model or the windows are not as described.
    """
    layer = first_convolution(model)
    size, depth, filters = layer["kernel"].shape
    if depth != len(CHANNELS):
        raise ValueError(f"the kernels have {depth} channels; this figure needs {len(CHANNELS)}.")
    windows = _options.mapping("windows", windows, "names to arrays")
    if not windows:
        raise ValueError("there is no window; give at least 1.")
    arrays = {name: _options.numbers(name, window) for name, window in windows.items()}
    first = next(iter(arrays.values()))
    for name, window in arrays.items():
        if window.shape != (*first.shape[:1], depth) or len(window) < size:
            raise ValueError(
                f"{name} has shape {window.shape}; all windows must have the same length, at least "
                f"the {size} samples that a kernel covers, and {depth} columns: "
                f"{', '.join(CHANNELS)}."
            )
        if not (np.abs(window) < 1e30).all():  # also refuses NaN; float32 may overflow beyond
            raise ValueError(f"{name} holds values that are not finite, or beyond 1e30.")
    arrays = {name: window.astype(np.float32) for name, window in arrays.items()}
    first = next(iter(arrays.values()))
    responses = _responses(first, layer)
    position, chosen = np.unravel_index(responses.argmax(), responses.shape)
    described = layer | {"size": size, "channels": depth, "filters": filters}
    described |= {name: encode(layer[name]) for name in ("kernel", "bias")}
    data = {
        "layer": described,
        "channels": CHANNELS,
        "windows": [{"name": name, "values": encode(window)} for name, window in arrays.items()],
        "length": len(first),
        "rate": SAMPLING_RATE,
        "filter": int(chosen),
    }
    begins = position * layer["strides"]
    return compose(
        "kernel",
        data,
        title="Slide a learned kernel over a window",
        alt=f"{depth} channels of {next(iter(arrays))}, with kernel {chosen} laid over samples "
        f"{begins} to {begins + size - 1}, where its output, drawn below, is highest.",
        draw=lambda: _draw(first, layer, responses[:, chosen], chosen, begins),
    )


def _responses(window: np.ndarray, layer: dict) -> np.ndarray:
    """Return the response of each filter at each position, before the activation."""
    pieces = np.lib.stride_tricks.sliding_window_view(window, len(layer["kernel"]), axis=0)
    pieces = pieces[:: layer["strides"]]  # (positions, channels, time steps)
    return np.einsum("pcs,scf->pf", pieces, layer["kernel"]) + layer["bias"]


def _draw(window, layer, response, chosen: int, begins: int):
    from matplotlib.figure import Figure

    kernel = layer["kernel"][:, :, chosen]
    size, depth = kernel.shape
    figure = Figure(figsize=(6.0, 0.9 + 0.8 * (depth + 1)))
    axes = figure.subplots(depth + 1, 1, sharex=True)
    tall = 0.8 * np.abs(window).max() / (np.abs(kernel).max() or 1)
    for channel, axis in enumerate(axes[:-1]):
        axis.axvspan(begins, begins + size - 1, color=COLOURS["train"], alpha=0.15, linewidth=0)
        axis.plot(window[:, channel], color=COLOURS["neutral"], linewidth=1)
        steps = np.arange(begins, begins + size)
        axis.plot(steps, tall * kernel[:, channel], color=COLOURS["train"])
        axis.set_yticks([])
        axis.set_ylabel(CHANNELS[channel], **PLAIN_TEXT)
    middle = np.arange(len(response)) * layer["strides"] + (size - 1) / 2
    output = np.maximum(response, 0) if layer["activation"] == "relu" else response
    axes[-1].plot(middle, response, color=COLOURS["neutral"], linewidth=1)
    axes[-1].plot(middle, output, color="black")
    axes[-1].plot(begins + (size - 1) / 2, output.max(), "o", color=COLOURS["train"])
    axes[-1].set(ylabel="output", yticks=[], xlabel="sample")
    return figure

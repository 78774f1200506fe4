"""Plots of windows of a signal, one panel per channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.datasets.walking import CHANNELS, SAMPLING_RATE
from coursekit.plotting.style import COLOURS, PLAIN_TEXT, headline, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("black", COLOURS["class_1"], COLOURS["class_0"])
_STYLES = ("-", "--", ":")


def plot_windows(windows: Mapping[str, np.ndarray], *, title: str | None = None) -> Figure:
    """Draw one to three windows of the walking data together, one panel per channel.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape (length, 3)
        Name and values of each window, at 52 Hz; one to three of them.
    title : str, optional
        Text above the figure; state the finding.

    Returns
    -------
    matplotlib.figure.Figure
        Time runs from left to right, in seconds. Windows differ by colour and line style; a
        legend below the panels names them if there are several.

    Raises
    ------
    TypeError
        If ``windows`` is not a mapping to arrays of numbers, or ``title`` is not text.
    ValueError
        If there is no window or more than three, or a window has another shape.
    """
    import matplotlib.pyplot as plt

    title = _options.text("title", title)
    arrays = _options.windows("windows", windows, CHANNELS)
    if not 1 <= len(arrays) <= len(_COLOURS):
        raise ValueError(f"there are {len(arrays)} windows; give 1 to {len(_COLOURS)}.")

    figure, axes = plt.subplots(len(CHANNELS), 1, figsize=(6.0, 4.85), sharex=True)
    for index, (axis, channel) in enumerate(zip(axes, CHANNELS, strict=True)):
        for (name, window), colour, style in zip(arrays.items(), _COLOURS, _STYLES, strict=False):
            seconds, look = (
                np.arange(len(window)) / SAMPLING_RATE,
                {"color": colour, "linestyle": style},
            )
            axis.plot(seconds, window[:, index], linewidth=1.4, label=name, **look)
        axis.set_ylabel(channel, **PLAIN_TEXT)
        axis.margins(x=0.01)
    axes[-1].set_xlabel("time (s)")
    if len(arrays) > 1:
        curves = axes[0].get_lines()
        legend(figure, curves, list(arrays), loc="outside lower center", ncols=len(arrays))
    headline(figure, title)
    return figure

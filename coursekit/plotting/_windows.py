"""Plots of windows of a signal, one panel per channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.datasets.walking import CHANNELS, SAMPLING_RATE
from coursekit.plotting.style import COLOURS, PLAIN_TEXT, headline, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("black", COLOURS["class_1"], COLOURS["class_0"])
_STYLES = ("-", "--", ":")


def plot_windows(
    windows: Mapping[str, np.ndarray],
    *,
    sampling_rate: float = SAMPLING_RATE,
    channels: Sequence[str] = CHANNELS,
    title: str | None = None,
) -> Figure:
    """Draw one to three windows of a signal together, one panel per channel.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape (length, channels)
        Name and values of each window; one to three of them.
    sampling_rate : float
        Time steps per second, in Hz, more than 0; by default that of the walking data.
    channels : sequence of str
        Names of the channels; by default those of the walking data.
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
        If ``windows`` is not a mapping to arrays of numbers, ``sampling_rate`` is not a number,
        ``channels`` is not a sequence or is a single text, or ``title`` is not text.
    ValueError
        If there is no window or more than three, no channel, a window has another shape, or
        ``sampling_rate`` is out of range.
    """
    import matplotlib.pyplot as plt

    title = _options.text("title", title)
    channels = _options.names("channels", channels)
    if not channels:
        raise ValueError("channels is empty; name at least one channel.")
    rate = _options.positive("sampling_rate", sampling_rate)
    arrays = _options.windows("windows", windows, channels)
    if not 1 <= len(arrays) <= len(_COLOURS):
        raise ValueError(f"there are {len(arrays)} windows; give 1 to {len(_COLOURS)}.")

    figure, axes = plt.subplots(
        len(channels), 1, figsize=(6.0, 0.8 + 1.35 * len(channels)), sharex=True, squeeze=False
    )
    for index, (axis, channel) in enumerate(zip(axes[:, 0], channels, strict=True)):
        for (name, window), colour, style in zip(arrays.items(), _COLOURS, _STYLES, strict=False):
            seconds, look = np.arange(len(window)) / rate, {"color": colour, "linestyle": style}
            axis.plot(seconds, window[:, index], linewidth=1.4, label=name, **look)
        axis.set_ylabel(channel, **PLAIN_TEXT)
        axis.margins(x=0.01)
    axes[-1, 0].set_xlabel("time (s)")
    if len(arrays) > 1:
        curves = axes[0, 0].get_lines()
        legend(figure, curves, list(arrays), loc="outside lower center", ncols=len(arrays))
    headline(figure, title)
    return figure

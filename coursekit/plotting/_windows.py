"""Windows of a signal, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit.datasets.walking import CHANNELS, SAMPLING_RATE
from coursekit.plotting._style import COLOURS

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
    """Draw one to three windows of a signal over each other, one panel per channel.

    Parameters
    ----------
    windows : mapping of str to ndarray, shape (length, channels)
        What each window is called, and its values.
    sampling_rate : float
        Samples per second, in Hz; by default that of the walking data.
    channels : sequence of str
        Name of each channel; by default those of the walking data.
    title : str, optional
        The finding, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Time in seconds from left to right. Windows differ by colour and line style; they
        are named below the panels where there are several.

    Raises
    ------
    ValueError
        If there is no window or more than three, or their shapes do not fit.
    """
    import matplotlib.pyplot as plt

    if not 1 <= len(windows) <= len(_COLOURS):
        raise ValueError(f"there are {len(windows)} windows; give 1 to {len(_COLOURS)}.")
    arrays = {name: np.asarray(window) for name, window in windows.items()}
    for name, window in arrays.items():
        if window.ndim != 2 or window.shape[1] != len(channels):
            raise ValueError(
                f"{name} has shape {window.shape}; it must be (samples, {len(channels)}): one "
                f"column for each of {', '.join(channels)}."
            )

    figure, axes = plt.subplots(
        len(channels), 1, figsize=(6.0, 0.8 + 1.35 * len(channels)), sharex=True, squeeze=False
    )
    for place, (axis, channel) in enumerate(zip(axes[:, 0], channels, strict=True)):
        for (name, window), colour, style in zip(arrays.items(), _COLOURS, _STYLES, strict=False):
            axis.plot(
                np.arange(len(window)) / sampling_rate,
                window[:, place],
                color=colour,
                linestyle=style,
                linewidth=1.4,
                label=name,
            )
        axis.set_ylabel(channel)
        axis.margins(x=0.01)
    axes[-1, 0].set_xlabel("time (s)")
    if len(arrays) > 1:
        figure.legend(
            *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(arrays)
        )
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    return figure

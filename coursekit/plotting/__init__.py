"""The figures that more than one chapter draws, and the one style they share."""

from coursekit.plotting._activation import plot_activations, plot_comparison
from coursekit.plotting._history import plot_history
from coursekit.plotting._network import plot_network
from coursekit.plotting._style import COLOURS, use_style

__all__ = [
    "COLOURS",
    "plot_activations",
    "plot_comparison",
    "plot_history",
    "plot_network",
    "use_style",
]

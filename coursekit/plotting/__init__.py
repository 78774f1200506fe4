"""Figures that several chapters draw, and the style that they share."""

from coursekit.plotting._comparison import plot_comparison
from coursekit.plotting._confusion import plot_confusion
from coursekit.plotting._digits import plot_digits
from coursekit.plotting._history import plot_history
from coursekit.plotting._network import plot_network
from coursekit.plotting.style import COLOURS, use_style

__all__ = [
    "COLOURS",
    "plot_comparison",
    "plot_confusion",
    "plot_digits",
    "plot_history",
    "plot_network",
    "use_style",
]

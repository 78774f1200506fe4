"""Figures that several chapters draw, and the style that they share."""

from coursekit.plotting._comparison import plot_comparison
from coursekit.plotting._confusion import plot_confusion, plot_mismatches
from coursekit.plotting._digits import plot_digits
from coursekit.plotting._history import plot_history
from coursekit.plotting._network import plot_network
from coursekit.plotting._windows import plot_windows
from coursekit.plotting.style import COLOURS, use_style

__all__ = [
    "COLOURS",
    "plot_comparison",
    "plot_confusion",
    "plot_digits",
    "plot_history",
    "plot_mismatches",
    "plot_network",
    "plot_windows",
    "use_style",
]
